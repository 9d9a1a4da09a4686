//! Every route, on one page. The API is served under `/api` and `/api/v1` alike.

use crate::{
    Signer, admin, boundary, cors, csrf,
    error::Error,
    files, health, internal, openapi,
    rate_limit::unproven,
    uploads::{self, tus},
    webhooks,
};
use axum::{
    Router, middleware,
    routing::{delete, get, head, post, put},
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

/// What is bounded by no address, and asks for no origin: who comes has no identity, or one that is proven otherwise, and
/// must not be refused for others' sake.
fn unbounded() -> Router<Signer> {
    let routes = || {
        Router::new()
            .route("/auth/health", get(health::auth))
            .route("/system/health", get(health::system))
            .route("/webhooks/clerk", post(webhooks::clerk))
            .method_not_allowed_fallback(async || Error::MethodNotAllowed)
    };
    Router::new().nest("/api", routes()).nest("/api/v1", routes())
}

fn api() -> Router<Signer> {
    Router::new()
        .route("/files", get(files::list))
        .route("/files/upload", post(uploads::upload))
        .route("/files/raw/{name}", put(uploads::put))
        .merge(resumable())
        .route("/uploads/presign", post(uploads::presign))
        .route("/uploads/{uploadId}/complete", post(uploads::complete))
        .route("/files/signed-urls", post(files::signed_urls))
        .route("/files/{fileId}", get(files::read).patch(files::change).delete(files::delete))
        .route("/files/{fileId}/signed-url", post(files::signed_url))
        .route("/files/{fileId}/revoke-urls", post(files::revoke_urls))
        .route("/videos/{jobId}/signed-url", post(files::video_url))
        .route("/usage", get(files::usage))
        .route("/openapi.json", get(openapi::serve))
        .route("/admin/files", get(files::list_of))
        .route("/admin/files/{fileId}", delete(admin::delete_file))
        .route("/admin/users/{userId}/block", post(admin::block))
        .route("/admin/users/{userId}/unblock", post(admin::unblock))
        .route("/admin/users/{userId}/revoke-urls", post(admin::revoke_urls))
}

/// Uploads by TUS, whose every answer names the protocol's version.
fn resumable() -> Router<Signer> {
    let upload = head(tus::look).patch(tus::append).delete(tus::remove).post(tus::overridden);
    Router::new()
        .route("/files/tus", post(tus::create).options(tus::discover))
        .route("/files/tus/{handle}", upload.options(tus::discover))
        .route_layer(middleware::from_fn(tus::speak))
}

/// What the internal listener serves.
pub(crate) fn internal(signer: &Signer) -> Router {
    let services = Router::new()
        .route("/internal/files", post(internal::register))
        .route("/internal/signed-urls", post(internal::signed_urls))
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(signer.clone(), boundary::boundary));
    services
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/rotation", get(health::rotation))
        .route("/metrics", get(health::metrics))
        .with_state(signer.clone())
}
