//! A JSON Web Signature, RFC 7515 section 3.1: three parts, RS256. Of what it says only the header's `alg` is looked
//! at before the signature is good; the rest of the header is judged with the claims.

use super::{
    Flaw, Keys,
    strict_json::{self, Object},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Far above any real token, far below what would cost time.
const MAX_LEN: usize = 16 << 10;

/// A token whose signature is good. Its claims are still to be judged.
pub(super) struct Token {
    pub(super) header: Object,
    pub(super) claims: Object,
}

/// Reads a token and verifies its signature.
pub(super) fn verify(text: &str, keys: &Keys) -> Result<Token, Flaw> {
    if text.len() > MAX_LEN {
        return Err(Flaw::Malformed);
    }
    let (signed, signature) = text.rsplit_once('.').ok_or(Flaw::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(Flaw::Malformed)?;
    let header = part(header)?;
    if header.get("alg").and_then(|alg| alg.as_str()) != Some("RS256") {
        return Err(Flaw::Algorithm);
    }
    if !keys.signed(signed, signature) {
        return Err(Flaw::Signature);
    }
    Ok(Token { header, claims: part(claims)? })
}

/// The alphabet has no dot, so a token of more than three parts fails here; the engine takes no padding, no
/// white space and no stray bits.
fn part(text: &str) -> Result<Object, Flaw> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Flaw::Malformed)?;
    strict_json::object(&bytes).ok_or(Flaw::Malformed)
}
