//! Every answer that is not the file, declared once: status, `error`, `code`, sentence, and who is to blame.

use crate::{cors, store::StorageError};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use proto::refusal::{ErrorBody, Refusal};

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

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    Client,
    Storage,
    Us,
}

/// A rejection as it is declared.
struct Declared {
    status: StatusCode,
    error: &'static str,
    code: &'static str,
    message: String,
    blame: Blame,
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
    fn declared(&self) -> Declared {
        use Blame::{Client, Us};
        let declare = |status, error, code, message: &str, blame| Declared {
            status,
            error,
            code,
            message: message.to_owned(),
            blame,
        };
        match self {
            Self::Framing(message) => declare(StatusCode::BAD_REQUEST, "Bad request", "bad_request", message, Client),
            Self::UnknownRoute => declare(
                StatusCode::NOT_FOUND,
                "Not found",
                "unknown_route",
                "Files are at /files/secure/<file id>; check the link's path.",
                Client,
            ),
            Self::Method => declare(
                StatusCode::METHOD_NOT_ALLOWED,
                "Method not allowed",
                "method_not_allowed",
                "A signed URL can be read with GET or HEAD, nothing else.",
                Client,
            ),
            Self::Refused(refusal) => Declared {
                status: StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN),
                error: refusal.error(),
                code: refusal.code(),
                message: refusal.message(),
                blame: Client,
            },
            Self::PreconditionFailed => declare(
                StatusCode::PRECONDITION_FAILED,
                "Precondition failed",
                "precondition_failed",
                "The file is not the version that the request asks for.",
                Client,
            ),
            Self::Unsatisfiable { .. } => declare(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "Range not satisfiable",
                "range_not_satisfiable",
                "The file has no byte in this range; Content-Range gives its size.",
                Client,
            ),
            Self::Storage(error) => Self::declared_storage(error),
            Self::Catalog(_) => declare(
                StatusCode::SERVICE_UNAVAILABLE,
                "Service unavailable",
                "catalog_unavailable",
                "The catalog of files cannot be read at the moment; try again shortly.",
                Us,
            ),
            Self::Overloaded => declare(
                StatusCode::SERVICE_UNAVAILABLE,
                "Service unavailable",
                "overloaded",
                "Too many requests are being answered at the moment; try again shortly.",
                Us,
            ),
        }
    }

    fn declared_storage(error: &StorageError) -> Declared {
        let (status, error, code, message) = match error {
            StorageError::Missing => return Self::Refused(Refusal::NotFound).declared(),
            StorageError::Changed => (
                StatusCode::BAD_GATEWAY,
                "Bad gateway",
                "storage_changed",
                "The file was changed in storage since it was registered; register it again.",
            ),
            StorageError::Nonsense(_) => (
                StatusCode::BAD_GATEWAY,
                "Bad gateway",
                "storage_error",
                "Storage gave an answer that cannot be used; try again later.",
            ),
            StorageError::Unavailable(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Service unavailable",
                "storage_unavailable",
                "Storage cannot be reached at the moment; try again shortly.",
            ),
            StorageError::TimedOut => (
                StatusCode::GATEWAY_TIMEOUT,
                "Gateway timeout",
                "storage_timeout",
                "Storage did not answer in time; try again shortly.",
            ),
        };
        Declared { status, error, code, message: message.to_owned(), blame: Blame::Storage }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.declared().status
    }

    pub(crate) fn code(&self) -> &'static str {
        self.declared().code
    }

    /// What the log is told and the client is not.
    pub(crate) fn log(&self, request_id: &str) {
        let declared = self.declared();
        let cause = match self {
            Self::Storage(error) => error.cause(),
            Self::Catalog(error) => error.to_string(),
            _ => String::new(),
        };
        match declared.blame {
            Blame::Client => tracing::debug!(code = declared.code, request_id, "refused"),
            Blame::Storage | Blame::Us => tracing::warn!(code = declared.code, cause, request_id, "failed"),
        }
    }

    /// The JSON body. `now` is in Unix seconds.
    pub(crate) fn body(&self, request_id: &str, now: u64) -> Vec<u8> {
        let declared = self.declared();
        let (expired_seconds_ago, server_time) = match self {
            Self::Refused(Refusal::Expired { seconds_ago }) => (Some(*seconds_ago), Some(now)),
            Self::Refused(Refusal::NotYetValid | Refusal::TooLong) => (None, Some(now)),
            _ => (None, None),
        };
        ErrorBody {
            error: declared.error,
            message: &declared.message,
            code: declared.code,
            request_id,
            expired_seconds_ago,
            server_time,
        }
        .to_json()
    }

    /// Headers of its own, beside those of every answer.
    pub(crate) fn headers(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::Framing(_) => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Self::Method => {
                headers.insert(header::ALLOW, cors::ALLOW);
            }
            Self::Unsatisfiable { size } => {
                let range = HeaderValue::from_str(&format!("bytes */{size}")).expect("digits are a header value");
                headers.insert(header::CONTENT_RANGE, range);
            }
            Self::Catalog(_)
            | Self::Overloaded
            | Self::Storage(StorageError::Unavailable(_) | StorageError::TimedOut) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            Self::UnknownRoute | Self::Refused(_) | Self::PreconditionFailed | Self::Storage(_) => {}
        }
    }
}
