//! Signed URLs: the link that carries its own right.
//!
//! [`verify`] is the only way to a [`Grant`], and a grant is the only way to a file. Its checks, in order:
//! malformed, expired, unknown key, bad signature, not yet valid, too long. Whether the file is there and the
//! user may still have it is the catalog's part: [`crate::catalog::admit`].
//!
//! [`sign_v1`] and [`sign_v2`] are the other half, for issuers; [`Claims`] and [`likely`] are for whoever has to explain a
//! refusal.

mod claims;
mod likely;
mod query;
mod v1;
mod v2;

pub use claims::Claims;
pub use likely::{Likely, Slip, likely};
pub use query::percent_decoded;
pub use v1::sign_v1;
pub use v2::{Disposition, LinkV2, sign_v2};

use crate::{
    id::{FileId, UserId},
    keys::KeyRing,
    refusal::Refusal,
};

/// Where signed URLs live, below an optional mount prefix.
pub const SECURE_PREFIX: &str = "/files/secure/";

/// Mount prefixes under which the same route is served.
const MOUNTS: [&str; 3] = ["", "/api/v1", "/api"];

/// How far ahead of this clock `nbf` and `iat` may be, in seconds.
pub const CLOCK_SKEW: u64 = 60;

/// Proof that a URL was signed with a key of the ring and has not expired. Only [`verify`] makes one.
#[derive(Debug, Clone)]
pub struct Grant {
    file: FileId,
    user: UserId,
    expires: u64,
    issued_at: Option<u64>,
    disposition: Option<Disposition>,
    filename: Option<String>,
}

impl Grant {
    /// The file that the URL names.
    #[must_use]
    pub fn file(&self) -> &FileId {
        &self.file
    }

    /// The user it was issued to.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// The last Unix second at which it is valid.
    #[must_use]
    pub fn expires(&self) -> u64 {
        self.expires
    }

    /// When it was issued, in Unix seconds; version 1 does not say.
    #[must_use]
    pub fn issued_at(&self) -> Option<u64> {
        self.issued_at
    }

    /// What the issuer signed about showing or saving.
    #[must_use]
    pub fn disposition(&self) -> Option<Disposition> {
        self.disposition
    }

    /// The name the issuer signed, instead of the catalog's.
    #[must_use]
    pub fn filename(&self) -> Option<&str> {
        self.filename.as_deref()
    }
}

/// A request path cut down to what starts with [`SECURE_PREFIX`], or `None` if it is another route.
#[must_use]
pub fn secure_path(path: &str) -> Option<&str> {
    MOUNTS.iter().filter_map(|mount| path.strip_prefix(mount)).find(|rest| rest.starts_with(SECURE_PREFIX))
}

/// Verifies a URL as it came over the wire: `path` from [`secure_path`], `query` without its question mark.
///
/// `now` is in Unix seconds; `max_seconds` bounds how far away the expiry may be (0: no bound).
///
/// # Errors
/// The first check that fails, in the order of the module's list.
pub fn verify(path: &str, query: &str, keys: &KeyRing, now: u64, max_seconds: u64) -> Result<Grant, Refusal> {
    let claims = Claims::read(path, query)?;
    claims.refuse_expired(now)?;
    claims.refuse_unsigned(keys)?;
    claims.refuse_early(now)?;
    claims.refuse_long(now, max_seconds)?;
    Ok(claims.grant)
}

/// 1 to 15 ASCII digits: what every reader of every language takes for the same number.
fn unix_seconds(text: &[u8]) -> Option<u64> {
    let digits = matches!(text.len(), 1..=15) && text.iter().all(u8::is_ascii_digit);
    digits.then(|| text.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}
