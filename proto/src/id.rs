//! Ids, parsed at the edge and trusted behind it. No id can hold a colon, so the version 1
//! string to sign has one reading only.

use std::{fmt, str::FromStr};

/// The longest id of any kind, in bytes.
pub const MAX_ID_LEN: usize = 128;

/// Words that are routes below `/files/` and so can never be file ids.
const RESERVED: [&str; 6] = ["upload", "uploads", "raw", "tus", "secure", "signed-urls"];

/// An id outside its alphabet, of a bad length, or reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}")]
pub struct InvalidId {
    kind: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// The id's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let accepts: fn(&str) -> bool = $accepts;
                if text.is_empty() || text.len() > MAX_ID_LEN || !accepts(text) {
                    return Err(InvalidId { kind: $kind });
                }
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

id!(
    /// A file's id: `[A-Za-z0-9_-]{1,128}`, and not a word that is a route below `/files/`.
    FileId,
    "file id",
    |text| text.bytes().all(is_word) && !RESERVED.contains(&text)
);

id!(
    /// A user's id: `[A-Za-z0-9._@|-]{1,128}`, and neither `.` nor `..`.
    UserId,
    "user id",
    |text| text.bytes().all(|b| is_word(b) || b".@|".contains(&b)) && text != "." && text != ".."
);

id!(
    /// A signing key's id: `[A-Za-z0-9._-]{1,128}`, so that it stands in a version 2 URL as it is.
    KeyId,
    "key id",
    |text| text.bytes().all(|b| is_word(b) || b == b'.')
);

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// A client's own name for its request, if it can stand in a log and in a header: `[A-Za-z0-9._-]{1,128}`.
#[must_use]
pub fn request_id_of(value: &[u8]) -> Option<&str> {
    let is_plain = matches!(value.len(), 1..=MAX_ID_LEN) && value.iter().all(|b| is_word(*b) || *b == b'.');
    std::str::from_utf8(value).ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_outside_their_alphabet_are_refused() {
        for bad in ["", "a:b", "a/b", "a b", "é", "a.b", "..", "x#1", "upload", "signed-urls"] {
            assert!(bad.parse::<FileId>().is_err(), "{bad:?}");
        }
        for bad in ["", "a:b", "a/b", "a b", "é", ".", "..", "a+b", "a%b"] {
            assert!(bad.parse::<UserId>().is_err(), "{bad:?}");
        }
        assert!("f".repeat(129).parse::<FileId>().is_err());
    }

    #[test]
    fn ids_inside_their_alphabet_keep_their_text() {
        for good in ["a", "A-_z9", "CON", "-", &"f".repeat(128)] {
            assert_eq!(good.parse::<FileId>().unwrap().as_str(), good);
        }
        for good in ["someone@example.com", "auth0|abc.def-1", "..."] {
            assert_eq!(good.parse::<UserId>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn a_request_id_is_one_harmless_word() {
        let longest = "a".repeat(MAX_ID_LEN);
        for good in ["a", "abc-1.2_X", longest.as_str()] {
            assert_eq!(request_id_of(good.as_bytes()), Some(good));
        }
        for bad in ["", "a b", "a\"b", "\u{9}x", "é", "a\r\nb", "a/b", "a=b", &format!("{longest}a")] {
            assert_eq!(request_id_of(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
