//! Objects that were put back from a copy: the same bytes, of which storage says another ETag or time. What a row says of
//! them is made right only if its SHA-256 is that of the bytes.

use super::check::Check;
use crate::{
    catalog::Promised,
    clock,
    error::Error,
    storage::{Key, RunningHash, Stored},
};

/// Bytes read at once.
const PIECE: u64 = 8 << 20;

impl Check<'_> {
    /// Whether the object is the file's, byte for byte, and its row says so from now on. Of what the signer did not write
    /// itself nobody knows the bytes.
    pub(super) async fn accept(&self, promised: &Promised, there: &Stored) -> Result<bool, Error> {
        let (Some(sha256), Some(key)) = (&promised.sha256, Key::managed(&promised.object_key)) else {
            return Ok(false);
        };
        if there.size != promised.size || self.sha256(&key, there.size).await? != *sha256 {
            return Ok(false);
        }
        // Of what was read it is known that it did not change meanwhile.
        let again = self.storage.look(key.as_str()).await?;
        if again.is_none_or(|again| again.etag != there.etag) {
            return Ok(false);
        }
        Ok(self.catalog.accept_copy(promised, (&there.etag, there.modified_at), clock::unix_millis()).await?)
    }

    async fn sha256(&self, key: &Key, size: u64) -> Result<String, Error> {
        let (mut hash, mut at) = (RunningHash::default(), 0);
        while at < size {
            let end = size.min(at + PIECE);
            hash.update(&self.storage.read(key, at..end).await?);
            at = end;
        }
        Ok(hex::encode(hash.finish()))
    }
}
