//! Every way the API refuses a request, declared once: [`Error::answer`] is the one match that gives each its
//! status, texts and log level.
//!
//! An error travels inside its response as an extension; [`crate::boundary`] writes it out, because only there
//! the request's id is known. Its cause goes to the log and never to the client.

use crate::{identity::Flaw, storage, webhooks};
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
    /// Names a key that is not known, at a time when keys cannot be fetched.
    #[error("the identity provider's keys cannot be fetched")]
    KeysUnavailable,
    /// Blocked, banned or deleted in the catalog.
    #[error("user blocked")]
    UserBlocked,
    /// A webhook's message that is not taken.
    #[error("webhook refused: {0}")]
    Webhook(#[from] webhooks::Refused),
    /// For admins only.
    #[error("not an admin")]
    Forbidden,
    /// A page that may not change anything here.
    #[error("a foreign origin")]
    ForeignOrigin,
    /// More calls than a caller may make.
    #[error("rate limited: {limit} in {seconds} s")]
    RateLimited {
        /// Calls.
        limit: u32,
        /// The window's length.
        seconds: u32,
    },
    /// Something in the request is not as it must be.
    #[error("{field} {why}")]
    Invalid {
        /// What: a field, a parameter, a part, a header.
        field: Cow<'static, str>,
        /// What it should have been; stands behind the field's name.
        why: Cow<'static, str>,
    },
    /// A request that does not say once, and validly, which host it is for. Its connection ends with it.
    #[error("Host {0}")]
    Host(&'static str),
    /// The body, or the file in it, is larger than this many bytes.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: u64,
    },
    /// The caller's files would hold more than this many bytes together.
    #[error("more than {limit} bytes together")]
    OverQuota {
        /// In bytes.
        limit: u64,
    },
    /// A body of another media type.
    #[error("media type is not {expected}")]
    MediaType {
        /// The type that this route takes.
        expected: &'static str,
    },
    /// A file whose bytes are not those that its client has a checksum of.
    #[error("the bytes are not those of the checksum")]
    DigestMismatch,
    /// A body that stopped arriving.
    #[error("the body stopped arriving")]
    Stalled,
    /// No such upload, or not the caller's: one answer for both.
    #[error("no such upload")]
    UploadNotFound,
    /// An upload that was left for too long.
    #[error("the upload has expired")]
    UploadExpired,
    /// Another request is writing the upload.
    #[error("the upload is being written")]
    UploadHeld,
    /// An upload of which storage does not hold the bytes that were declared, or holds others by now.
    #[error("the upload is not whole")]
    UploadIncomplete,
    /// Storage that no client can put anything into by itself.
    #[error("no direct uploads")]
    NoDirectUploads,
    /// No such file, or not the caller's: one answer for both.
    #[error("no such file")]
    FileNotFound,
    /// No object at the path that is to be registered.
    #[error("no such object")]
    ObjectNotFound,
    /// An object that belongs to another user's file.
    #[error("the path is taken")]
    PathTaken,
    /// The first request under this idempotency key is not done yet.
    #[error("a request under this key is under way")]
    KeyUnderWay,
    /// Another request was made under this idempotency key.
    #[error("the key is another request's")]
    KeyReused,
    /// No such route.
    #[error("no such route")]
    RouteNotFound,
    /// A route that does not take this method.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// As many uploads are under way as may be.
    #[error("too many uploads are under way")]
    Overloaded,
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
        use StatusCode as S;
        match self {
            Self::TokenMissing => client(S::UNAUTHORIZED, "Unauthorized", "token_missing", "No token provided"),
            Self::TokenExpired => client(S::UNAUTHORIZED, "Unauthorized", "token_expired", "Invalid token"),
            Self::TokenInvalid(_) => client(S::UNAUTHORIZED, "Unauthorized", "token_invalid", "Invalid token"),
            Self::KeysUnavailable => {
                let message = "The token's key cannot be looked up; try again in a moment.";
                let answer = ours(S::SERVICE_UNAVAILABLE, "Service unavailable", "keys_unavailable", message);
                // A forged token comes here too; the fetch that failed has its own line.
                Answer { level: Level::INFO, ..answer }
            }
            Self::UserBlocked => {
                client(S::FORBIDDEN, "User blocked", "user_blocked", "This account may not use the service.")
            }
            Self::Webhook(why) => {
                let (code, message) = match why {
                    webhooks::Refused::Headers => {
                        ("webhook_headers", "Send id, timestamp and signature once each, as Svix does.")
                    }
                    webhooks::Refused::Timestamp => ("webhook_timestamp", "The timestamp is too far from now."),
                    webhooks::Refused::Signature => ("webhook_signature", "No signature is by a known secret."),
                    webhooks::Refused::Body => ("webhook_body", "The body is no event of a user that can be read."),
                };
                client(S::BAD_REQUEST, "Invalid webhook", code, message)
            }
            Self::Forbidden => client(S::FORBIDDEN, "Forbidden", "forbidden", "This takes the role `admin`."),
            Self::ForeignOrigin => {
                let message = "Pages of this origin may not call the API; ALLOWED_ORIGINS lists those that may.";
                client(S::FORBIDDEN, "CSRF protection: Invalid origin", "invalid_origin", message)
            }
            Self::RateLimited { limit, seconds } => {
                let message = format!("At most {limit} are taken in {seconds} s; Retry-After says when to go on.");
                client(S::TOO_MANY_REQUESTS, "Rate limit exceeded", "rate_limited", message)
            }
            Self::Invalid { field, why } => {
                client(S::BAD_REQUEST, "Invalid request", "invalid_request", format!("`{field}` {why}."))
            }
            Self::Host(why) => client(S::BAD_REQUEST, "Invalid request", "invalid_request", format!("`Host` {why}.")),
            Self::TooLarge { limit } => {
                let message = format!("At most {limit} bytes are taken here.");
                client(S::PAYLOAD_TOO_LARGE, "Payload too large", "too_large", message)
            }
            Self::OverQuota { limit } => {
                let message = format!("Your files may hold {limit} bytes together; delete some to make room.");
                client(S::PAYLOAD_TOO_LARGE, "Quota exceeded", "quota_exceeded", message)
            }
            Self::MediaType { expected } => {
                let message = format!("Send the body as {expected}.");
                client(S::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type", "unsupported_media_type", message)
            }
            Self::DigestMismatch => {
                let message =
                    "The bytes that arrived are not those of the digest that came with them; send them again.";
                client(S::BAD_REQUEST, "Digest mismatch", "digest_mismatch", message)
            }
            Self::Stalled => {
                client(S::REQUEST_TIMEOUT, "Request timeout", "timeout", "The body stopped arriving; send it again.")
            }
            Self::UploadNotFound => {
                let message = "You have no upload at this URL; begin a new one.";
                client(S::NOT_FOUND, "Upload not found", "upload_not_found", message)
            }
            Self::UploadExpired => {
                let message = "This upload was left for too long and is gone; begin a new one.";
                client(S::GONE, "Upload expired", "upload_expired", message)
            }
            Self::UploadHeld => {
                let message = "Another request is writing this upload; try again in a moment.";
                client(S::LOCKED, "Locked", "upload_held", message)
            }
            Self::UploadIncomplete => {
                let message =
                    "What lies at the URL of this upload is not all of the file; PUT it there, then ask again.";
                client(S::CONFLICT, "Conflict", "upload_incomplete", message)
            }
            Self::NoDirectUploads => {
                let message = "Files are kept in a folder here, which has no URLs to put to; POST to /files/upload.";
                client(S::CONFLICT, "Conflict", "no_direct_uploads", message)
            }
            Self::FileNotFound => client(S::NOT_FOUND, "File not found", "not_found", "You have no file with this id."),
            Self::ObjectNotFound => {
                client(S::NOT_FOUND, "Object not found", "object_not_found", "Storage holds no object at this path.")
            }
            Self::PathTaken => {
                let message = "This object is another user's file, or one that is being deleted.";
                client(S::CONFLICT, "Conflict", "path_taken", message)
            }
            Self::KeyUnderWay => {
                let message = "The first request with this Idempotency-Key is still under way; ask again in a moment.";
                client(S::CONFLICT, "Conflict", "idempotency_key_in_use", message)
            }
            Self::KeyReused => {
                let message = "This Idempotency-Key belongs to another request; take a new one.";
                client(S::UNPROCESSABLE_ENTITY, "Unprocessable", "idempotency_key_reused", message)
            }
            Self::RouteNotFound => client(S::NOT_FOUND, "Not found", "unknown_route", "There is nothing at this path."),
            Self::MethodNotAllowed => {
                let message = "This path takes other methods; see the Allow header.";
                client(S::METHOD_NOT_ALLOWED, "Method not allowed", "method_not_allowed", message)
            }
            Self::Overloaded => {
                let message = "Too many uploads are under way; send it again in a moment.";
                ours(S::SERVICE_UNAVAILABLE, "Service unavailable", "overloaded", message)
            }
            Self::Catalog(_) => {
                let message = "The catalog cannot be reached; try again in a moment.";
                ours(S::SERVICE_UNAVAILABLE, "Service unavailable", "catalog_unavailable", message)
            }
            Self::Storage(storage::Failure::Unavailable(_) | storage::Failure::Busy) => {
                let message = "Storage cannot be reached; try again in a moment.";
                ours(S::SERVICE_UNAVAILABLE, "Service unavailable", "storage_unavailable", message)
            }
            Self::Storage(storage::Failure::Nonsense(_) | storage::Failure::Lost(_)) => {
                let message = "Storage gave an answer that cannot be used; try again later.";
                ours(S::BAD_GATEWAY, "Bad gateway", "storage_error", message)
            }
            Self::Storage(storage::Failure::Full(_)) => {
                ours(S::INSUFFICIENT_STORAGE, "Storage full", "storage_full", "There is no room left for this file.")
            }
            Self::Internal(_) => {
                let message = "Something went wrong here; the request id helps to find out what.";
                ours(S::INTERNAL_SERVER_ERROR, "Internal error", "internal_error", message)
            }
        }
    }
}

/// The client can do something about it.
fn client(
    status: StatusCode,
    error: &'static str,
    code: &'static str,
    message: impl Into<Cow<'static, str>>,
) -> Answer {
    Answer { status, error, code, message: message.into(), level: Level::INFO }
}

/// An operator has to.
fn ours(status: StatusCode, error: &'static str, code: &'static str, message: &'static str) -> Answer {
    Answer { status, error, code, message: message.into(), level: Level::ERROR }
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
