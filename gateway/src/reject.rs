//! Every answer that is not the file, declared once: status, `error`, `code`, sentence, and how loud its line in the log is.

use crate::{cors, lines::Lines, store::StorageError};
use http::{StatusCode, header};
use proto::refusal::{ErrorBody, Refusal};
use tracing::Level;

/// Why a request does not get a file.
#[derive(Debug)]
pub(crate) enum Reject {
    /// The head breaks a rule that the parser leaves to us; the connection is closed.
    Framing(&'static str),
    /// No route of ours.
    UnknownRoute,
    /// A file answers to GET, HEAD and OPTIONS.
    Method,
    /// The URL does not open the file.
    Refused(Refusal),
    /// RFC 9110 section 15.5.13.
    PreconditionFailed,
    /// RFC 9110 section 15.5.17.
    Unsatisfiable {
        /// Of the file.
        size: u64,
    },
    /// Storage has no answer, or not the one that the catalog promises.
    Storage(StorageError),
    /// The catalog cannot be read.
    Catalog(sqlx::Error),
    /// As many requests as the bound allows are being answered.
    Overloaded,
}

impl From<Refusal> for Reject {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StorageError> for Reject {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl Reject {
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.declared().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(crate) fn error(&self) -> &'static str {
        self.declared().1
    }

    pub(crate) fn code(&self) -> &'static str {
        self.declared().2
    }

    /// Status, `error`, `code`, and the level of its line: a warning where an operator has to act.
    fn declared(&self) -> (u16, &'static str, &'static str, Level) {
        match self {
            Self::Framing(_) => (400, "Bad request", "bad_request", Level::INFO),
            Self::UnknownRoute => (404, "Not found", "unknown_route", Level::INFO),
            Self::Method => (405, "Method not allowed", "method_not_allowed", Level::INFO),
            Self::Refused(refusal) => (refusal.status(), refusal.error(), refusal.code(), Level::INFO),
            Self::PreconditionFailed => (412, "Precondition failed", "precondition_failed", Level::INFO),
            Self::Unsatisfiable { .. } => (416, "Range not satisfiable", "range_not_satisfiable", Level::INFO),
            Self::Storage(StorageError::Missing) => {
                let gone = Refusal::NotFound;
                (gone.status(), gone.error(), gone.code(), Level::WARN)
            }
            Self::Storage(StorageError::Changed) => (502, "Bad gateway", "storage_changed", Level::WARN),
            Self::Storage(StorageError::Nonsense(_) | StorageError::Truncated) => {
                (502, "Bad gateway", "storage_error", Level::WARN)
            }
            Self::Storage(StorageError::Unavailable(_)) => {
                (503, "Service unavailable", "storage_unavailable", Level::WARN)
            }
            Self::Storage(StorageError::TimedOut) => (504, "Gateway timeout", "storage_timeout", Level::WARN),
            Self::Catalog(_) => (503, "Service unavailable", "catalog_unavailable", Level::WARN),
            // There may be thousands a second: for an operator they are counted.
            Self::Overloaded => (503, "Service unavailable", "overloaded", Level::INFO),
        }
    }

    /// One sentence a person can act on.
    pub(crate) fn message(&self) -> String {
        let text = match self {
            Self::Refused(refusal) => return refusal.message(),
            Self::Storage(StorageError::Missing) => return Refusal::NotFound.message(),
            Self::Framing(message) => message,
            Self::UnknownRoute => "Files are at /files/secure/<file id>; check the link's path.",
            Self::Method => "A signed URL can be read with GET or HEAD, nothing else.",
            Self::PreconditionFailed => "The file is not the version that the request asks for.",
            Self::Unsatisfiable { .. } => "The file has no byte in this range; Content-Range gives its size.",
            Self::Storage(StorageError::Changed) => {
                "The file was changed in storage since it was registered; register it again."
            }
            Self::Storage(StorageError::Nonsense(_) | StorageError::Truncated) => {
                "Storage gave an answer that cannot be used; try again later."
            }
            Self::Storage(StorageError::Unavailable(_)) => {
                "Storage cannot be reached at the moment; try again shortly."
            }
            Self::Storage(StorageError::TimedOut) => "Storage did not answer in time; try again shortly.",
            Self::Catalog(_) => "The catalog of files cannot be read at the moment; try again shortly.",
            Self::Overloaded => "Too many requests are being answered at the moment; try again shortly.",
        };
        text.to_owned()
    }

    /// Of its line in the log.
    pub(crate) fn level(&self) -> Level {
        self.declared().3
    }

    /// What the log is told and the client is not.
    pub(crate) fn cause(&self) -> Option<String> {
        match self {
            Self::Storage(error) => Some(error.cause()),
            Self::Catalog(error) => Some(error.to_string()),
            _ => None,
        }
    }

    /// The JSON body. `now` is in Unix seconds.
    pub(crate) fn body(&self, request_id: &str, now: u64) -> Vec<u8> {
        let (_, error, code, _) = self.declared();
        let (expired_seconds_ago, server_time) = match self {
            Self::Refused(Refusal::Expired { seconds_ago }) => (Some(*seconds_ago), Some(now)),
            Self::Refused(Refusal::NotYetValid | Refusal::TooLong) => (None, Some(now)),
            _ => (None, None),
        };
        ErrorBody { error, message: &self.message(), code, request_id, expired_seconds_ago, server_time }.to_json()
    }

    /// Its status, and fields of its own beside those of every answer.
    pub(crate) fn lines(&self) -> Lines {
        let mut lines = Lines::new(self.status());
        lines.push_parts(&header::CONTENT_TYPE, &[b"application/json"]);
        lines.push_parts(&header::CACHE_CONTROL, &[b"no-store"]);
        match self {
            Self::Method => lines.push(&header::ALLOW, &cors::ALLOW),
            Self::Unsatisfiable { size } => {
                lines.push_parts(&header::CONTENT_RANGE, &[b"bytes */", size.to_string().as_bytes()]);
            }
            Self::Catalog(_)
            | Self::Overloaded
            | Self::Storage(StorageError::Unavailable(_) | StorageError::TimedOut) => {
                lines.push_number(&header::RETRY_AFTER, 2);
            }
            Self::Framing(_) | Self::UnknownRoute | Self::Refused(_) | Self::PreconditionFailed | Self::Storage(_) => {}
        }
        lines
    }
}
