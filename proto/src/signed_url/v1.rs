//! Version 1: `hex(HMAC-SHA256(secret, "<file_id>:<user_id>:<expires>"))`. Byte-exact with the issuers in use.

use super::{
    Claims, Grant, SECURE_PREFIX,
    claims::Form,
    query::{Query, decoded},
    unix_seconds,
};
use crate::{
    id::{FileId, UserId},
    keys::{KeyRing, Signature},
    refusal::Refusal,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::str::from_utf8;

/// What `encodeURIComponent` would leave alone, of the bytes that an id can hold.
pub(super) const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub(super) const USER_ID: &str = "`user_id` must be given once, in its alphabet";
pub(super) const EXPIRES: &str = "`expires` must be given once, as 1 to 15 digits";
pub(super) const SIGNATURE: &str = "`signature` must be given once";
pub(super) const FILE_ID: &str = "the path must end in a file id";

/// The path and query of a version 1 URL, to stand behind the base: `/files/secure/<file>?user_id=...`.
/// `expires` is the last valid Unix second.
#[must_use]
pub fn sign_v1(keys: &KeyRing, file: &FileId, user: &UserId, expires: u64) -> String {
    let digits = expires.to_string();
    let signature = keys.sign_v1(&text(file, user, digits.as_bytes()));
    target(file, user, &digits, &signature)
}

fn target(file: &FileId, user: &UserId, expires: &str, signature: &Signature) -> String {
    let user = utf8_percent_encode(user.as_str(), VALUE);
    format!("{SECURE_PREFIX}{file}?user_id={user}&expires={expires}&signature={}", signature.as_str())
}

pub(super) fn read<'a>(path: &'a str, query: &Query<'a>) -> Result<Claims<'a>, Refusal> {
    let file = file_id(path.strip_prefix(SECURE_PREFIX).unwrap_or_default())?;
    let user = query.exactly_one("user_id", USER_ID)?;
    let digits = query.exactly_one("expires", EXPIRES)?;
    let presented = query.exactly_one("signature", SIGNATURE)?;
    let user = user_id(&user)?;
    let expires = unix_seconds(&digits).ok_or(Refusal::Malformed(EXPIRES))?;
    let grant = Grant { file, user, expires, issued_at: None, disposition: None, filename: None };
    Ok(Claims { grant, presented, form: Form::V1 { digits } })
}

/// The decoded text enters the string, so that every spelling of one value signs alike.
pub(super) fn text<'a>(file: &'a FileId, user: &'a UserId, expires: &'a [u8]) -> [&'a [u8]; 5] {
    [file.as_str().as_bytes(), b":", user.as_str().as_bytes(), b":", expires]
}

pub(super) fn file_id(segment: &str) -> Result<FileId, Refusal> {
    let refused = Refusal::Malformed(FILE_ID);
    from_utf8(&decoded(segment)).map_err(|_| refused)?.parse().map_err(|_| refused)
}

pub(super) fn user_id(decoded: &[u8]) -> Result<UserId, Refusal> {
    let refused = Refusal::Malformed(USER_ID);
    from_utf8(decoded).map_err(|_| refused)?.parse().map_err(|_| refused)
}
