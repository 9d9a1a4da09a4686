//! An [`Identity`] at work: with its keys at hand, and what it verified before.

use super::verified::{Fingerprint, Verified};
use super::{Flaw, Identity, Key, KeySource, Rules, claims::Proof, jwks::Jwks, token::Unverified};
use crate::{error::Error, observe::Metrics, webhooks::Secrets};
use std::{sync::Arc, time::Duration};

/// Judges tokens.
pub(crate) struct Verifier {
    keys: Keys,
    rules: Rules,
    verified: Verified,
    webhooks: Option<Secrets>,
}

enum Keys {
    /// They never change.
    Fixed(Key),
    Fetched(Arc<Jwks>),
}

/// What an operator wants to know of the keys.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeyState {
    /// Given in the settings: always there, and of no age.
    Settings,
    /// Fetched this long ago.
    Fetched(Duration),
    /// Not fetched yet.
    Missing,
}

impl Verifier {
    /// Takes the fetched keys along where they come from the same place; nothing that was verified before.
    pub(crate) fn new(identity: Identity, before: Option<&Self>, metrics: &Metrics) -> Self {
        let keys = match identity.keys {
            KeySource::Pem(key) => Keys::Fixed(key),
            KeySource::Jwks(source) => match before.map(|before| &before.keys) {
                Some(Keys::Fetched(same)) if *same.source() == source => Keys::Fetched(Arc::clone(same)),
                _ => Keys::Fetched(Arc::new(Jwks::keep(source, metrics.keys.clone()))),
            },
        };
        Self { keys, rules: identity.rules, verified: Verified::new(), webhooks: identity.webhooks }
    }

    /// What the token proves at `now` (Unix seconds).
    pub(super) async fn prove(&self, text: &str, now: u64) -> Result<Arc<Proof>, Error> {
        let fingerprint = Fingerprint::of(text);
        if let Some(proof) = self.verified.get(&fingerprint, self.keys.generation()) {
            return match proof.validity.at(now) {
                Ok(()) => Ok(proof),
                Err(flaw) => {
                    self.verified.forget(&fingerprint);
                    Err(refusal(flaw))
                }
            };
        }
        let token = Unverified::read(text).map_err(refusal)?;
        let (key, generation) = self.keys.of(&token).await?;
        let proof = Arc::new(token.judge(&key, &self.rules, now).map_err(refusal)?);
        self.verified.keep(fingerprint, Arc::clone(&proof), generation, text.len());
        Ok(proof)
    }

    /// As [`Verifier::prove`]; and what a token proved that was good until it ran out.
    pub(super) async fn prove_even_lapsed(&self, text: &str, now: u64) -> Result<Arc<Proof>, Error> {
        match self.prove(text, now).await {
            Err(Error::TokenExpired) => {}
            judged => return judged,
        }
        let token = Unverified::read(text).map_err(refusal)?;
        let (key, _) = self.keys.of(&token).await?;
        token.judge_at_its_end(&key, &self.rules).map(Arc::new).map_err(refusal)
    }

    pub(crate) fn webhook_secrets(&self) -> Option<&Secrets> {
        self.webhooks.as_ref()
    }

    pub(crate) fn key_state(&self) -> KeyState {
        match &self.keys {
            Keys::Fixed(_) => KeyState::Settings,
            Keys::Fetched(jwks) => jwks.age().map_or(KeyState::Missing, KeyState::Fetched),
        }
    }
}

impl Keys {
    fn generation(&self) -> u64 {
        match self {
            Self::Fixed(_) => 0,
            Self::Fetched(jwks) => jwks.generation(),
        }
    }

    /// A fixed key has no id: there is no other that a token could mean.
    async fn of(&self, token: &Unverified<'_>) -> Result<(Key, u64), Error> {
        match self {
            Self::Fixed(key) => Ok((key.clone(), 0)),
            Self::Fetched(jwks) => jwks.key(token.key_id().ok_or(Error::TokenInvalid(Flaw::UnknownKey))?).await,
        }
    }
}

fn refusal(flaw: Flaw) -> Error {
    match flaw {
        Flaw::Expired => Error::TokenExpired,
        flaw => Error::TokenInvalid(flaw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{Algorithm, EncodingKey, crypto};
    use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};

    const NOW: u64 = 1_900_000_000;

    /// A verifier, and a token that it takes from `NOW` on for a minute.
    fn verifier() -> (Verifier, String) {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let key = Key::from_pem(&pair.public_key_pem()).unwrap();
        let claims = format!(r#"{{"sub":"user_1","aud":"","nbf":{NOW},"exp":{}}}"#, NOW + 60);
        let encoded = [r#"{"alg":"RS256"}"#, &claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        let signing = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).unwrap();
        let signature = crypto::sign(encoded.as_bytes(), &signing, Algorithm::RS256).unwrap();
        let identity = Identity { keys: KeySource::Pem(key), rules: Rules::default(), webhooks: None };
        (Verifier::new(identity, None, &Metrics::new().unwrap()), format!("{encoded}.{signature}"))
    }

    #[tokio::test]
    async fn a_token_that_was_verified_before_still_has_its_times() {
        let (verifier, token) = verifier();
        assert!(verifier.prove(&token, NOW).await.is_ok());
        assert!(verifier.verified.get(&Fingerprint::of(&token), 0).is_some(), "it is kept");
        assert!(verifier.prove(&token, NOW + 64).await.is_ok());
        // The clock was set back.
        assert!(matches!(verifier.prove(&token, NOW - 6).await, Err(Error::TokenInvalid(Flaw::Time))));
        assert!(matches!(verifier.prove(&token, NOW + 65).await, Err(Error::TokenExpired)));
        assert!(verifier.verified.get(&Fingerprint::of(&token), 0).is_none(), "it is not kept past its end");
    }

    #[tokio::test]
    async fn a_token_that_ran_out_still_says_whose_it_was_where_that_is_asked() {
        let (verifier, token) = verifier();
        for now in [NOW, NOW + 65, NOW + 1_000_000] {
            let proof = verifier.prove_even_lapsed(&token, now).await.unwrap();
            assert_eq!(proof.user.id.as_str(), "user_1");
        }
        assert!(matches!(verifier.prove_even_lapsed(&token, NOW - 6).await, Err(Error::TokenInvalid(Flaw::Time))));
        assert!(matches!(verifier.prove(&token, NOW + 65).await, Err(Error::TokenExpired)), "only there");
        let rules = Rules { issuer: Some("another".into()), ..Rules::default() };
        let strict = Verifier { rules, ..verifier };
        let refused = strict.prove_even_lapsed(&token, NOW + 65).await;
        assert!(matches!(refused, Err(Error::TokenInvalid(Flaw::Issuer))), "every other rule holds");
    }

    #[tokio::test]
    async fn no_other_spelling_of_a_verified_token_counts() {
        let (verifier, token) = verifier();
        assert!(verifier.prove(&token, NOW).await.is_ok());
        for other in [format!("{token}="), format!(" {token}"), token[..token.len() - 1].into()] {
            assert!(matches!(verifier.prove(&other, NOW).await, Err(Error::TokenInvalid(_))), "{other}");
            assert!(verifier.verified.get(&Fingerprint::of(&other), 0).is_none());
        }
    }
}
