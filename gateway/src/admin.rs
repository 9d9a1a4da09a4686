//! The admin listener: `/healthz`, `/readyz`, `/rotation`, `/metrics`.

use crate::Gateway;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use std::{sync::atomic::Ordering, time::Instant};

const TEXT: &str = "text/plain; charset=utf-8";

/// Answers a request on the admin listener.
pub(crate) async fn handle<B>(gateway: &Gateway, request: Request<B>) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n");
    }
    match request.uri().path() {
        "/healthz" => answer(StatusCode::OK, TEXT, "ok\n"),
        "/readyz" => verdict(&not_ready(gateway).await, "ready\n"),
        "/rotation" => verdict(&out_of_rotation(gateway).await, "in the rotation\n"),
        "/metrics" => answer(StatusCode::OK, "text/plain; version=0.0.4", gateway.shared.metrics.text()),
        _ => answer(StatusCode::NOT_FOUND, TEXT, "there are /healthz, /readyz, /rotation and /metrics\n"),
    }
}

/// Why no more requests should be sent here. Who is about to stop says so at once, whatever the others are at.
pub(crate) async fn not_ready(gateway: &Gateway) -> Vec<String> {
    let shared = &gateway.shared;
    if shared.draining.is_cancelled() {
        return vec!["draining".to_owned()];
    }
    let (catalog, storage) = tokio::join!(shared.catalog.check(), shared.store.check());
    let reasons: Vec<_> = catalog.err().into_iter().chain(storage.err()).collect();
    if reasons.is_empty() {
        shared.was_ready.store(true, Ordering::Relaxed);
    }
    reasons
}

/// Why a load balancer should send nothing here. What all gateways share may be away from all of them: whoever was ready
/// once goes on serving what it knows, and what it keeps, for as long as it may without hearing of changes.
async fn out_of_rotation(gateway: &Gateway) -> Vec<String> {
    let shared = &gateway.shared;
    let was_ready = shared.was_ready.load(Ordering::Relaxed) && !shared.draining.is_cancelled();
    if was_ready && shared.catalog.feed().vouches(Instant::now()) { Vec::new() } else { not_ready(gateway).await }
}

fn verdict(reasons: &[String], none: &'static str) -> Response<Full<Bytes>> {
    match reasons {
        [] => answer(StatusCode::OK, TEXT, none),
        reasons => answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, reasons.join("\n") + "\n"),
    }
}

fn answer(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(media_type));
    response
}
