//! What names an upload in its URL.

use crate::error::Error;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::fmt;

/// In bytes: 256 bits that nobody can guess.
const RANDOM: usize = 32;

/// Lets whoever knows it go on with the upload, so only its SHA-256 is kept and its `Debug` prints nothing.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Handle(String);

impl Handle {
    pub(super) fn random() -> Result<Self, Error> {
        let mut bytes = [0; RANDOM];
        let drawn = getrandom::fill(&mut bytes);
        drawn.map_err(|error| Error::Internal(format!("no randomness: {error}").into()))?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// As a path has it. One that nobody was given names nothing; one that nobody can have been given is no handle.
    pub(super) fn read(text: String) -> Result<Self, Error> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        match text.bytes().all(is_word) {
            true => Ok(Self(text)),
            false => Err(Error::invalid("upload id", "must be one that a creation was answered with")),
        }
    }

    /// As its URL has it.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// What the catalog knows it by.
    pub(super) fn hash(&self) -> String {
        hex::encode(Sha256::digest(&self.0))
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_new_each_time_and_stands_in_a_path_as_it_is() {
        let (one, other) = (Handle::random().unwrap(), Handle::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.reveal().len(), 43);
        assert_eq!(Handle::read(one.reveal().into()).unwrap(), one);
        assert_eq!(one.hash().len(), 64);
        assert!(!format!("{one:?}").contains(one.reveal()));
    }

    #[test]
    fn a_text_with_anything_else_in_it_is_no_handle() {
        for bad in ["../x", "a/b", "..", "a b", "a\0", "é", "a.b", "a%2e"] {
            assert!(Handle::read(bad.into()).is_err(), "{bad}");
        }
    }
}
