//! Every way the API refuses a request, declared once: [`Error::answer`] is the one match that gives each its
//! status, texts and log level.
//!
//! An error travels inside its response as an extension; [`crate::boundary`] writes it out, because only there
//! the request's id is known. Its cause goes to the log and never to the client.

use crate::{identity::Flaw, storage};
use axum::{
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use std::{borrow::Cow, sync::Arc};
use tracing::Level;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither an `Authorization` header nor a session cookie.
    #[error("no token")]
    TokenMissing,
    /// Rightly signed, and too old.
    #[error("token expired")]
    TokenExpired,
    /// A token that proves nothing.
    #[error("token refused: {0}")]
    TokenInvalid(Flaw),
    /// Blocked, banned or deleted in the catalog.
    #[error("user blocked")]
    UserBlocked,
    /// Something in the request is not as it must be.
    #[error("{field} {why}")]
    Invalid {
        /// What: a field, a parameter, a part, a header.
        field: Cow<'static, str>,
        /// What it should have been; stands behind the field's name.
        why: Cow<'static, str>,
    },
    /// The body, or the file in it, is larger than this many bytes.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: u64,
    },
    /// A body of another media type.
    #[error("media type is not {expected}")]
    MediaType {
        /// The type that this route takes.
        expected: &'static str,
    },
    /// A body that stopped arriving.
    #[error("the body stopped arriving")]
    Stalled,
    /// No such file, or not the caller's: one answer for both.
    #[error("no such file")]
    FileNotFound,
    /// No such route.
    #[error("no such route")]
    RouteNotFound,
    /// A route that does not take this method.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// The catalog did not do as asked.
    #[error("catalog: {0}")]
    Catalog(#[source] sqlx::Error),
    /// Storage did not do as asked.
    #[error(transparent)]
    Storage(#[from] storage::Failure),
    /// A fault of our own.
    #[error("internal: {0}")]
    Internal(Cow<'static, str>),
}

/// What is answered, and how loud it is logged.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) code: &'static str,
    pub(crate) message: Cow<'static, str>,
    pub(crate) level: Level,
}

impl Error {
    /// A refusal that names what is wrong and what it should have been.
    pub(crate) fn invalid(field: impl Into<Cow<'static, str>>, why: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { field: field.into(), why: why.into() }
    }

    /// The one table of refusals.
    pub(crate) fn answer(&self) -> Answer {
        let (status, error, code, message, level): (u16, _, _, Cow<'static, str>, _) = match self {
            Self::TokenMissing => (401, "Unauthorized", "token_missing", "No token provided".into(), Level::INFO),
            Self::TokenExpired => (401, "Unauthorized", "token_expired", "Invalid token".into(), Level::INFO),
            Self::TokenInvalid(_) => (401, "Unauthorized", "token_invalid", "Invalid token".into(), Level::INFO),
            Self::UserBlocked => {
                (403, "User blocked", "user_blocked", "This account may not use the service.".into(), Level::INFO)
            }
            Self::Invalid { field, why } => {
                (400, "Invalid request", "invalid_request", format!("`{field}` {why}.").into(), Level::INFO)
            }
            Self::TooLarge { limit } => {
                let message = format!("At most {limit} bytes are taken here.");
                (413, "Payload too large", "too_large", message.into(), Level::INFO)
            }
            Self::MediaType { expected } => {
                let message = format!("Send the body as {expected}.");
                (415, "Unsupported media type", "unsupported_media_type", message.into(), Level::INFO)
            }
            Self::Stalled => {
                (408, "Request timeout", "timeout", "The body stopped arriving; send it again.".into(), Level::INFO)
            }
            Self::FileNotFound => {
                (404, "File not found", "not_found", "You have no file with this id.".into(), Level::INFO)
            }
            Self::RouteNotFound => {
                (404, "Not found", "unknown_route", "There is nothing at this path.".into(), Level::INFO)
            }
            Self::MethodNotAllowed => {
                let message = "This path takes other methods; see the Allow header.";
                (405, "Method not allowed", "method_not_allowed", message.into(), Level::INFO)
            }
            Self::Catalog(_) => {
                let message = "The catalog cannot be reached; try again in a moment.";
                (503, "Service unavailable", "catalog_unavailable", message.into(), Level::ERROR)
            }
            Self::Storage(storage::Failure::Full(_)) => {
                (507, "Storage full", "storage_full", "There is no room left for this file.".into(), Level::ERROR)
            }
            Self::Storage(storage::Failure::Unavailable(_)) => {
                let message = "Storage cannot be reached; try again in a moment.";
                (503, "Service unavailable", "storage_unavailable", message.into(), Level::ERROR)
            }
            Self::Storage(storage::Failure::Nonsense(_)) => {
                let message = "Storage gave an answer that cannot be used; try again later.";
                (502, "Bad gateway", "storage_error", message.into(), Level::ERROR)
            }
            Self::Internal(_) => {
                let message = "Something went wrong here; the request id helps to find out what.";
                (500, "Internal error", "internal_error", message.into(), Level::ERROR)
            }
        };
        let status = StatusCode::from_u16(status).expect("every status of the table is a valid one");
        Answer { status, error, code, message, level }
    }
}

/// A catalog that cannot be reached will be back; a row that cannot be read will not.
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                Self::Internal(format!("a catalog row cannot be read: {error}").into())
            }
            other => Self::Catalog(other),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.answer().status;
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
