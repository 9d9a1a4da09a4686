//! One public key of the identity provider. It comes from settings or from the provider's own key set: nothing in a
//! token ever gives one.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, crypto,
    jwk::{AlgorithmParameters, Jwk},
};
use std::fmt;

/// RFC 7518 section 3.3.
const MIN_BITS: usize = 2048;
/// The cryptography beneath verifies no larger one.
const MAX_BITS: usize = 8192;
const BEGIN: &str = "-----BEGIN ";

/// An RSA public key of a safe size.
#[derive(Clone)]
pub struct Key(DecodingKey);

/// Why a PEM text is not the key that is wanted. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// No PEM at all.
    #[error("must be a PEM text that begins with `-----BEGIN PUBLIC KEY-----`")]
    NotPem,
    /// Several blocks.
    #[error("holds more than one PEM block; give the one public key")]
    Several,
    /// A secret in the wrong place.
    #[error("is a private key; give the public key, which begins with `-----BEGIN PUBLIC KEY-----`")]
    Private,
    /// A certificate.
    #[error("is a certificate; give the public key in it (`openssl x509 -pubkey -noout`)")]
    Certificate,
    /// PKCS#1, which Clerk never gives.
    #[error(
        "is a PKCS#1 key (`BEGIN RSA PUBLIC KEY`); give it as `BEGIN PUBLIC KEY` (`openssl rsa -RSAPublicKey_in -pubout`)"
    )]
    Pkcs1,
    /// Another kind of key, or a broken one.
    #[error("is not a readable RSA public key")]
    NotRsa,
    /// Fewer bits than RS256 may have, or more than can be verified.
    #[error("is an RSA key that has not {MIN_BITS} to {MAX_BITS} bits")]
    Size,
}

impl Key {
    /// The key in a PEM text, as `CLERK_JWT_KEY` gives it. Its line ends may be written as a literal `\n`.
    ///
    /// # Errors
    /// Anything but one RSA public key of a safe size.
    pub fn from_pem(text: &str) -> Result<Self, PemError> {
        let text = text.replace("\\r", "").replace("\\n", "\n").replace('\r', "");
        let text = text.trim();
        let label = text.strip_prefix(BEGIN).and_then(|rest| rest.split_once("-----")).ok_or(PemError::NotPem)?.0;
        match label {
            _ if text.matches(BEGIN).count() > 1 => return Err(PemError::Several),
            "PUBLIC KEY" => {}
            "RSA PUBLIC KEY" => return Err(PemError::Pkcs1),
            "CERTIFICATE" => return Err(PemError::Certificate),
            other if other.ends_with("PRIVATE KEY") => return Err(PemError::Private),
            _ => return Err(PemError::NotPem),
        }
        let key = DecodingKey::from_rsa_pem(text.as_bytes()).map_err(|_| PemError::NotRsa)?;
        let modulus = modulus(&key).ok_or(PemError::NotRsa)?;
        if is_safe_size(&modulus) { Ok(Self(key)) } else { Err(PemError::Size) }
    }

    /// The key of a JWK, RFC 7518 section 6.3.1: modulus and exponent in base64url. `None` if it is not safe.
    pub(super) fn from_components(modulus: &str, exponent: &str) -> Option<Self> {
        let modulus = URL_SAFE_NO_PAD.decode(modulus).ok()?;
        let exponent = URL_SAFE_NO_PAD.decode(exponent).ok()?;
        let is_safe = is_safe_size(&modulus) && is_safe_exponent(&exponent);
        is_safe.then(|| Self(DecodingKey::from_rsa_raw_components(&modulus, &exponent)))
    }

    /// Whether `signature` (base64url) is RS256 over `signed` by this key.
    pub(super) fn signed(&self, signed: &str, signature: &str) -> bool {
        crypto::verify(signature, signed.as_bytes(), &self.0, Algorithm::RS256).unwrap_or(false)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

fn modulus(key: &DecodingKey) -> Option<Vec<u8>> {
    let AlgorithmParameters::RSA(rsa) = Jwk::from_decoding_key(key, None).ok()?.algorithm else { return None };
    URL_SAFE_NO_PAD.decode(rsa.n).ok()
}

fn is_safe_size(modulus: &[u8]) -> bool {
    let zeroes = modulus.iter().take_while(|byte| **byte == 0).count();
    let bits = modulus.get(zeroes).map_or(0, |first| (modulus.len() - zeroes) * 8 - first.leading_zeros() as usize);
    (MIN_BITS..=MAX_BITS).contains(&bits)
}

/// With an exponent of 1 everybody can sign, and an even one is none.
fn is_safe_exponent(exponent: &[u8]) -> bool {
    let is_odd = exponent.last().is_some_and(|last| last % 2 == 1);
    is_odd && exponent != [1] && exponent.len() <= 4
}
