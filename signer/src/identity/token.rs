//! A JSON Web Signature, RFC 7515 section 3.1: three parts, RS256. Of what it says only the header's `alg` and `kid`
//! are looked at before the signature is good; the rest of the header is judged with the claims.

use super::{
    Flaw, Key, Rules,
    claims::{self, Proof, Validity},
    strict_json::{self, Object},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Far above any real token, far below what would cost time.
const MAX_LEN: usize = 16 << 10;

/// A token that nobody has vouched for yet.
pub(super) struct Unverified<'a> {
    header: Object,
    claims: &'a str,
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    pub(super) fn read(text: &'a str) -> Result<Self, Flaw> {
        if text.len() > MAX_LEN {
            return Err(Flaw::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Flaw::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Flaw::Malformed)?;
        let header = part(header)?;
        if header.get("alg").and_then(|alg| alg.as_str()) != Some("RS256") {
            return Err(Flaw::Algorithm);
        }
        Ok(Self { header, claims, signed, signature })
    }

    /// Which key it says it is signed by; a name, and no more than that.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.header.get("kid")?.as_str()
    }

    /// What it proves at `now` (Unix seconds), if it is signed by `key`.
    pub(super) fn judge(&self, key: &Key, rules: &Rules, now: u64) -> Result<Proof, Flaw> {
        claims::judge(&self.header, &self.claims(key)?, rules, now)
    }

    /// What it proved until it ran out, if it is signed by `key`.
    pub(super) fn judge_at_its_end(&self, key: &Key, rules: &Rules) -> Result<Proof, Flaw> {
        let claims = self.claims(key)?;
        claims::judge(&self.header, &claims, rules, Validity::of(&claims)?.last())
    }

    fn claims(&self, key: &Key) -> Result<Object, Flaw> {
        if !key.signed(self.signed, self.signature) {
            return Err(Flaw::Signature);
        }
        part(self.claims)
    }
}

/// The alphabet has no dot, so a token of more than three parts fails here; the engine takes no padding, no
/// white space and no stray bits.
fn part(text: &str) -> Result<Object, Flaw> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Flaw::Malformed)?;
    strict_json::object(&bytes).ok_or(Flaw::Malformed)
}
