//! What a URL says of itself, and each check of it.

use super::{
    CLOCK_SKEW, Grant,
    query::Query,
    v1,
    v2::{self, Signed},
};
use crate::{
    id::{FileId, KeyId, UserId},
    keys::KeyRing,
    refusal::Refusal,
};
use std::borrow::Cow;

/// A URL that was read, and of which nothing is proven. [`super::verify`] makes each of its checks in their order and stops
/// at the first that fails; whoever explains a refusal may make them all.
pub struct Claims<'a> {
    /// Leaves this module behind every check only.
    pub(super) grant: Grant,
    pub(super) presented: Cow<'a, [u8]>,
    pub(super) form: Form<'a>,
}

/// What is signed, beside what the grant holds.
pub(super) enum Form<'a> {
    V1 {
        /// `expires` as it was written.
        digits: Cow<'a, [u8]>,
    },
    V2(Signed<'a>),
}

impl<'a> Claims<'a> {
    /// Reads a URL as it came over the wire: `path` from [`super::secure_path`], `query` without its question mark.
    ///
    /// # Errors
    /// [`Refusal::Malformed`].
    pub fn read(path: &'a str, query: &'a str) -> Result<Self, Refusal> {
        let query = Query::parse(query);
        if query.is_v2() { v2::read(path, query) } else { v1::read(path, &query) }
    }

    /// `now > expires` is too late; equal is still valid.
    ///
    /// # Errors
    /// [`Refusal::Expired`].
    pub fn refuse_expired(&self, now: u64) -> Result<(), Refusal> {
        match now.checked_sub(self.grant.expires) {
            None | Some(0) => Ok(()),
            Some(seconds_ago) => Err(Refusal::Expired { seconds_ago }),
        }
    }

    /// Version 1 is verified against every key, version 2 against the one it names.
    ///
    /// # Errors
    /// [`Refusal::UnknownKey`], [`Refusal::BadSignature`].
    pub fn refuse_unsigned(&self, keys: &KeyRing) -> Result<(), Refusal> {
        let is_signed = match &self.form {
            Form::V1 { digits } => Some(keys.any_signed(&self.text_v1(digits), &self.presented)),
            Form::V2(signed) => keys.one_signed(&signed.kid, &signed.text(), &self.presented),
        };
        match is_signed {
            None => Err(Refusal::UnknownKey),
            Some(false) => Err(Refusal::BadSignature),
            Some(true) => Ok(()),
        }
    }

    /// `nbf` and `iat` may be ahead by [`CLOCK_SKEW`]; version 1 has neither.
    ///
    /// # Errors
    /// [`Refusal::NotYetValid`].
    pub fn refuse_early(&self, now: u64) -> Result<(), Refusal> {
        let valid_from = self.not_before().max(self.grant.issued_at).unwrap_or_default();
        if valid_from > now + CLOCK_SKEW { Err(Refusal::NotYetValid) } else { Ok(()) }
    }

    /// `max_seconds` bounds how far away the expiry may be (0: no bound).
    ///
    /// # Errors
    /// [`Refusal::TooLong`].
    pub fn refuse_long(&self, now: u64, max_seconds: u64) -> Result<(), Refusal> {
        let is_long = max_seconds != 0 && self.grant.expires.saturating_sub(now) > max_seconds;
        if is_long { Err(Refusal::TooLong) } else { Ok(()) }
    }

    /// 1 or 2.
    #[must_use]
    pub fn version(&self) -> u8 {
        match self.form {
            Form::V1 { .. } => 1,
            Form::V2(_) => 2,
        }
    }

    /// The file that is asked for.
    #[must_use]
    pub fn file(&self) -> &FileId {
        &self.grant.file
    }

    /// Who it is said to be issued to.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.grant.user
    }

    /// The last Unix second at which it would be valid.
    #[must_use]
    pub fn expires(&self) -> u64 {
        self.grant.expires
    }

    /// `iat`, in Unix seconds.
    #[must_use]
    pub fn issued_at(&self) -> Option<u64> {
        self.grant.issued_at
    }

    /// `nbf`, in Unix seconds.
    #[must_use]
    pub fn not_before(&self) -> Option<u64> {
        match &self.form {
            Form::V1 { .. } => None,
            Form::V2(signed) => signed.not_before,
        }
    }

    /// The key that version 2 names.
    #[must_use]
    pub fn key(&self) -> Option<Cow<'_, str>> {
        match &self.form {
            Form::V1 { .. } => None,
            Form::V2(signed) => Some(String::from_utf8_lossy(&signed.kid)),
        }
    }

    /// The key of the ring that made the signature, whichever the URL names.
    #[must_use]
    pub fn signer<'k>(&self, keys: &'k KeyRing) -> Option<&'k KeyId> {
        keys.signer(&[&self.text()], &self.presented)
    }

    /// How long the signature is that was presented; in bytes.
    #[must_use]
    pub fn signature_len(&self) -> usize {
        self.presented.len()
    }

    /// The string that has to be signed: ASCII, for nothing else is read.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        match &self.form {
            Form::V1 { digits } => self.text_v1(digits).concat(),
            Form::V2(signed) => signed.text().concat(),
        }
    }

    pub(super) fn text_v1<'t>(&'t self, digits: &'t [u8]) -> [&'t [u8]; 5] {
        v1::text(&self.grant.file, &self.grant.user, digits)
    }
}
