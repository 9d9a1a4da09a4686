//! Signed URLs as section 2 and 3 of the contract describe them, made here a second time: an independent judge.
//! Every signature made is remembered, so that logs can be searched for it.

use super::now;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{fmt::Write, sync::Mutex};

/// The secret of key `default` in every gateway of the tests, and a canary in its logs.
pub(crate) const SECRET: &str = "canary-secret-of-the-gateways-tests-42";

/// The id of the key that `FILE_SIGNING_SECRET` gives.
pub(crate) const KEY_ID: &str = "default";

static MADE: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Every signature that this test process has made.
pub(crate) fn signatures_made() -> Vec<String> {
    MADE.lock().expect("nothing panics while it holds the list").clone()
}

/// Lower-case hexadecimal HMAC-SHA256.
pub(crate) fn hmac_hex(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    MADE.lock().expect("nothing panics while it holds the list").push(signature.clone());
    signature
}

/// Everything but the unreserved characters of RFC 3986 section 2.3 as upper-case `%XX`.
pub(crate) fn percent(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(byte as char);
        } else {
            write!(escaped, "%{byte:02X}").expect("a String takes everything");
        }
    }
    escaped
}

/// A version 1 URL in the making.
#[derive(Clone)]
pub(crate) struct LinkV1 {
    file: String,
    user: String,
    expires: u64,
    secret: String,
    mount: &'static str,
}

impl LinkV1 {
    /// Valid for an hour.
    pub(crate) fn new(file: &str, user: &str) -> Self {
        Self { file: file.into(), user: user.into(), expires: now() + 3600, secret: SECRET.into(), mount: "" }
    }

    pub(crate) fn user(mut self, user: &str) -> Self {
        self.user = user.into();
        self
    }

    pub(crate) fn expires(mut self, second: u64) -> Self {
        self.expires = second;
        self
    }

    pub(crate) fn secret(mut self, secret: &str) -> Self {
        self.secret = secret.into();
        self
    }

    pub(crate) fn below(mut self, mount: &'static str) -> Self {
        self.mount = mount;
        self
    }

    pub(crate) fn signature(&self) -> String {
        hmac_hex(&self.secret, &format!("{}:{}:{}", self.file, self.user, self.expires))
    }

    /// The URL with another signature.
    pub(crate) fn signed(&self, signature: &str) -> String {
        let Self { file, user, expires, mount, .. } = self;
        format!("{mount}/files/secure/{file}?user_id={}&expires={expires}&signature={signature}", percent(user))
    }

    pub(crate) fn url(&self) -> String {
        self.signed(&self.signature())
    }
}

/// A version 2 URL in the making. Values are as on the wire.
#[derive(Clone)]
pub(crate) struct LinkV2 {
    path: String,
    pairs: Vec<(String, String)>,
    secret: String,
    mount: &'static str,
}

impl LinkV2 {
    /// Issued now, valid for an hour, signed with the key `default`.
    pub(crate) fn new(file: &str, user: &str) -> Self {
        let link = Self { path: format!("/files/secure/{file}"), pairs: Vec::new(), secret: SECRET.into(), mount: "" };
        let (expires, iat) = ((now() + 3600).to_string(), now().to_string());
        link.with("v", "2")
            .with("kid", KEY_ID)
            .with("user_id", &percent(user))
            .with("expires", &expires)
            .with("iat", &iat)
    }

    /// Gives a parameter, or changes it.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        match self.pairs.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value.into(),
            None => self.pairs.push((name.into(), value.into())),
        }
        self
    }

    /// Gives a parameter once more.
    pub(crate) fn also(mut self, name: &str, value: &str) -> Self {
        self.pairs.push((name.into(), value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.pairs.retain(|(known, _)| known != name);
        self
    }

    /// One more path segment, as on the wire.
    pub(crate) fn segment(mut self, name: &str) -> Self {
        self.path = format!("{}/{name}", self.path);
        self
    }

    /// The key that signs, and its secret.
    pub(crate) fn key(mut self, kid: &str, secret: &str) -> Self {
        self.secret = secret.into();
        self.with("kid", kid)
    }

    pub(crate) fn below(mut self, mount: &'static str) -> Self {
        self.mount = mount;
        self
    }

    pub(crate) fn url(&self) -> String {
        let mut sorted = self.pairs.clone();
        sorted.sort();
        let lines: String = sorted.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        self.signed(&hmac_hex(&self.secret, &format!("t2m-files-v2\n{}\n{lines}", self.path)))
    }

    /// The URL with another signature.
    pub(crate) fn signed(&self, signature: &str) -> String {
        let query: String = self.pairs.iter().map(|(name, value)| format!("{name}={value}&")).collect();
        format!("{}{}?{query}signature={signature}", self.mount, self.path)
    }
}
