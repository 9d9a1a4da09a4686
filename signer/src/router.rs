//! Every route, on one page. The API is served under `/api` and `/api/v1` alike.

use crate::{Signer, boundary, error::Error, files, health, uploads, webhooks};
use axum::{
    Router, middleware,
    routing::{get, post},
};

/// The public API with all its layers.
pub(crate) fn public(signer: &Signer) -> Router {
    let boundary = middleware::from_fn_with_state(signer.clone(), boundary::boundary);
    Router::new()
        .nest("/api", api())
        .nest("/api/v1", api())
        .fallback(async || Error::RouteNotFound)
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        .layer(boundary)
        .with_state(signer.clone())
}

fn api() -> Router<Signer> {
    Router::new()
        .route("/files", get(files::list))
        .route("/files/upload", post(uploads::upload))
        .route("/files/{fileId}", get(files::read).delete(files::delete))
        .route("/files/{fileId}/signed-url", post(files::signed_url))
        .route("/auth/health", get(health::auth))
        .route("/system/health", get(health::system))
        .route("/webhooks/clerk", post(webhooks::clerk))
}

/// What the internal listener serves.
pub(crate) fn internal(signer: &Signer) -> Router {
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .with_state(signer.clone())
}
