//! `Idempotency-Key`: a request that is repeated under the same key is done once, and answered as it was then.
//!
//! A key is claimed just before the effect, together with a fingerprint of the request, and answered in the effect's
//! own transaction where there is one. Another request under the same key is refused, and so is the same one while the
//! first is under way. Keys are forgotten after a day.

use crate::{
    Signer,
    catalog::Claim,
    clock,
    error::Error,
    files::{File, Uploaded},
};
use axum::http::{HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const MAX_KEY: usize = 255;

/// Whose key it is, and the key. Services have theirs beside users.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) scope: String,
    pub(crate) key: String,
}

/// A key and what its request was answered with.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) key: Key,
    pub(crate) file_id: String,
    pub(crate) answer: String,
}

/// Whether the request is to be done.
pub(crate) enum Begun {
    Now,
    Before(Box<Uploaded>),
}

/// An answer as it is kept: a file, and beside its fields what there was to warn of.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    file: File,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl Key {
    pub(crate) fn answered(&self, Uploaded { file, warnings }: &Uploaded) -> Answered {
        let kept = Kept { file: file.clone(), warnings: warnings.clone() };
        let answer = serde_json::to_string(&kept).expect("a file always serialises");
        Answered { key: self.clone(), file_id: kept.file.id, answer }
    }
}

/// The request's key, if it has one.
pub(crate) fn key(headers: &HeaderMap, scope: impl Into<String>) -> Result<Option<Key>, Error> {
    let refused = || Error::invalid("Idempotency-Key", "must be given once, as 1 to 255 visible ASCII characters");
    let mut lines = headers.get_all(HEADER).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    let is_key = |key: &&str| (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let key = line.to_str().ok().filter(is_key).filter(|_| lines.next().is_none()).ok_or_else(refused)?;
    Ok(Some(Key { scope: scope.into(), key: key.into() }))
}

/// Equal for equal requests, and for no others.
pub(crate) fn fingerprint(request: &impl Serialize) -> String {
    let text = serde_json::to_vec(request).expect("texts and numbers always serialise");
    hex::encode(Sha256::digest(text))
}

/// Claims the key, unless its request was done before.
pub(crate) async fn begin(signer: &Signer, key: &Key, fingerprint: &str) -> Result<Begun, Error> {
    match signer.catalog().claim(key, fingerprint, clock::unix_millis()).await? {
        Claim::Ours => Ok(Begun::Now),
        Claim::Answered(answer) => {
            let kept = serde_json::from_str::<Kept>(&answer);
            let kept = kept.map_err(|error| Error::Internal(format!("a stored answer: {error}").into()))?;
            Ok(Begun::Before(Box::new(Uploaded { file: kept.file, warnings: kept.warnings })))
        }
        Claim::UnderWay => Err(Error::KeyUnderWay),
        Claim::Another => Err(Error::KeyReused),
    }
}

/// Gives the key back after a failure: the request may be tried again.
pub(crate) async fn release(signer: &Signer, key: &Key) {
    if let Err(error) = signer.catalog().release(key).await {
        tracing::warn!(%error, "an idempotency key is held until it is taken for abandoned");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_line_of_visible_characters() {
        let read = |lines: &[&str]| {
            let lines = lines.iter().map(|line| (HEADER, line.parse().unwrap()));
            key(&lines.collect::<HeaderMap>(), "user_1")
        };
        assert!(read(&[]).unwrap().is_none());
        assert_eq!(read(&["8e03978e-40d5-43dd"]).unwrap().unwrap().key, "8e03978e-40d5-43dd");
        for bad in ["", "a b", "é", &"k".repeat(256)] {
            assert!(read(&[bad]).is_err(), "{bad}");
        }
        let mut twice = HeaderMap::from_iter([(HEADER, "a".parse().unwrap())]);
        twice.append(HEADER, "a".parse().unwrap());
        assert!(key(&twice, "user_1").is_err());
    }
}
