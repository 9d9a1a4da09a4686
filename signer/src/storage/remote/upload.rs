//! An object being written. Full parts go out as they fill; what is left behind the last of them is kept as an object
//! of its own, a tail, at each checkpoint: a part but the last cannot be small.

use super::{Bucket, Failure, Key, Progress, RunningHash, SECOND_LOOK, Stored, parts::Parts};
use bytes::{Bytes, BytesMut};
use object_store::{Error, ObjectStoreExt, PutResult, path::Path};
use proto::etag::ETag;
use std::mem;
use tokio::runtime::Handle;

/// Holds at most one part here and two in flight.
#[derive(Debug)]
pub(crate) struct Upload {
    bucket: Bucket,
    key: Key,
    path: Path,
    progress: Progress,
    part: usize,
    /// What lies behind the last full part, durable or not.
    collected: BytesMut,
    hash: RunningHash,
    parts: Option<Parts>,
    /// The offset of a tail that the progress before this one needed.
    outlived: Option<u64>,
    /// A drop leaves what is durable.
    is_resumable: bool,
}

impl Bucket {
    pub(in crate::storage) fn begin(&self, key: &Key) -> Result<Upload, Failure> {
        let mut upload = self.upload(key, self.start(None))?;
        upload.is_resumable = false;
        Ok(upload)
    }

    pub(in crate::storage) async fn resume(&self, key: &Key, progress: Progress) -> Result<Upload, Failure> {
        let mut upload = self.upload(key, progress)?;
        let Progress { offset, part_bytes, multipart, parts } = &upload.progress;
        upload.parts = multipart.clone().map(|id| Parts::resume(self, upload.path.clone(), id, parts.clone()));
        match upload.progress.tail() {
            Some(0) if *part_bytes > 0 => {}
            Some(bytes) if bytes <= *part_bytes => upload.collected = self.tail(key, *offset, bytes).await?.into(),
            _ => return Err(Failure::Lost("a progress that this storage never told".into())),
        }
        Ok(upload)
    }

    fn upload(&self, key: &Key, progress: Progress) -> Result<Upload, Failure> {
        Ok(Upload {
            bucket: self.clone(),
            key: key.clone(),
            path: self.path(key.as_str())?,
            part: usize::try_from(progress.part_bytes).map_err(|error| Failure::Unavailable(error.into()))?,
            progress,
            collected: BytesMut::new(),
            hash: RunningHash::default(),
            parts: None,
            outlived: None,
            is_resumable: true,
        })
    }

    /// The tail that ends at `offset`, which was `bytes` long when it was written.
    async fn tail(&self, key: &Key, offset: u64, bytes: u64) -> Result<Bytes, Failure> {
        let lost =
            |what: &str| Failure::Lost(format!("{what} where {bytes} bytes before {offset} were durable").into());
        let found = match self.store.get(&self.path(&key.tail(offset))?).await {
            Err(Error::NotFound { .. }) => return Err(lost("nothing")),
            found => found?,
        };
        if found.meta.size != bytes {
            return Err(lost("another tail"));
        }
        let tail = found.bytes().await?;
        if tail.len() as u64 == bytes { Ok(tail) } else { Err(Failure::Nonsense("a body of another length".into())) }
    }

    fn remove_tail_soon(&self, key: &Key, offset: u64) {
        let (bucket, name) = (self.clone(), key.tail(offset));
        let Ok(runtime) = Handle::try_current() else { return };
        let removal = async move {
            let removed = async { bucket.remove(&bucket.path(&name)?).await };
            if let Err(error) = removed.await {
                tracing::warn!(%error, "a tail could not be removed");
            }
        };
        self.cleanups.spawn_on(removal, &runtime);
    }
}

impl Upload {
    pub(in crate::storage) fn resume_hash(&mut self, hash: RunningHash) {
        self.hash = hash;
    }

    pub(in crate::storage) fn hash(&self) -> &RunningHash {
        &self.hash
    }

    pub(in crate::storage) async fn write(&mut self, mut piece: Bytes) -> Result<(), Failure> {
        self.hash.update(&piece);
        while !piece.is_empty() {
            // A full part goes out only when more follows: what fits in one part is a single PUT.
            if self.collected.len() == self.part {
                self.send_part().await?;
            }
            let room = self.part - self.collected.len();
            self.collected.extend_from_slice(&piece.split_to(piece.len().min(room)));
        }
        Ok(())
    }

    pub(in crate::storage) async fn checkpoint(&mut self) -> Result<&Progress, Failure> {
        if let Some(offset) = self.outlived.take() {
            self.bucket.remove_tail_soon(&self.key, offset);
        }
        let known = self.progress.parts.len();
        let landed = match &mut self.parts {
            Some(parts) => parts.all_landed().await?[known..].to_vec(),
            None => Vec::new(),
        };
        let offset = self.taken();
        if offset > self.progress.offset {
            let tail = self.bucket.path(&self.key.tail(offset))?;
            self.bucket.store.put(&tail, self.collected.clone().freeze().into()).await?;
            self.outlived = (self.progress.offset > 0).then_some(self.progress.offset);
            self.progress.parts.extend(landed);
            self.progress.multipart = self.parts.as_mut().map(|parts| parts.tell(self.is_resumable));
            self.progress.offset = offset;
        }
        Ok(&self.progress)
    }

    pub(in crate::storage) async fn finish(mut self) -> Result<Stored, Failure> {
        let size = self.taken();
        let parts = self.parts.as_ref().map(|parts| parts.sent() + usize::from(!self.collected.is_empty()));
        match self.put_together().await {
            Ok(put) => self.confirm(&put, size).await,
            Err(error) => self.second_look(size, parts, error).await,
        }
    }

    #[cfg(test)]
    pub(in crate::storage) async fn settle(&self) {
        self.bucket.settle().await;
    }

    /// Bytes taken, durable or not.
    fn taken(&self) -> u64 {
        let sent = self.parts.as_ref().map_or(0, Parts::sent);
        (sent * self.part + self.collected.len()) as u64
    }

    async fn send_part(&mut self) -> Result<(), Failure> {
        let parts = match &mut self.parts {
            Some(parts) => parts,
            none => none.insert(Parts::begin(&self.bucket, self.path.clone()).await?),
        };
        parts.room().await?;
        parts.send(mem::replace(&mut self.collected, BytesMut::with_capacity(self.part)).freeze());
        Ok(())
    }

    async fn put_together(&mut self) -> Result<PutResult, Failure> {
        if self.parts.is_some() && !self.collected.is_empty() {
            self.send_part().await?;
        }
        match &mut self.parts {
            Some(parts) => parts.complete().await,
            None => Ok(self.bucket.store.put(&self.path, mem::take(&mut self.collected).freeze().into()).await?),
        }
    }

    /// What storage says of the object, which must be the one that it says it took.
    async fn confirm(&self, put: &PutResult, size: u64) -> Result<Stored, Failure> {
        let stored = self.bucket.confirm(&self.path, size).await?;
        let told = put.e_tag.as_deref().and_then(ETag::from_storage);
        if told.is_some_and(|etag| etag != stored.etag) {
            return Err(Failure::Nonsense("an object just written has another ETag".into()));
        }
        Ok(stored)
    }

    /// The answer may be all that was lost, or an earlier process may have done this and died before its row was there.
    /// The key is ours alone: an object of this size, put together of as many parts, is the one sent.
    async fn second_look(&self, size: u64, parts: Option<usize>, error: Failure) -> Result<Stored, Failure> {
        let looking = tokio::time::timeout(SECOND_LOOK, self.bucket.confirm(&self.path, size));
        match looking.await {
            Ok(Ok(stored)) if parts == parts_of(&stored.etag) => Ok(stored),
            _ => Err(error),
        }
    }
}

/// Of how many parts an object was put together, as S3 says it in the ETag: `"<md5>-<parts>"`.
fn parts_of(etag: &ETag) -> Option<usize> {
    etag.as_str().trim_matches('"').rsplit_once('-')?.1.parse().ok()
}

/// Of one that cannot be resumed there is no progress to record, and so no use for its tails.
impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_resumable && self.progress.offset > 0 {
            let offsets = self.outlived.take().into_iter().chain([self.progress.offset]);
            offsets.for_each(|offset| self.bucket.remove_tail_soon(&self.key, offset));
        }
    }
}
