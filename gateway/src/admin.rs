//! The admin listener: `/healthz`, `/readyz`, `/metrics`.

use crate::Gateway;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;

/// Answers a request on the admin listener.
pub(crate) async fn handle<B>(gateway: &Gateway, request: Request<B>) -> Response<Full<Bytes>> {
    const TEXT: &str = "text/plain; charset=utf-8";
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n");
    }
    match request.uri().path() {
        "/healthz" => answer(StatusCode::OK, TEXT, "ok\n"),
        "/readyz" => match not_ready(gateway).await {
            reasons if reasons.is_empty() => answer(StatusCode::OK, TEXT, "ready\n"),
            reasons => answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, reasons.join("\n") + "\n"),
        },
        "/metrics" => answer(StatusCode::OK, "text/plain; version=0.0.4", gateway.shared.metrics.text()),
        _ => answer(StatusCode::NOT_FOUND, TEXT, "there are /healthz, /readyz and /metrics\n"),
    }
}

/// Why no more requests should be sent here. Who is about to stop says so at once, whatever the others are at.
pub(crate) async fn not_ready(gateway: &Gateway) -> Vec<String> {
    let shared = &gateway.shared;
    if shared.draining.is_cancelled() {
        return vec!["draining".to_owned()];
    }
    let (catalog, storage) = tokio::join!(shared.catalog.check(), shared.store.check());
    catalog.err().into_iter().chain(storage.err()).collect()
}

fn answer(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(media_type));
    response
}
