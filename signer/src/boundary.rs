//! Where every request comes in and every answer goes out: the request's id and trace, the headers that all answers
//! share, the body of every error, the one log line and the span. A request that names no one host goes no further.
//!
//! No panic leaves here, and a body that was not read to its end goes on being read for a moment, so that a client
//! in the middle of sending it sees the answer instead of a reset connection.

mod host;
mod linger;
mod teller;

use crate::{
    Signer,
    error::Error,
    observe::{REQUEST_ID, body_bytes, method_label, request_id, trace_of},
    rate_limit::Allowance,
};
use axum::{
    body::Body,
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use linger::Lingering;
use proto::{id::UserId, refusal::ErrorBody};
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::Instant,
};
use teller::{Outcome, Teller};
use traces::on_behalf;

/// For whoever is told 503.
pub(crate) const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// One request and its answer.
#[derive(Clone)]
pub(crate) struct Exchange(Arc<Facts>);

struct Facts {
    id: String,
    method: &'static str,
    route: String,
    user: OnceLock<UserId>,
    allowance: OnceLock<Allowance>,
    started: Instant,
}

impl Exchange {
    fn of(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
        Self(Arc::new(Facts {
            id: request_id(request.headers()),
            method: method_label(request.method()),
            route: route.into(),
            user: OnceLock::new(),
            allowance: OnceLock::new(),
            started: Instant::now(),
        }))
    }

    /// The request's id.
    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    /// Whose request it is.
    pub(crate) fn is_of(&self, user: &UserId) {
        self.0.user.get_or_init(|| user.clone());
    }

    /// Whether anybody has proven whose request it is.
    pub(crate) fn is_proven(&self) -> bool {
        self.0.user.get().is_some()
    }

    /// What the answer is to say of its caller's window, whatever else it says.
    pub(crate) fn is_limited(&self, allowance: Allowance) {
        self.0.allowance.get_or_init(|| allowance);
    }

    /// The refusal of a call that does not fit in its caller's window.
    pub(crate) fn refuse(&self, allowance: Allowance) -> Error {
        self.is_limited(allowance);
        allowance.refusal()
    }
}

impl FromRequestParts<Signer> for Exchange {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &Signer) -> Result<Self, Error> {
        let exchange = parts.extensions.get::<Self>().cloned();
        exchange.ok_or(Error::Internal("a route outside the boundary".into()))
    }
}

/// The outermost layer of the API.
pub(crate) async fn boundary(State(signer): State<Signer>, request: Request, next: Next) -> Response {
    let exchange = Exchange::of(&request);
    let _counted = signer.metrics().begin();
    let trace = signer.traces().begin(trace_of(request.headers()));
    let forwarded = trace.context().cloned();
    let mut teller = Teller::new(&exchange, &signer, trace);
    let mut request = Lingering::wrap(request);
    request.extensions_mut().insert(exchange.clone());

    let handled = on_behalf(forwarded, async {
        match host::check(&request) {
            Ok(()) => next.run(request).await,
            Err(refused) => refused.into_response(),
        }
    });
    let outcome = AssertUnwindSafe(handled).catch_unwind().await;
    let mut response = outcome.unwrap_or_else(|_| Error::Internal("a handler panicked".into()).into_response());

    let error = response.extensions_mut().remove::<Arc<Error>>();
    if let Some(error) = &error {
        signer.metrics().refused(error.answer().code);
        write_error(&mut response, error, &exchange.0.id);
    }
    if let Some(allowance) = exchange.0.allowance.get() {
        allowance.write(response.headers_mut());
    }
    write_common_headers(response.headers_mut(), &exchange.0.id);
    let (status, bytes) = (response.status().as_u16(), body_bytes(exchange.0.method, &response));
    teller.tell(&Outcome { status, bytes, end: "answered", error: error.as_deref() });
    response
}

fn write_error(response: &mut Response, error: &Error, request_id: &str) {
    let answer = error.answer();
    let body = ErrorBody {
        error: answer.error,
        message: &answer.message,
        code: answer.code,
        request_id,
        expired_seconds_ago: None,
        server_time: None,
    };
    *response.body_mut() = Body::from(body.to_json());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.remove(header::CONTENT_LENGTH);
    match answer.status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        _ => {}
    }
    // The rest of a body that stalled is not waited for, and who names no host may have meant the bytes otherwise.
    if matches!(error, Error::Stalled | Error::Host(_)) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

fn write_common_headers(headers: &mut HeaderMap, request_id: &str) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let id = HeaderValue::from_str(request_id).expect("a request id is plain ASCII");
    headers.insert(REQUEST_ID, id);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Config,
        identity::{Identity, Key, KeySource, Rules},
        internal::ServiceTokens,
        origin::AllowedOrigins,
        proxies::TrustedProxies,
        rate_limit::Rate,
        tiers::{Limits, Tiers},
    };
    use axum::{Router, body::to_bytes, middleware, routing::get};
    use hyper_util::service::TowerToHyperService;
    use proto::{
        keys::KeyRing,
        storage::{Aws, CatalogUrl, StorageUrl},
    };
    use std::time::Duration;

    async fn signer(folder: &std::path::Path) -> Signer {
        let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
        let rate = Rate::new(1, 1).unwrap();
        let limits = Limits { rate, max_upload_bytes: 1, total_bytes: None, max_url_seconds: 1 };
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            internal_listen: "127.0.0.1:0".parse().unwrap(),
            public_files_url: String::new(),
            identity: Identity {
                keys: KeySource::Pem(Key::from_pem(&key.public_key_pem()).unwrap()),
                rules: Rules::default(),
                webhooks: None,
            },
            keys: KeyRing::from_settings(Some("0123456789abcdef0123456789abcdef"), None, false).unwrap(),
            storage: StorageUrl::Folder(folder.join("files")),
            aws: Aws::default(),
            catalog: CatalogUrl::Sqlite(folder.join("catalog.db")),
            tiers: Tiers::alike(limits),
            service_tokens: ServiceTokens::default(),
            audit_urls: false,
            gc_every: None,
            orphan_age: Duration::ZERO,
            redis: None,
            redis_patience: Duration::ZERO,
            public_url: None,
            allowed_origins: AllowedOrigins::default(),
            trusted_proxies: TrustedProxies::default(),
            unproven_rate: limits.rate,
            upload_patience: Duration::ZERO,
            max_uploads: 1,
            traces: None,
            drain_delay: Duration::ZERO,
            drain: Duration::ZERO,
        };
        Signer::open(config).await.unwrap()
    }

    #[tokio::test]
    async fn a_panic_is_a_500_that_tells_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let signer = signer(folder.path()).await;
        let panics = get(async || -> &'static str { panic!("with a secret in it") });
        let layer = middleware::from_fn_with_state(signer, boundary);
        let service = TowerToHyperService::new(Router::<()>::new().route("/", panics).layer(layer));
        let request = Request::builder().header(header::HOST, "a").body(Body::empty()).unwrap();
        let response = hyper::service::Service::call(&service, request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(response.into_body(), 4096).await.unwrap();
        let body = std::str::from_utf8(&body).unwrap();
        assert!(body.contains("\"internal_error\"") && !body.contains("secret"), "{body}");
    }
}
