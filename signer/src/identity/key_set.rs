//! The identity provider's key set, RFC 7517: read whole or not at all.

use super::{
    Key,
    strict_json::{self, Object},
};
use serde_json::Value;
use std::collections::HashMap;

/// The keys of a set that may sign a token, by their ids.
#[derive(Debug)]
pub(super) struct KeySet(HashMap<String, Key>);

/// Why a document is no key set that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("no JSON Web Key Set")]
    NotASet,
    /// Whoever takes one of the two trusts another key than whoever takes the other.
    #[error("two keys of one id")]
    Ambiguous,
    /// Keys of other kinds, for other uses, without an id, or of an unsafe size do not count.
    #[error("no RSA key for RS256")]
    NoKey,
}

impl KeySet {
    /// Reads a document. Keys that are not for RS256 are passed over, RFC 7517 section 5.
    pub(super) fn read(document: &[u8]) -> Result<Self, Unusable> {
        let document = strict_json::object(document).ok_or(Unusable::NotASet)?;
        let entries = document.get("keys").and_then(Value::as_array).ok_or(Unusable::NotASet)?;
        let mut keys = HashMap::new();
        for (id, key) in entries.iter().filter_map(|entry| usable(entry.as_object()?)) {
            if keys.insert(id, key).is_some() {
                return Err(Unusable::Ambiguous);
            }
        }
        if keys.is_empty() { Err(Unusable::NoKey) } else { Ok(Self(keys)) }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Key> {
        self.0.get(id)
    }
}

/// RFC 7517 section 4: `use`, `key_ops` and `alg` may be missing; where they stand they must allow this use.
fn usable(entry: &Object) -> Option<(String, Key)> {
    let text = |name| entry.get(name).and_then(Value::as_str);
    let allows = |name, only: &str| entry.get(name).is_none_or(|value| value == only);
    let verifies = match entry.get("key_ops") {
        None => true,
        Some(operations) => operations.as_array()?.iter().any(|operation| operation == "verify"),
    };
    let is_for_tokens = text("kty")? == "RSA" && allows("use", "sig") && allows("alg", "RS256") && verifies;
    let key = Key::from_components(text("n")?, text("e")?).filter(|_| is_for_tokens)?;
    Some((text("kid")?.to_owned(), key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    fn modulus(bits: usize) -> String {
        URL_SAFE_NO_PAD.encode([vec![0x80], vec![1; bits / 8 - 1]].concat())
    }

    fn key(changes: &Value) -> Value {
        let mut key = json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "a", "n": modulus(2048), "e": "AQAB"});
        for (name, value) in changes.as_object().unwrap() {
            key[name] = value.clone();
        }
        key
    }

    fn read(keys: &[Value]) -> Result<KeySet, Unusable> {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn keys_are_found_by_their_ids() {
        let second = json!({"kty": "RSA", "kid": "b", "n": modulus(4096), "e": "AQAB"});
        let set = read(&[key(&json!({})), second, key(&json!({"kid": "c", "key_ops": ["verify"]}))]).unwrap();
        assert!(["a", "b", "c"].iter().all(|id| set.get(id).is_some()));
        assert!(set.get("d").is_none() && set.get("__proto__").is_none());
    }

    #[test]
    fn a_key_for_anything_else_is_passed_over() {
        for odd in [
            json!({"kty": "EC", "crv": "P-256"}),
            json!({"kty": "oct", "k": "c2VjcmV0"}),
            json!({"use": "enc"}),
            json!({"key_ops": ["sign"]}),
            json!({"key_ops": "verify"}),
            json!({"alg": "RS512"}),
            json!({"kid": null}),
            json!({"kid": 1}),
            json!({"n": modulus(1024)}),
            json!({"n": modulus(16384)}),
            json!({"n": "="}),
            json!({"e": "AQ"}),
            json!({"e": "Ag"}),
            json!({"e": ""}),
        ] {
            assert_eq!(read(&[key(&odd)]).unwrap_err(), Unusable::NoKey, "{odd}");
            let beside = read(&[key(&odd), key(&json!({"kid": "b"}))]).unwrap();
            assert!(beside.get("b").is_some() && beside.get("a").is_none(), "{odd}");
        }
    }

    #[test]
    fn two_keys_of_one_id_refuse_the_set() {
        let twice = [key(&json!({})), key(&json!({"n": modulus(3072)})), key(&json!({"kid": "b"}))];
        assert_eq!(read(&twice).unwrap_err(), Unusable::Ambiguous);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        assert_eq!(read(&[]).unwrap_err(), Unusable::NoKey);
        for document in ["", "<html></html>", "[]", "{}", r#"{"keys": {}}"#, r#"{"keys": [], "keys": []}"#] {
            assert_eq!(KeySet::read(document.as_bytes()).unwrap_err(), Unusable::NotASet, "{document}");
        }
    }
}
