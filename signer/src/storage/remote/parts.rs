//! A multipart upload: parts go out side by side, and are put together in their order.

use super::{Bucket, Failure};
use bytes::Bytes;
use object_store::{
    Error, PutResult,
    multipart::{MultipartStore, PartId},
    path::Path,
};
use std::{mem, sync::Arc};
use tokio::{runtime::Handle, task::JoinSet};
use traces::carried;

const PARTS_IN_FLIGHT: usize = 2;

/// Dropped before it is complete, it aborts itself, unless it is kept.
#[derive(Debug)]
pub(super) struct Parts {
    bucket: Bucket,
    path: Path,
    id: String,
    /// Of every part that was sent; empty for one that has not landed.
    etags: Vec<String>,
    flying: JoinSet<(usize, object_store::Result<PartId>)>,
    is_kept: bool,
}

impl Parts {
    /// In a task of its own: if the client leaves in between, the task's result is dropped, and so aborted.
    pub(super) async fn begin(bucket: &Bucket, path: Path) -> Result<Self, Failure> {
        let beginning = bucket.clone();
        let begun = bucket.cleanups.spawn(carried(async move {
            let id = beginning.store.create_multipart(&path).await?;
            let mut parts = Self::resume(&beginning, path, id, Vec::new());
            parts.is_kept = false;
            Ok(parts)
        }));
        begun.await.unwrap_or_else(|died| Err(Failure::Unavailable(died.into())))
    }

    pub(super) fn resume(bucket: &Bucket, path: Path, id: String, etags: Vec<String>) -> Self {
        Self { bucket: bucket.clone(), path, id, etags, flying: JoinSet::new(), is_kept: true }
    }

    /// Waits until another part may be sent.
    pub(super) async fn room(&mut self) -> Result<(), Failure> {
        while self.flying.len() >= PARTS_IN_FLIGHT {
            self.landed().await?;
        }
        Ok(())
    }

    pub(super) fn send(&mut self, part: Bytes) {
        let (store, path, id) = (Arc::clone(&self.bucket.store), self.path.clone(), self.id.clone());
        let index = self.etags.len();
        self.etags.push(String::new());
        self.flying.spawn(carried(async move { (index, store.put_part(&path, &id, index, part.into()).await) }));
    }

    /// Parts that were sent.
    pub(super) fn sent(&self) -> usize {
        self.etags.len()
    }

    /// Waits until all that were sent are in storage; their ETags.
    pub(super) async fn all_landed(&mut self) -> Result<&[String], Failure> {
        while !self.flying.is_empty() {
            self.landed().await?;
        }
        match self.etags.iter().any(String::is_empty) {
            true => Err(Failure::Unavailable("an earlier part failed".into())),
            false => Ok(&self.etags),
        }
    }

    /// Its id, for a progress to record; if it `can_resume`, a drop leaves it from now on.
    pub(super) fn tell(&mut self, can_resume: bool) -> String {
        self.is_kept |= can_resume;
        self.id.clone()
    }

    /// Makes the object visible.
    pub(super) async fn complete(&mut self) -> Result<PutResult, Failure> {
        let etags = self.all_landed().await?;
        let parts = etags.iter().map(|etag| PartId { content_id: etag.clone() }).collect();
        let done = self.bucket.store.complete_multipart(&self.path, &self.id, parts).await?;
        self.is_kept = true;
        Ok(done)
    }

    async fn landed(&mut self) -> Result<(), Failure> {
        match self.flying.join_next().await {
            None => {}
            Some(Ok((index, part))) => self.etags[index] = part.map_err(part_failure)?.content_id,
            Some(Err(died)) => return Err(Failure::Unavailable(died.into())),
        }
        Ok(())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let (bucket, path, id) = (self.bucket.clone(), self.path.clone(), mem::take(&mut self.id));
        let mut flying = mem::take(&mut self.flying);
        self.bucket.cleanups.spawn_on(
            async move {
                // A part that lands after the abort would stay behind, so those in the air are waited for.
                while flying.join_next().await.is_some() {}
                if let Err(error) = bucket.abort(&path, &id).await {
                    tracing::warn!(%error, "an unfinished multipart upload could not be aborted");
                }
            },
            &runtime,
        );
    }
}

impl Bucket {
    /// One that is not there is aborted already, or complete.
    pub(super) async fn abort(&self, path: &Path, id: &str) -> Result<(), Failure> {
        match self.store.abort_multipart(path, &id.to_owned()).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The only thing that a part needs and that may not be there is its multipart upload.
fn part_failure(error: Error) -> Failure {
    match error {
        Error::NotFound { .. } => Failure::Lost("a multipart upload is gone".into()),
        error => error.into(),
    }
}
