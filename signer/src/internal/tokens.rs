//! Service tokens: which services may use the internal listener. Settings hold hashes, so that what they hold opens
//! nothing.

use crate::{Signer, error::Error, identity::Flaw};
use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};
use subtle::ConstantTimeEq;

const MAX_NAME: usize = 64;

/// `SIGNER_SERVICE_TOKENS`. Its `Debug` prints names only.
#[derive(Clone, Default)]
pub struct ServiceTokens(Vec<(String, [u8; 32])>);

/// A service that has proven its name.
pub(crate) struct Service {
    name: String,
}

impl Service {
    /// As whom it acts. No user's id can hold a colon.
    pub(crate) fn actor(&self) -> String {
        format!("service:{}", self.name)
    }
}

impl FromStr for ServiceTokens {
    type Err = &'static str;

    /// A name may stand there twice, while its token is being replaced.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "must be name:<SHA-256 of the token as 64 hexadecimal digits> with commas between";
        let is_name = |name: &str| {
            (1..=MAX_NAME).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        let token = |entry: &str| {
            let (name, digits) = entry.split_once(':').filter(|(name, _)| is_name(name))?;
            let mut hash = [0; 32];
            hex::decode_to_slice(digits, &mut hash).ok().map(|()| (name.to_owned(), hash))
        };
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(token).collect::<Option<_>>().map(Self).ok_or(EXPECTED)
    }
}

impl fmt::Debug for ServiceTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl ServiceTokens {
    /// Whose token this is. Every hash is compared, whichever matches.
    fn owner(&self, token: &[u8]) -> Option<&str> {
        let presented: [u8; 32] = Sha256::digest(token).into();
        self.0
            .iter()
            .fold(None, |found, (name, hash)| if bool::from(hash.ct_eq(&presented)) { Some(name) } else { found })
    }
}

impl FromRequestParts<Signer> for Service {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, signer: &Signer) -> Result<Self, Error> {
        let mut lines = parts.headers.get_all(header::AUTHORIZATION).iter();
        let refused = || Error::TokenInvalid(Flaw::Signature);
        let token = match (lines.next(), lines.next()) {
            (None, _) => return Err(Error::TokenMissing),
            (Some(_), Some(_)) => return Err(Error::TokenInvalid(Flaw::Ambiguous)),
            (Some(line), None) => line.to_str().ok().and_then(|text| text.split_once(' ')),
        };
        let (_, token) = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).ok_or_else(refused)?;
        let name = signer.service_tokens().owner(token.as_bytes()).ok_or_else(refused)?.to_owned();
        Ok(Self { name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(token: &str) -> String {
        hex::encode(Sha256::digest(token))
    }

    #[test]
    fn each_token_names_its_service_and_two_may_be_valid_at_once() {
        let text = format!("main-api:{}, worker:{},main-api:{},", hash("old"), hash("w"), hash("new").to_uppercase());
        let tokens: ServiceTokens = text.parse().unwrap();
        for (token, owner) in [("old", Some("main-api")), ("new", Some("main-api")), ("w", Some("worker"))] {
            assert_eq!(tokens.owner(token.as_bytes()), owner);
        }
        for wrong in ["", "ol", "old ", &hash("old")] {
            assert_eq!(tokens.owner(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(format!("{tokens:?}"), r#"["main-api", "worker", "main-api"]"#);
        assert_eq!(ServiceTokens::default().owner(b""), None);
    }

    #[test]
    fn what_is_no_name_and_hash_is_refused() {
        for bad in ["main-api", "main-api:token", ":", &format!(":{}", hash("x")), &format!("a b:{}", hash("x"))] {
            assert!(bad.parse::<ServiceTokens>().is_err(), "{bad}");
        }
    }
}
