//! A page may change something here only if it is one of ours, whatever cookies its browser sends along.
//!
//! A request that changes something and names an `Origin` must come from this API's own origin, or from one that
//! `ALLOWED_ORIGINS` lists. One without an `Origin` comes from no page: browsers name it on every such request.

use crate::{Signer, error::Error, origin::Origin, proxies::Peer};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// The layer around every route but webhooks.
pub(crate) async fn protect(State(signer): State<Signer>, request: Request, next: Next) -> Response {
    let changes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(request.method());
    if changes && !may_change(&signer, &request) {
        return Error::ForeignOrigin.into_response();
    }
    next.run(request).await
}

/// Every `Origin` must be one that may; a browser sends one.
fn may_change(signer: &Signer, request: &Request) -> bool {
    let mut named = request.headers().get_all(header::ORIGIN).iter().peekable();
    if named.peek().is_none() {
        return true;
    }
    let own = signer.config().public_url.clone().or_else(|| own_origin(signer, request));
    named.all(|value| read(value).is_some_and(|origin| own.as_ref() == Some(&origin) || is_allowed(signer, &origin)))
}

fn is_allowed(signer: &Signer, origin: &Origin) -> bool {
    signer.config().allowed_origins.hold(origin)
}

/// The origin that a request names, if it is one of `ALLOWED_ORIGINS`.
pub(crate) fn allowed_origin<'a>(signer: &Signer, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let value = headers.get(header::ORIGIN)?;
    read(value).filter(|origin| is_allowed(signer, origin)).map(|_| value)
}

fn read(value: &HeaderValue) -> Option<Origin> {
    value.to_str().ok()?.parse().ok()
}

/// What the request was sent to: its target's authority, else `Host` (RFC 9112 section 3.2.2).
fn own_origin(signer: &Signer, request: &Request) -> Option<Origin> {
    let peer = request.extensions().get::<Peer>();
    let is_https = peer.is_some_and(|peer| signer.config().trusted_proxies.is_https(peer.0, request.headers()));
    let target = request.uri().authority().map(|authority| authority.as_str());
    let host = target.or_else(|| request.headers().get(header::HOST)?.to_str().ok())?;
    format!("{}://{host}", if is_https { "https" } else { "http" }).parse().ok()
}
