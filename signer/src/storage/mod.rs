//! Storage, as the side that writes sees it: one conversation for a folder and for S3.
//!
//! An [`Upload`] takes pieces of any size by [`Upload::write`]; [`Upload::finish`] returns once the object is durable
//! under its final key, with what storage itself says of it. Memory is bounded by the buffers of one upload, whatever
//! its size.
//!
//! - [`Storage::begin`] opens one that leaves nothing behind if it is dropped before that. A `finish` that fails may,
//!   and whoever called it deletes the key.
//! - [`Storage::resume`] opens one that goes on from a [`Progress`]. [`Upload::checkpoint`] makes what was written so
//!   far durable and tells the progress to record; dropped, it leaves what the last one made durable. When it is
//!   listed, or given up, [`Storage::discard`] removes whatever it left.

mod key;
mod local;
mod progress;
mod remote;
mod running_hash;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use key::{Found, Key, Kind};
pub(crate) use progress::Progress;
pub(crate) use remote::{Bucket, MAX_INCOMING};
pub(crate) use running_hash::RunningHash;

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use proto::{
    etag::ETag,
    storage::{Aws, MANAGED_PREFIX, StorageUrl},
};
use std::ops::Range;

/// What storage says of an object that is durable.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) etag: ETag,
    /// Unix seconds of its last change.
    pub(crate) modified_at: u64,
    /// Bytes.
    pub(crate) size: u64,
}

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why storage did not do as asked. The cause may name endpoints and folders: it is for the log only.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No room left.
    #[error("storage is full: {0}")]
    Full(#[source] Source),
    /// Away, or not letting us in.
    #[error("storage is unavailable: {0}")]
    Unavailable(#[source] Source),
    /// An answer that cannot be used.
    #[error("storage answered nonsense: {0}")]
    Nonsense(#[source] Source),
    /// Somebody else is writing the same upload.
    #[error("another process is writing this upload")]
    Busy,
    /// What was there before is not there any more, or is something else now.
    #[error("storage does not hold what it held: {0}")]
    Lost(#[source] Source),
}

/// Why storage that is in use could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A folder that no signer has used yet: most likely the wrong one.
    #[error("STORAGE_URL names a folder without a folder `managed` in it")]
    NoStorage,
    /// It cannot be reached.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// A folder, or a bucket of anything that speaks S3.
#[derive(Debug)]
pub(crate) enum Storage {
    Local(local::Folder),
    Remote(remote::Bucket),
}

impl Storage {
    /// `max_object` is the size in bytes of the largest object that will be written.
    pub(crate) async fn open(url: &StorageUrl, aws: &Aws, max_object: u64) -> Result<Self, Failure> {
        match url {
            StorageUrl::Folder(root) => Ok(Self::Local(local::Folder::open(root.clone()).await?)),
            StorageUrl::S3 { bucket, prefix } => {
                Ok(Self::Remote(remote::Bucket::open(bucket, prefix, aws, max_object)?))
            }
        }
    }

    /// Opens storage that a signer keeps files in, for nothing to be uploaded, and sees that it can be reached.
    pub(crate) async fn open_existing(url: &StorageUrl, aws: &Aws) -> Result<Self, OpenError> {
        if let StorageUrl::Folder(root) = url
            && !root.join(MANAGED_PREFIX).is_dir()
        {
            return Err(OpenError::NoStorage);
        }
        let storage = Self::open(url, aws, 0).await?;
        storage.ping().await?;
        Ok(storage)
    }

    pub(crate) async fn begin(&self, key: &Key) -> Result<Upload, Failure> {
        match self {
            Self::Local(folder) => Ok(Upload::Local(folder.begin(key).await?.into())),
            Self::Remote(bucket) => Ok(Upload::Remote(bucket.begin(key)?.into())),
        }
    }

    /// What an upload that can be resumed begins from. `size` is its length in bytes, if that is known.
    pub(crate) fn start(&self, size: Option<u64>) -> Progress {
        match self {
            Self::Local(_) => Progress::default(),
            Self::Remote(bucket) => bucket.start(size),
        }
    }

    /// Goes on where `progress` says: what lies beyond it is thrown away.
    ///
    /// # Errors
    /// [`Failure::Busy`] while another process writes it, where storage can tell; [`Failure::Lost`] if bytes that were
    /// durable are gone.
    pub(crate) async fn resume(&self, key: &Key, progress: Progress) -> Result<Upload, Failure> {
        match self {
            Self::Local(folder) => Ok(Upload::Local(folder.resume(key, progress).await?.into())),
            Self::Remote(bucket) => Ok(Upload::Remote(bucket.resume(key, progress).await?.into())),
        }
    }

    /// Removes every trace of an unfinished upload of this key, and never the object. Only for one that nobody writes
    /// any more and whose row, if it became one, is there: until then what is removed here may be needed.
    pub(crate) async fn discard(&self, key: &Key) -> Result<(), Failure> {
        match self {
            Self::Local(folder) => folder.discard(key).await,
            Self::Remote(bucket) => bucket.discard(key).await,
        }
    }

    /// Removes the object. One that is not there is removed already.
    pub(crate) async fn delete(&self, key: &Key) -> Result<(), Failure> {
        match self {
            Self::Local(folder) => folder.delete(key).await,
            Self::Remote(bucket) => bucket.delete(key).await,
        }
    }

    /// Bytes of an object: exactly those of `range`, which must lie within it.
    pub(crate) async fn read(&self, key: &Key, range: Range<u64>) -> Result<Bytes, Failure> {
        let expected = range.end.saturating_sub(range.start);
        let bytes = match self {
            _ if expected == 0 => Bytes::new(),
            Self::Local(folder) => folder.read(key, range).await?,
            Self::Remote(bucket) => bucket.read(key, range).await?,
        };
        if bytes.len() as u64 != expected {
            return Err(Failure::Nonsense(format!("{} bytes where {expected} were asked for", bytes.len()).into()));
        }
        Ok(bytes)
    }

    /// Everything below `managed/` that is ours, and nothing else.
    pub(crate) fn list(&self) -> BoxStream<'_, Result<Found, Failure>> {
        match self {
            Self::Local(folder) => folder.list().boxed(),
            Self::Remote(bucket) => bucket.list().boxed(),
        }
    }

    /// The path of everything below `prefix` that is not below `managed/`. What it is only [`Storage::look`] tells: a name
    /// may lead to no object, or be one that cannot be asked for.
    pub(crate) fn list_others(&self, prefix: &str) -> BoxStream<'_, Result<String, Failure>> {
        match self {
            Self::Local(folder) => folder.list_others(prefix).boxed(),
            Self::Remote(bucket) => bucket.list_others(prefix).boxed(),
        }
    }

    /// What is known of any object below the prefix; `None` if there is none. It must be there as it is named: no link
    /// is followed.
    pub(crate) async fn look(&self, path: &str) -> Result<Option<Stored>, Failure> {
        match self {
            Self::Local(folder) => folder.look(path).await,
            Self::Remote(bucket) => bucket.look(path).await,
        }
    }

    /// The bucket, where clients can put objects without us.
    pub(crate) fn bucket(&self) -> Option<&Bucket> {
        match self {
            Self::Local(_) => None,
            Self::Remote(bucket) => Some(bucket),
        }
    }

    /// Whether storage can be reached.
    pub(crate) async fn ping(&self) -> Result<(), Failure> {
        match self {
            Self::Local(folder) => folder.ping().await,
            Self::Remote(bucket) => bucket.ping().await,
        }
    }

    /// Returns when the clean-up of every dropped upload is done.
    pub(crate) async fn settle(&self) {
        match self {
            Self::Local(_) => {}
            Self::Remote(bucket) => bucket.settle().await,
        }
    }
}

/// An object on its way. What a failure leaves of it is nobody's: only what the last checkpoint made durable counts.
#[derive(Debug)]
pub(crate) enum Upload {
    Local(Box<local::Upload>),
    Remote(Box<remote::Upload>),
}

impl Upload {
    pub(crate) async fn write(&mut self, piece: Bytes) -> Result<(), Failure> {
        match self {
            Self::Local(upload) => upload.write(&piece).await,
            Self::Remote(upload) => upload.write(piece).await,
        }
    }

    /// Goes on hashing from what came before this.
    pub(crate) fn resume_hash(&mut self, hash: RunningHash) {
        match self {
            Self::Local(upload) => upload.resume_hash(hash),
            Self::Remote(upload) => upload.resume_hash(hash),
        }
    }

    /// The hash of everything written so far, and of what came before.
    pub(crate) async fn hash(&mut self) -> Result<&RunningHash, Failure> {
        match self {
            Self::Local(upload) => upload.hash().await,
            Self::Remote(upload) => Ok(upload.hash()),
        }
    }

    /// Makes everything written so far durable, and tells the progress to record. What the one before needed may go at
    /// the next checkpoint: whoever could not record a progress writes no further.
    pub(crate) async fn checkpoint(&mut self) -> Result<&Progress, Failure> {
        match self {
            Self::Local(upload) => upload.checkpoint().await,
            Self::Remote(upload) => upload.checkpoint().await,
        }
    }

    /// Makes the object durable under its key. A failure does not say that nothing is there. After a crash it can be
    /// done again from the progress recorded last, if that counts every byte.
    pub(crate) async fn finish(self) -> Result<Stored, Failure> {
        match self {
            Self::Local(upload) => upload.finish().await,
            Self::Remote(upload) => upload.finish().await,
        }
    }
}
