//! The ring of signing keys: one signs, all verify, so that keys rotate without breaking a URL.

mod misread;

pub(crate) use misread::{Suspect, suspects};

use crate::id::KeyId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use subtle::{Choice, ConstantTimeEq};

/// The shortest secret accepted without `ALLOW_SHORT_SIGNING_SECRET`, in bytes.
pub const MIN_SECRET_LEN: usize = 32;

/// The id of the key that `FILE_SIGNING_SECRET` gives.
pub const DEFAULT_KEY_ID: &str = "default";

/// Why a ring could not be made. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// Neither setting held a secret.
    #[error(
        "a signing secret is required: set FILE_SIGNING_SECRET or FILE_SIGNING_KEYS (for example from `openssl rand -hex 32`)"
    )]
    NoKey,
    /// A secret under [`MIN_SECRET_LEN`] bytes.
    #[error(
        "the secret of key `{0}` (FILE_SIGNING_SECRET gives `default`, FILE_SIGNING_KEYS the others) is shorter than {MIN_SECRET_LEN} bytes; use a longer one, or ALLOW_SHORT_SIGNING_SECRET=true for one that was inherited"
    )]
    Short(KeyId),
    /// An entry of `FILE_SIGNING_KEYS` that is not `id:secret`.
    #[error("entry {0} of FILE_SIGNING_KEYS is not `id:secret` with an id of letters, digits, `.`, `_` and `-`")]
    Entry(usize),
    /// Two keys with one id.
    #[error("key id `{0}` is given twice")]
    Repeated(KeyId),
}

/// One key: its id and its HMAC-SHA256 state, keyed once.
#[derive(Clone)]
struct Key {
    id: KeyId,
    mac: Hmac<Sha256>,
}

/// Lower-case hexadecimal HMAC-SHA256, as it stands in a URL. Its `Debug` prints nothing.
#[derive(Clone, Copy)]
pub struct Signature([u8; 64]);

impl Signature {
    /// The 64 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Compares in constant time. Another length or another case is simply unequal.
    fn matches(&self, presented: &[u8]) -> Choice {
        let Ok(presented) = <&[u8; 64]>::try_from(presented) else { return Choice::from(0) };
        words(&self.0).ct_eq(&words(presented))
    }
}

/// Eight bytes at a time: a fence of its own for every byte costs more than the signature.
fn words(digits: &[u8; 64]) -> [u64; 8] {
    let (words, _) = digits.as_chunks();
    std::array::from_fn(|index| u64::from_ne_bytes(words[index]))
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// All keys of a service, at least one; the first signs version 1. Its `Debug` prints key ids only.
#[derive(Clone)]
pub struct KeyRing {
    keys: Vec<Key>,
    signs_v2: usize,
    has_short: bool,
}

impl KeyRing {
    /// Reads `FILE_SIGNING_SECRET` (key id `default`) and `FILE_SIGNING_KEYS` (`id:secret,id:secret`: split at
    /// commas, then at the first colon) into a ring.
    ///
    /// # Errors
    /// An entry without an id or a secret, and those of [`KeyRing::new`].
    pub fn from_settings(secret: Option<&str>, list: Option<&str>, allow_short: bool) -> Result<Self, KeyRingError> {
        let keys = listed(list).collect::<Result<Vec<_>, _>>()?;
        Self::new(secret.filter(|text| !text.is_empty()), &keys, allow_short)
    }

    /// A ring of the key `default`, if there is one, and a list of others.
    ///
    /// Version 1 is signed with `secret`, else the first of the list; version 2 with the first of the list, else `secret`.
    ///
    /// # Errors
    /// No secret, a short one (unless `allow_short`), an id given twice.
    pub fn new(secret: Option<&str>, list: &[(KeyId, &str)], allow_short: bool) -> Result<Self, KeyRingError> {
        let mut ring = Self { keys: Vec::new(), signs_v2: 0, has_short: false };
        if let Some(secret) = secret {
            let id = DEFAULT_KEY_ID.parse().expect("`default` is a key id");
            ring.push(id, secret, allow_short)?;
        }
        let first_of_list = ring.keys.len();
        for (id, secret) in list {
            ring.push(id.clone(), secret, allow_short)?;
        }
        if ring.keys.is_empty() {
            return Err(KeyRingError::NoKey);
        }
        ring.signs_v2 = if first_of_list < ring.keys.len() { first_of_list } else { 0 };
        Ok(ring)
    }

    /// Whether any secret is shorter than [`MIN_SECRET_LEN`]: worth a warning at start.
    #[must_use]
    pub fn has_short_secret(&self) -> bool {
        self.has_short
    }

    /// The id of the key that signs version 2 URLs.
    #[must_use]
    pub fn v2_key_id(&self) -> &KeyId {
        &self.keys[self.signs_v2].id
    }

    pub(crate) fn sign_v1(&self, text: &[&[u8]]) -> Signature {
        self.keys[0].sign(text)
    }

    pub(crate) fn sign_v2(&self, text: &[&[u8]]) -> Signature {
        self.keys[self.signs_v2].sign(text)
    }

    /// Whether any key of the ring made `presented` over `text`. Every key is tried, whichever matches.
    pub(crate) fn any_signed(&self, text: &[&[u8]], presented: &[u8]) -> bool {
        self.keys.iter().fold(Choice::from(0), |found, key| found | key.sign(text).matches(presented)).into()
    }

    /// Whether the key named `kid` made `presented` over `text`; `None` when there is no such key.
    pub(crate) fn one_signed(&self, kid: &[u8], text: &[&[u8]], presented: &[u8]) -> Option<bool> {
        let key = self.keys.iter().find(|key| key.id.as_str().as_bytes() == kid)?;
        Some(key.sign(text).matches(presented).into())
    }

    /// The first key of the ring that made `presented` over `text`.
    pub(crate) fn signer(&self, text: &[&[u8]], presented: &[u8]) -> Option<&KeyId> {
        self.keys.iter().find(|key| key.sign(text).matches(presented).into()).map(|key| &key.id)
    }

    /// The same ring, in which the key of this id signs both versions. `None`: there is no such key.
    #[must_use]
    pub fn signing_with(mut self, id: &KeyId) -> Option<Self> {
        let at = self.keys.iter().position(|key| key.id == *id)?;
        self.keys.swap(0, at);
        self.signs_v2 = 0;
        Some(self)
    }

    /// The ids of all keys.
    pub fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.keys.iter().map(|key| &key.id)
    }

    fn push(&mut self, id: KeyId, secret: &str, allow_short: bool) -> Result<(), KeyRingError> {
        if self.keys.iter().any(|key| key.id == id) {
            return Err(KeyRingError::Repeated(id));
        }
        if secret.len() < MIN_SECRET_LEN {
            if !allow_short {
                return Err(KeyRingError::Short(id));
            }
            self.has_short = true;
        }
        self.keys.push(Key::new(id, secret.as_bytes()));
        Ok(())
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

/// The entries of `FILE_SIGNING_KEYS`, each an id and a secret.
fn listed(list: Option<&str>) -> impl Iterator<Item = Result<(KeyId, &str), KeyRingError>> {
    fn key(entry: &str) -> Option<(KeyId, &str)> {
        let (id, secret) = entry.split_once(':').filter(|(_, secret)| !secret.is_empty())?;
        Some((id.trim().parse().ok()?, secret))
    }
    let entries = list.filter(|text| !text.is_empty()).map(|text| text.split(',')).into_iter().flatten();
    entries.enumerate().map(|(index, entry)| key(entry).ok_or(KeyRingError::Entry(index + 1)))
}

impl Key {
    fn new(id: KeyId, secret: &[u8]) -> Self {
        Self { id, mac: Hmac::new_from_slice(secret).expect("HMAC takes a key of any length") }
    }

    fn sign(&self, text: &[&[u8]]) -> Signature {
        let mut mac = self.mac.clone();
        for piece in text {
            mac.update(piece);
        }
        let mut digits = [0; 64];
        hex::encode_to_slice(mac.finalize().into_bytes(), &mut digits).expect("32 bytes are 64 digits");
        Signature(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_ring_without_a_usable_secret_is_refused() {
        let refused = |secret: Option<&str>, list: Option<&str>| {
            KeyRing::from_settings(secret, list, false).unwrap_err().to_string()
        };
        assert!(refused(None, None).contains("required"));
        assert!(refused(Some(""), Some("")).contains("required"));
        assert!(refused(Some("x"), None).contains("shorter"));
        assert!(refused(None, Some("k1")).contains("entry 1"));
        assert!(refused(None, Some(&format!("k1:{LONG},"))).contains("entry 2"));
        assert!(refused(None, Some(&format!("k 1:{LONG}"))).contains("entry 1"));
        assert!(refused(None, Some(&format!("k1:{LONG},k1:{LONG}"))).contains("twice"));
        assert!(refused(Some(LONG), Some(&format!("default:{LONG}"))).contains("twice"));
    }

    #[test]
    fn a_refusal_never_holds_the_secret() {
        let error = KeyRing::from_settings(Some("hunter2"), None, false).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        let ring = KeyRing::from_settings(Some(LONG), None, false).unwrap();
        assert_eq!(format!("{ring:?}"), r#"["default"]"#);
        assert_eq!(format!("{:?}", ring.sign_v1(&[b"x"])), "Signature(..)");
    }

    #[test]
    fn an_inherited_short_secret_is_taken_when_allowed() {
        assert!(KeyRing::from_settings(Some("short"), None, true).unwrap().has_short_secret());
    }

    #[test]
    fn the_first_of_the_list_signs_version_2() {
        let list = format!("k2:{LONG}:with:colons,k1:{LONG}");
        assert_eq!(KeyRing::from_settings(Some(LONG), Some(&list), false).unwrap().v2_key_id().as_str(), "k2");
        assert_eq!(KeyRing::from_settings(None, Some(&list), false).unwrap().v2_key_id().as_str(), "k2");
        assert_eq!(KeyRing::from_settings(Some(LONG), None, false).unwrap().v2_key_id().as_str(), "default");
    }
}
