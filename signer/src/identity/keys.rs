//! The keys that may have signed a token. They come from settings alone: nothing in a token ever names one.

use jsonwebtoken::{
    Algorithm, DecodingKey, crypto,
    jwk::{AlgorithmParameters, Jwk},
};
use std::fmt;

/// RFC 7518 section 3.3.
const MIN_BITS: usize = 2048;
const BEGIN: &str = "-----BEGIN ";

/// The public keys of the identity provider.
#[derive(Clone)]
pub struct Keys {
    pem: DecodingKey,
}

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
    /// Fewer bits than RS256 may have.
    #[error("is an RSA key under {MIN_BITS} bits")]
    Short,
}

impl Keys {
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
        let pem = DecodingKey::from_rsa_pem(text.as_bytes()).map_err(|_| PemError::NotRsa)?;
        match modulus_bits(&pem) {
            None => Err(PemError::NotRsa),
            Some(bits) if bits < MIN_BITS => Err(PemError::Short),
            Some(_) => Ok(Self { pem }),
        }
    }

    /// Whether `signature` (base64url) is RS256 over `signed` by one of the keys.
    pub(super) fn signed(&self, signed: &str, signature: &str) -> bool {
        crypto::verify(signature, signed.as_bytes(), &self.pem, Algorithm::RS256).unwrap_or(false)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

fn modulus_bits(key: &DecodingKey) -> Option<usize> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let AlgorithmParameters::RSA(rsa) = Jwk::from_decoding_key(key, None).ok()?.algorithm else { return None };
    let modulus = URL_SAFE_NO_PAD.decode(rsa.n).ok()?;
    let zeroes = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeroes)?;
    Some((modulus.len() - zeroes) * 8 - first.leading_zeros() as usize)
}
