//! The secrets that messages are signed with: several while one takes another's place.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

const PREFIX: &str = "whsec_";
/// In bytes; the least that Standard Webhooks asks for, and what Svix makes.
const MIN_LEN: usize = 24;

/// The secrets of `CLERK_WEBHOOK_SIGNING_SECRET`.
#[derive(Clone)]
pub struct Secrets(Vec<Vec<u8>>);

/// Why a text holds no secrets. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Nothing but space.
    #[error("holds no secret")]
    Empty,
    /// Not base64.
    #[error("must be `whsec_` and base64, as Clerk's dashboard shows it; several with spaces between them")]
    NotBase64,
    /// Short enough to be guessed.
    #[error("holds a secret shorter than {MIN_LEN} bytes")]
    Short,
}

impl Secrets {
    /// Reads secrets with spaces between them.
    ///
    /// # Errors
    /// None at all, or one that is none.
    pub fn read(text: &str) -> Result<Self, SecretError> {
        let secrets: Result<Vec<_>, _> = text.split_ascii_whitespace().map(secret).collect();
        match secrets? {
            none if none.is_empty() => Err(SecretError::Empty),
            secrets => Ok(Self(secrets)),
        }
    }

    /// HMAC-SHA256 of these pieces, one behind the other, by each secret.
    pub(super) fn sign<'a>(&'a self, pieces: &'a [&[u8]]) -> impl Iterator<Item = [u8; 32]> + 'a {
        self.0.iter().map(move |secret| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
            pieces.iter().for_each(|piece| mac.update(piece));
            mac.finalize().into_bytes().into()
        })
    }
}

fn secret(text: &str) -> Result<Vec<u8>, SecretError> {
    let secret = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).map_err(|_| SecretError::NotBase64)?;
    if secret.len() < MIN_LEN { Err(SecretError::Short) } else { Ok(secret) }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    #[test]
    fn one_or_several_secrets_are_read() {
        for (text, number) in [
            (SECRET.to_owned(), 1),
            (SECRET[PREFIX.len()..].to_owned(), 1),
            (format!(" {SECRET}  whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"), 2),
        ] {
            assert_eq!(Secrets::read(&text).unwrap().0.len(), number, "{text}");
        }
        assert_eq!(format!("{:?}", Secrets::read(SECRET).unwrap()), "Secrets(..)");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for (text, why) in [
            ("  ", SecretError::Empty),
            ("whsec_", SecretError::Short),
            ("whsec_C2FVsBQIhrscChlQIMV=", SecretError::NotBase64),
            ("whsec_C2FVsBQIhrscChlQIMV", SecretError::NotBase64),
            ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7o", SecretError::NotBase64),
            ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7o=", SecretError::Short),
            ("whsec_C2FVsBQIhrscChlQIMV-b5sSYspob7oD", SecretError::NotBase64),
            ("sk_live_abcdefghijklmnopqrstuvwxyz", SecretError::NotBase64),
            ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD whsec_AAAA", SecretError::Short),
            ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD,whsec_AAAA", SecretError::NotBase64),
        ] {
            assert_eq!(Secrets::read(text).unwrap_err(), why, "{text}");
        }
    }
}
