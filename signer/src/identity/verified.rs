//! Tokens that were verified before, by the SHA-256 of their text, so that a signature is not verified again with each
//! request. What may change since is not kept: times are looked at again, and the catalog is asked by the caller.

use super::claims::Proof;
use quick_cache::{Weighter, sync::Cache};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Bytes of all that is kept, about; some 20,000 tokens of the usual size.
const CAPACITY: u64 = 32 << 20;
/// What an entry costs beside the texts in it.
const OVERHEAD: u64 = 256;

/// A token's name. The token itself is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

/// What was proven, and by keys of which generation.
#[derive(Debug, Clone)]
struct Entry {
    proof: Arc<Proof>,
    generation: u64,
    /// Bytes of the token's text: no text in the proof is longer.
    len: usize,
}

/// A bounded cache: what was not asked for goes first.
pub(super) struct Verified(Cache<Fingerprint, Entry, ByLength>);

#[derive(Clone)]
struct ByLength;

impl Weighter<Fingerprint, Entry> for ByLength {
    fn weight(&self, _: &Fingerprint, entry: &Entry) -> u64 {
        OVERHEAD + entry.len as u64
    }
}

impl Verified {
    pub(super) fn new() -> Self {
        let usual = CAPACITY / (OVERHEAD + 1024);
        Self(Cache::with_weighter(usize::try_from(usual).unwrap_or_default(), CAPACITY, ByLength))
    }

    /// What this token was found to prove by keys of this generation.
    pub(super) fn get(&self, token: &Fingerprint, generation: u64) -> Option<Arc<Proof>> {
        self.0.get(token).filter(|entry| entry.generation == generation).map(|entry| entry.proof)
    }

    pub(super) fn keep(&self, token: Fingerprint, proof: Arc<Proof>, generation: u64, len: usize) {
        self.0.insert(token, Entry { proof, generation, len });
    }

    pub(super) fn forget(&self, token: &Fingerprint) {
        self.0.remove(token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Rules, claims};
    use serde_json::json;

    fn proof() -> Arc<Proof> {
        let claims = json!({"sub": "user_1", "exp": 100, "aud": ""});
        Arc::new(claims::judge(&Default::default(), claims.as_object().unwrap(), &Rules::default(), 10).unwrap())
    }

    #[test]
    fn what_is_kept_counts_for_its_text_and_its_keys_only() {
        let (verified, token) = (Verified::new(), Fingerprint::of("a.b.c"));
        verified.keep(token, proof(), 1, 5);
        assert_eq!(verified.get(&token, 1).unwrap().user.id.as_str(), "user_1");
        assert!(verified.get(&token, 2).is_none() && verified.get(&Fingerprint::of("a.b.d"), 1).is_none());
        verified.forget(&token);
        assert!(verified.get(&token, 1).is_none());
    }

    #[test]
    fn a_flood_of_tokens_is_not_kept_whole() {
        let verified = Verified::new();
        for n in 0..10_000 {
            verified.keep(Fingerprint::of(&n.to_string()), proof(), 1, 16 << 10);
        }
        assert!((1..=CAPACITY).contains(&verified.0.weight()), "{}", verified.0.weight());
    }
}
