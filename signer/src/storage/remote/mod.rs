//! A bucket. Up to one part is a single PUT; more is a multipart upload with at most two parts in flight.
//!
//! Whatever ends an upload early (a failure, a client that left, a panic) drops it, and the drop sends the abort,
//! unless its progress is recorded and it can be resumed: an unfinished multipart upload is invisible and is paid for
//! until somebody finds it.

mod incoming;
mod listing;
mod others;
mod parts;
mod requests;
mod upload;

pub(crate) use incoming::MAX_INCOMING;
pub(crate) use upload::Upload;

use super::{Failure, Key, Progress, RunningHash, Stored};
use bytes::Bytes;
use futures_util::StreamExt;
use object_store::{
    ClientOptions, Error, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    client::ReqwestConnector,
    path::Path,
};
use proto::{
    etag::ETag,
    storage::{Aws, MANAGED_PREFIX, loggable_cause},
};
use requests::Requests;
use std::{ops::Range, sync::Arc, time::Duration};
use tokio_util::task::TaskTracker;
use traces::Forwarding;

/// The smallest part but the last; S3 itself wants 5 MiB.
const PART: u64 = 6 << 20;
/// S3 takes 10,000 parts; some room is kept.
const MAX_PARTS: u64 = 9_000;

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
    requests: Requests,
    prefix: String,
    /// Bytes of the largest object.
    max_object: u64,
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
        let builder = builder.with_http_connector(Forwarding::<ReqwestConnector>::default());
        let builder = aws.0.iter().fold(builder, |builder, (name, value)| {
            match name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                Ok(key) => builder.with_config(key, value),
                Err(_) => builder,
            }
        });
        let store = Arc::new(builder.with_bucket_name(bucket).build()?);
        let requests = Requests::to(Arc::clone(&store), bucket)?;
        Ok(Self { store, requests, prefix: prefix.into(), max_object, cleanups: TaskTracker::new() })
    }

    pub(super) fn start(&self, size: Option<u64>) -> Progress {
        let part_bytes = PART.max(size.unwrap_or(self.max_object).div_ceil(MAX_PARTS));
        Progress { part_bytes, ..Progress::default() }
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<(), Failure> {
        self.remove(&self.path(key.as_str())?).await
    }

    pub(super) async fn discard(&self, key: &Key) -> Result<(), Failure> {
        let path = self.path(key.as_str())?;
        for multipart in self.multiparts(path.as_ref()).await? {
            if multipart.key == path.as_ref() {
                self.abort(&path, &multipart.upload_id).await?;
            }
        }
        for tail in self.begins_with(&key.tails()).await? {
            self.remove(&tail).await?;
        }
        self.remove(&self.path(&key.incoming())?).await
    }

    pub(super) async fn read(&self, key: &Key, range: Range<u64>) -> Result<Bytes, Failure> {
        Ok(self.store.get_range(&self.path(key.as_str())?, range).await?)
    }

    pub(super) async fn look(&self, path: &str) -> Result<Option<Stored>, Failure> {
        match self.store.head(&self.path(path)?).await {
            Err(Error::NotFound { .. }) => Ok(None),
            found => Ok(Some(stored(&found?)?)),
        }
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
        Path::parse(self.whole(key)).map_err(|error| Failure::Nonsense(error.into()))
    }

    /// With the prefix.
    fn whole(&self, key: &str) -> String {
        if self.prefix.is_empty() { key.to_owned() } else { format!("{}/{key}", self.prefix) }
    }

    /// What storage says of the object, which must be `size` bytes with a strong validator.
    async fn confirm(&self, path: &Path, size: u64) -> Result<Stored, Failure> {
        let stored = stored(&self.store.head(path).await?)?;
        if stored.size != size {
            return Err(Failure::Nonsense(format!("{} bytes where {size} were written", stored.size).into()));
        }
        Ok(stored)
    }
}

#[cfg(test)]
impl Bucket {
    /// Puts an object there that no upload of ours wrote.
    pub(super) async fn put(&self, key: &str, bytes: &[u8]) {
        self.store.put(&self.path(key).unwrap(), bytes.to_vec().into()).await.unwrap();
    }

    /// As a lifecycle rule of the bucket does.
    pub(super) async fn abort_all(&self, key: &Key) {
        for multipart in self.multiparts(&self.whole(key.as_str())).await.unwrap() {
            self.abort(&self.path(key.as_str()).unwrap(), &multipart.upload_id).await.unwrap();
        }
    }
}

fn stored(facts: &ObjectMeta) -> Result<Stored, Failure> {
    let etag = facts.e_tag.as_deref().and_then(ETag::from_storage);
    let etag = etag.ok_or_else(|| Failure::Nonsense("an object without a strong ETag".into()))?;
    Ok(Stored { etag, modified_at: modified_at(facts), size: facts.size })
}

fn modified_at(facts: &ObjectMeta) -> u64 {
    u64::try_from(facts.last_modified.timestamp()).unwrap_or_default()
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Unavailable(loggable_cause(&error.to_string()).into())
    }
}
