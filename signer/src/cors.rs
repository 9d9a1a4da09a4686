//! Which pages of other origins may call the API and read its answers: those of `ALLOWED_ORIGINS`, with credentials.
//!
//! A preflight is answered here and goes no further, so it costs nothing. With credentials `*` is no wildcard
//! (Fetch section 3.2.3): every header is named.

use crate::{Signer, csrf::allowed_origin};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, X-Request-Id, Idempotency-Key, Upload-Length, Upload-Offset, Upload-Metadata, \
     Upload-Checksum, Upload-Concat, Upload-Defer-Length, Tus-Resumable, X-HTTP-Method-Override",
);
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit-Policy, RateLimit, Retry-After, \
     X-Request-Id, Location, Upload-Length, Upload-Offset, Upload-Metadata, Upload-Concat, Upload-Defer-Length, \
     Upload-Expires, Upload-File-Id, Upload-Warning, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm",
);
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// The layer around the API.
pub(crate) async fn share(State(signer): State<Signer>, request: Request, next: Next) -> Response {
    let allowed = allowed_origin(&signer, request.headers()).cloned();
    let mut response = match is_preflight(&request) {
        true => preflight(allowed.is_some()),
        false => next.run(request).await,
    };
    mark(response.headers_mut(), allowed);
    response
}

fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight(is_allowed: bool) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if is_allowed {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
    response
}

/// The answer depends on who asks, whoever it was this time.
fn mark(headers: &mut HeaderMap, allowed: Option<HeaderValue>) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
