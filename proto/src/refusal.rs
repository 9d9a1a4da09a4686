//! Every way a signed URL is refused, declared once, and the error body that all services answer with.

use serde::Serialize;

/// Why a signed URL opens nothing, in the order in which the checks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The URL cannot be read; the text names what is wrong with it.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// Past its expiry by this many seconds.
    #[error("expired {seconds_ago} s ago")]
    Expired {
        /// Whole seconds since the last valid one; at least 1.
        seconds_ago: u64,
    },
    /// Version 2 with a `kid` that is not on the ring.
    #[error("unknown key")]
    UnknownKey,
    /// No key of the ring made this signature.
    #[error("bad signature")]
    BadSignature,
    /// Version 2 whose `nbf` or `iat` is still ahead.
    #[error("not yet valid")]
    NotYetValid,
    /// Rightly signed, for longer than this gateway allows.
    #[error("too long")]
    TooLong,
    /// The file's or the user's URLs were revoked, or the user is blocked.
    #[error("revoked")]
    Revoked,
    /// No such file, not ready, deleted, or not the user's: one answer for all.
    #[error("not found")]
    NotFound,
}

impl Refusal {
    /// HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.parts().0
    }

    /// The `error` text, which existing clients compare.
    #[must_use]
    pub fn error(&self) -> &'static str {
        self.parts().1
    }

    /// The `code`, stable and of its own for each reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.parts().2
    }

    fn parts(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Malformed(_) => (400, "Invalid signed URL", "malformed"),
            Self::Expired { .. } => (410, "Signed URL expired", "expired"),
            Self::UnknownKey => (403, "Invalid signature", "unknown_key"),
            Self::BadSignature => (403, "Invalid signature", "bad_signature"),
            Self::NotYetValid => (403, "Invalid signed URL", "not_yet_valid"),
            Self::TooLong => (403, "Invalid signed URL", "too_long"),
            Self::Revoked => (403, "Signed URL revoked", "revoked"),
            Self::NotFound => (404, "File not found", "not_found"),
        }
    }

    /// One sentence a person can act on.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Malformed(what) => {
                format!("This link cannot be read: {what}. Use the link exactly as it was issued.")
            }
            Self::Expired { .. } => "This link has expired; ask for a fresh one.".into(),
            Self::UnknownKey => "This link was signed with a key that is no longer in use; ask for a fresh one.".into(),
            Self::BadSignature => "The signature does not fit this link; use it exactly as it was issued.".into(),
            Self::NotYetValid => {
                "This link is not valid yet; try again later, or check the clock of the issuer.".into()
            }
            Self::TooLong => {
                "This link is valid for longer than is allowed here; ask for one that expires sooner.".into()
            }
            Self::Revoked => "This link was revoked; ask for a fresh one.".into(),
            Self::NotFound => "There is no such file behind this link.".into(),
        }
    }
}

/// The JSON body of every error that a service of this project answers.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorBody<'a> {
    /// Short and fixed; existing clients compare it.
    pub error: &'a str,
    /// One sentence a person can act on.
    pub message: &'a str,
    /// Stable machine-readable reason.
    pub code: &'a str,
    /// As in the `X-Request-Id` header.
    pub request_id: &'a str,
    /// For an expired URL: whole seconds since it was valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_seconds_ago: Option<u64>,
    /// The server's clock in Unix seconds, where the reason is one of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_time: Option<u64>,
}

impl ErrorBody<'_> {
    /// The body's bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and integers always serialise")
    }
}
