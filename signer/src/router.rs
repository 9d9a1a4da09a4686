//! Every route, on one page. The API is served under `/api` and `/api/v1` alike.

use crate::{Signer, boundary, cors, csrf, error::Error, files, health, rate_limit::unproven, uploads};
use axum::{
    Router, middleware,
    routing::{get, post},
};

/// The public API with all its layers.
pub(crate) fn public(signer: &Signer) -> Router {
    // The last layer is the first that a request meets.
    Router::new()
        .nest("/api", api())
        .nest("/api/v1", api())
        .fallback(async || Error::RouteNotFound)
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(signer.clone(), csrf::protect))
        .layer(middleware::from_fn_with_state(signer.clone(), unproven::bound))
        .merge(unbounded())
        .layer(middleware::from_fn_with_state(signer.clone(), cors::share))
        .layer(middleware::from_fn_with_state(signer.clone(), boundary::boundary))
        .with_state(signer.clone())
}

/// What is bounded by no address: who asks for it has no identity, and must not be refused for others' sake.
fn unbounded() -> Router<Signer> {
    let routes = || {
        Router::new()
            .route("/auth/health", get(health::auth))
            .route("/system/health", get(health::system))
            .method_not_allowed_fallback(async || Error::MethodNotAllowed)
    };
    Router::new().nest("/api", routes()).nest("/api/v1", routes())
}

fn api() -> Router<Signer> {
    Router::new()
        .route("/files", get(files::list))
        .route("/files/upload", post(uploads::upload))
        .route("/files/{fileId}", get(files::read).delete(files::delete))
        .route("/files/{fileId}/signed-url", post(files::signed_url))
}

/// What the internal listener serves.
pub(crate) fn internal(signer: &Signer) -> Router {
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .with_state(signer.clone())
}
