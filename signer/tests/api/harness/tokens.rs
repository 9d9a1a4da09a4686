//! Tokens as the identity provider signs them, and as an attacker would like to.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};
use std::sync::LazyLock;

pub(crate) static KEY: LazyLock<KeyPair> = LazyLock::new(generate);
/// A key that the signer does not know.
pub(crate) static OTHER_KEY: LazyLock<KeyPair> = LazyLock::new(generate);

fn generate() -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
}

pub(crate) fn public_pem() -> &'static str {
    static PEM: LazyLock<String> = LazyLock::new(|| KEY.public_key_pem());
    &PEM
}

/// Now, in Unix seconds.
pub(crate) fn now() -> u64 {
    jiff::Timestamp::now().as_second().unsigned_abs()
}

/// A token to be signed.
pub(crate) struct Token {
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

/// A good token of this user.
pub(crate) fn token(user: &str) -> Token {
    Token {
        header: json!({ "alg": "RS256", "typ": "JWT", "kid": "ins_1" }),
        claims: json!({ "sub": user, "aud": "t2m-api", "iat": now(), "exp": now() + 300 }),
    }
}

impl Token {
    pub(crate) fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims[name] = value;
        self
    }

    pub(crate) fn header(mut self, name: &str, value: Value) -> Self {
        self.header[name] = value;
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name);
        self
    }

    pub(crate) fn signed(self) -> String {
        self.signed_by(&KEY)
    }

    pub(crate) fn signed_by(self, key: &KeyPair) -> String {
        let key = EncodingKey::from_rsa_pem(key.serialize_pem().as_bytes()).unwrap();
        self.signed_with(&key, Algorithm::RS256)
    }

    /// Signed with any key and algorithm, whatever the header says.
    pub(crate) fn signed_with(self, key: &EncodingKey, algorithm: Algorithm) -> String {
        raw(&self.header.to_string(), &self.claims.to_string(), key, algorithm)
    }
}

/// A good signature over any two texts.
pub(crate) fn of_texts(header: &str, claims: &str) -> String {
    let key = EncodingKey::from_rsa_pem(KEY.serialize_pem().as_bytes()).unwrap();
    raw(header, claims, &key, Algorithm::RS256)
}

/// A good PS256 signature by the right key.
pub(crate) fn pss(token: Token) -> String {
    let key = EncodingKey::from_rsa_pem(KEY.serialize_pem().as_bytes()).unwrap();
    token.signed_with(&key, Algorithm::PS256)
}

fn raw(header: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = crypto::sign(signed.as_bytes(), key, algorithm).unwrap();
    format!("{signed}.{signature}")
}
