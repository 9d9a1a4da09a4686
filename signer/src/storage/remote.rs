//! A bucket. Up to one part is a single PUT; more is a multipart upload with at most two parts in flight.
//!
//! Whatever ends an upload early (a failure, a client that left, a panic) drops it, and the drop sends the abort:
//! an unfinished multipart upload is invisible and is paid for until somebody finds it.

use super::{Failure, Key, Stored};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use object_store::{
    ClientOptions, Error, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    path::Path,
};
use proto::{
    etag::ETag,
    storage::{Aws, MANAGED_PREFIX, loggable_cause},
};
use std::{mem, sync::Arc, time::Duration};
use tokio::{runtime::Handle, task::JoinSet};
use tokio_util::task::TaskTracker;

/// The smallest part but the last; S3 itself wants 5 MiB.
const PART: u64 = 6 << 20;
/// S3 takes 10,000 parts; some room is kept.
const MAX_PARTS: u64 = 9_000;
const PARTS_IN_FLIGHT: usize = 2;

const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const RETRIES: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// For asking again about an object whose upload failed.
const SECOND_LOOK: Duration = Duration::from_secs(5);

/// The bucket and the prefix in front of every key.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    store: Arc<AmazonS3>,
    prefix: String,
    part: usize,
    cleanups: TaskTracker,
}

impl Bucket {
    pub(super) fn open(bucket: &str, prefix: &str, aws: &Aws, max_object: u64) -> Result<Self, Failure> {
        let client = ClientOptions::new()
            .with_timeout(TIMEOUT)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_allow_http(aws.is_plain_http());
        let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() };
        let builder =
            AmazonS3Builder::new().with_client_options(client).with_retry(retry).with_disable_bulk_delete(true);
        let builder = aws.0.iter().fold(builder, |builder, (name, value)| {
            match name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                Ok(key) => builder.with_config(key, value),
                Err(_) => builder,
            }
        });
        let store = builder.with_bucket_name(bucket).build()?;
        let part = PART.max(max_object.div_ceil(MAX_PARTS));
        let part = usize::try_from(part).map_err(|error| Failure::Unavailable(error.into()))?;
        Ok(Self { store: Arc::new(store), prefix: prefix.into(), part, cleanups: TaskTracker::new() })
    }

    pub(super) fn begin(&self, key: &Key) -> Result<Upload, Failure> {
        let path = self.path(key.as_str())?;
        Ok(Upload { bucket: self.clone(), path, collected: BytesMut::new(), parts: None })
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<(), Failure> {
        self.remove(&self.path(key.as_str())?).await
    }

    pub(super) async fn look(&self, path: &str) -> Result<Option<Stored>, Failure> {
        let ObjectMeta { last_modified, size, e_tag, .. } = match self.store.head(&self.path(path)?).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            found => found?,
        };
        let etag = e_tag.as_deref().and_then(ETag::from_storage);
        let etag = etag.ok_or_else(|| Failure::Nonsense("an object without a strong ETag".into()))?;
        Ok(Some(Stored { etag, modified_at: u64::try_from(last_modified.timestamp()).unwrap_or_default(), size }))
    }

    /// Lists a key that is never there: the cheapest question that also tells a missing bucket.
    pub(super) async fn ping(&self) -> Result<(), Failure> {
        let nothing = self.path(&format!("{MANAGED_PREFIX}.ping"))?;
        let mut listing = self.store.list(Some(&nothing));
        match tokio::time::timeout(PING_TIMEOUT, listing.next()).await {
            Ok(None | Some(Ok(_))) => Ok(()),
            Ok(Some(Err(error))) => Err(Failure::from(error)),
            Err(late) => Err(Failure::Unavailable(late.into())),
        }
    }

    pub(super) async fn settle(&self) {
        self.cleanups.close();
        self.cleanups.wait().await;
    }

    async fn remove(&self, path: &Path) -> Result<(), Failure> {
        match self.store.delete(path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Failure::from(error)),
        }
    }

    /// `parse`, never `from`: the latter rewrites what it does not like.
    fn path(&self, key: &str) -> Result<Path, Failure> {
        let whole = if self.prefix.is_empty() { key.to_owned() } else { format!("{}/{key}", self.prefix) };
        Path::parse(whole).map_err(|error| Failure::Nonsense(error.into()))
    }

    /// What storage says of the object, which must be `size` bytes with a strong validator.
    async fn confirm(&self, path: &Path, size: u64) -> Result<Stored, Failure> {
        let ObjectMeta { last_modified, size: found, e_tag, .. } = self.store.head(path).await?;
        if found != size {
            return Err(Failure::Nonsense(format!("{found} bytes where {size} were written").into()));
        }
        let etag = e_tag.as_deref().and_then(ETag::from_storage);
        let etag = etag.ok_or_else(|| Failure::Nonsense("no strong ETag on an object just written".into()))?;
        Ok(Stored { etag, modified_at: u64::try_from(last_modified.timestamp()).unwrap_or_default(), size })
    }

    /// The answer may be all that was lost: the key is ours alone, so an object of this size is the one sent.
    async fn second_look(&self, path: &Path, size: u64, error: Failure) -> Result<Stored, Failure> {
        if let Ok(Ok(stored)) = tokio::time::timeout(SECOND_LOOK, self.confirm(path, size)).await {
            return Ok(stored);
        }
        Err(error)
    }
}

/// An object being written.
#[derive(Debug)]
pub(crate) struct Upload {
    bucket: Bucket,
    path: Path,
    collected: BytesMut,
    parts: Option<Parts>,
}

impl Upload {
    pub(super) async fn write(&mut self, mut piece: Bytes) -> Result<(), Failure> {
        while !piece.is_empty() {
            // A full part goes out only when more follows: what fits in one part is a single PUT.
            if self.collected.len() == self.bucket.part {
                self.send_part().await?;
            }
            let room = self.bucket.part - self.collected.len();
            self.collected.extend_from_slice(&piece.split_to(piece.len().min(room)));
        }
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<Stored, Failure> {
        if self.parts.is_some() {
            self.send_part().await?;
        }
        let written = match self.parts.take() {
            None => self.put().await,
            Some(parts) => parts.complete().await,
        };
        match written {
            (size, Ok(())) => self.bucket.confirm(&self.path, size).await,
            (size, Err(error)) => self.bucket.second_look(&self.path, size, error).await,
        }
    }

    async fn put(&mut self) -> (u64, Result<(), Failure>) {
        let body = mem::take(&mut self.collected).freeze();
        let size = body.len() as u64;
        (size, self.bucket.store.put(&self.path, body.into()).await.map(drop).map_err(Failure::from))
    }

    async fn send_part(&mut self) -> Result<(), Failure> {
        let parts = match &mut self.parts {
            Some(parts) => parts,
            none => none.insert(Parts::begin(&self.bucket, self.path.clone()).await?),
        };
        let full = mem::replace(&mut self.collected, BytesMut::with_capacity(self.bucket.part));
        parts.send(full.freeze()).await
    }
}

/// A multipart upload. Dropped before it is complete, it aborts itself.
#[derive(Debug)]
struct Parts {
    /// `None` once complete.
    upload: Option<Box<dyn MultipartUpload>>,
    flying: JoinSet<object_store::Result<()>>,
    size: u64,
    cleanups: TaskTracker,
}

impl Parts {
    /// In a task of its own: if the client leaves in between, the task's result is dropped, and so aborted.
    async fn begin(bucket: &Bucket, path: Path) -> Result<Self, Failure> {
        let (store, cleanups) = (Arc::clone(&bucket.store), bucket.cleanups.clone());
        let begun = bucket.cleanups.spawn(async move {
            let upload = store.put_multipart(&path).await?;
            Ok(Self { upload: Some(upload), flying: JoinSet::new(), size: 0, cleanups })
        });
        begun.await.unwrap_or_else(|died| Err(Failure::Unavailable(died.into())))
    }

    async fn send(&mut self, part: Bytes) -> Result<(), Failure> {
        while self.flying.len() >= PARTS_IN_FLIGHT {
            self.landed().await?;
        }
        self.size += part.len() as u64;
        let upload = self.upload.as_mut().expect("only `complete` takes it, and that consumes self");
        self.flying.spawn(upload.put_part(part.into()));
        Ok(())
    }

    /// Makes the object visible; returns its size too. A failure aborts.
    async fn complete(mut self) -> (u64, Result<(), Failure>) {
        while !self.flying.is_empty() {
            if let Err(error) = self.landed().await {
                return (self.size, Err(error));
            }
        }
        let upload = self.upload.as_mut().expect("only a completed one has none");
        let outcome = upload.complete().await.map(drop).map_err(Failure::from);
        if outcome.is_ok() {
            self.upload = None;
        }
        (self.size, outcome)
    }

    async fn landed(&mut self) -> Result<(), Failure> {
        match self.flying.join_next().await {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(error))) => Err(Failure::from(error)),
            Some(Err(died)) => Err(Failure::Unavailable(died.into())),
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let Some(mut upload) = self.upload.take() else { return };
        let Ok(runtime) = Handle::try_current() else { return };
        let mut flying = mem::take(&mut self.flying);
        self.cleanups.spawn_on(
            async move {
                // A part that lands after the abort would stay behind, so those in the air are waited for.
                while flying.join_next().await.is_some() {}
                if let Err(error) = upload.abort().await {
                    let error = Failure::from(error);
                    tracing::warn!(%error, "an unfinished multipart upload could not be aborted");
                }
            },
            &runtime,
        );
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Unavailable(loggable_cause(&error.to_string()).into())
    }
}
