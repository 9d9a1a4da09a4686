//! What the API says of itself: OpenAPI 3.1 at `/openapi.json`, made of the types that are answered and of the errors that
//! are given. Tests hold it to the routes of `router` and to [`crate::Error`].
//!
//! | what | where |
//! |---|---|
//! | every operation, on two pages | `operations`, `resumable` |
//! | how a line of that page becomes an operation | `operation` |
//! | how a request is refused, step by step | `refusals` |
//! | bodies that are taken | `bodies` |

mod bodies;
mod operation;
mod operations;
mod refusals;
mod resumable;

use axum::{
    http::{HeaderName, header},
    response::IntoResponse,
};
use bytes::Bytes;
use operation::Operation;
use std::sync::LazyLock;
use utoipa::{
    ToSchema,
    openapi::{
        Components, Info, License, OpenApi, OpenApiBuilder, Paths, Server, Tag,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
        tag::TagBuilder,
    },
};

/// What is made once and never changes.
static DOCUMENT: LazyLock<Bytes> =
    LazyLock::new(|| document().to_json().expect("texts, numbers and lists always serialise").into());

/// `GET /openapi.json`.
pub(crate) async fn serve() -> impl IntoResponse {
    const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];
    (JSON, DOCUMENT.clone())
}

/// The body of every refusal.
#[derive(ToSchema)]
#[schema(as = Error)]
#[expect(dead_code, reason = "only its shape is used: `proto::refusal::ErrorBody` is what is written")]
struct Refusal {
    /// Short and fixed.
    error: String,
    /// One sentence a person can act on.
    message: String,
    /// Stable machine-readable reason.
    code: String,
    /// As in the `X-Request-Id` header.
    request_id: String,
}

fn document() -> OpenApi {
    let (mut paths, mut components) = (Paths::new(), Components::new());
    components.schemas.insert(Refusal::name().into(), <Refusal as utoipa::PartialSchema>::schema());
    for operation in operations::all() {
        let Operation { path, method, schemas, .. } = &operation;
        components.schemas.extend(schemas.iter().cloned());
        paths.add_path_operation(*path, vec![method.clone()], operation.describe());
    }
    components.security_schemes.extend(security_schemes());
    let mut info = Info::new("T2M files", env!("CARGO_PKG_VERSION"));
    info.description = Some("Takes uploads and issues signed URLs to files that a gateway serves.".into());
    info.license = Some(License::new(env!("CARGO_PKG_LICENSE")));
    OpenApiBuilder::new()
        .info(info)
        .servers(Some(["/api", "/api/v1"].map(Server::new)))
        .paths(paths)
        .components(Some(components))
        .tags(Some(tags()))
        .build()
}

fn tags() -> Vec<Tag> {
    [
        ("files", "A user's files."),
        ("resumable", "Uploads in as many requests as it takes, by TUS 1.0.0 (https://tus.io)."),
        ("links", "Signed URLs that open a file for a while. All of these are limited by user."),
        ("admin", "For the role `admin`; every use is written down."),
        ("internal", "For services, on a listener of its own (`SIGNER_INTERNAL_LISTEN`), without a prefix."),
        ("system", "Health, webhooks and this document."),
    ]
    .map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build())
    .into()
}

/// By the names that operations use.
fn security_schemes() -> [(String, SecurityScheme); 3] {
    let bearer = |about: &str, format: &str| {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format(format);
        SecurityScheme::Http(scheme.description(Some(about)).build())
    };
    let cookie =
        ApiKeyValue::with_description("__session", "The same token, where there is no `Authorization` header.");
    [
        (operation::BEARER.into(), bearer("A session or template token of Clerk.", "JWT")),
        (operation::COOKIE.into(), SecurityScheme::ApiKey(ApiKey::Cookie(cookie))),
        (operation::SERVICE.into(), bearer("A token whose hash `SIGNER_SERVICE_TOKENS` holds.", "opaque")),
    ]
}

#[cfg(test)]
mod tests;
