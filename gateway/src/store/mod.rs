//! Storage, for reading: a folder or a bucket. Opening one needs the catalog's admission; what is opened is held to
//! the row's size and ETag, so that other bytes never go out under its name.

mod local;
mod pages;
mod remote;

use crate::catalog::Admitted;
use bytes::Bytes;
use proto::storage::{Aws, StorageUrl};
use std::{
    ops::Range,
    os::fd::OwnedFd,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

/// Why storage does not give what the catalog promises.
#[derive(Debug)]
pub(crate) enum StorageError {
    /// There is no such object, or it is nothing that may be served.
    Missing,
    /// It is there in another version.
    Changed,
    /// An answer that fits no question of ours: refused credentials, a wrong range, an error we do not know.
    Nonsense(String),
    /// No connection, or an answer that says to come back.
    Unavailable(String),
    /// No answer in time.
    TimedOut,
}

impl StorageError {
    /// For the log only: it can name endpoint and bucket.
    pub(crate) fn cause(&self) -> String {
        match self {
            Self::Missing => "the object is missing".into(),
            Self::Changed => "the object is another version than the row's".into(),
            Self::TimedOut => "storage did not answer in time".into(),
            Self::Nonsense(cause) | Self::Unavailable(cause) => cause.clone(),
        }
    }
}

/// Why a body broke off. The connection is cut then, never ended as if whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("storage ended before the promised length")]
    Truncated,
    #[error("the object changed while it was read")]
    Changed,
    #[error("storage failed: {0}")]
    Failed(String),
}

/// A folder or a bucket.
pub(crate) enum Store {
    Folder(local::Folder),
    Bucket(remote::Bucket),
}

impl Store {
    pub(crate) fn open(storage: &StorageUrl, aws: &Aws) -> Result<Self, object_store::Error> {
        Ok(match storage {
            StorageUrl::Folder(path) => Self::Folder(local::Folder::new(path)),
            StorageUrl::S3 { bucket, prefix } => Self::Bucket(remote::Bucket::new(bucket, prefix, aws)?),
        })
    }

    /// Opens what was admitted. For a bucket, the GET for `first` is under way and its head was right when this
    /// returns; without `first` only the object's presence and version are checked.
    pub(crate) async fn open_admitted(
        &self,
        admitted: &Admitted,
        first: Option<Range<u64>>,
        now: Instant,
    ) -> Result<(Opened, Option<Reader>), StorageError> {
        let file = admitted.file();
        match self {
            Self::Folder(folder) => {
                let opened = folder.open(file, now).await?;
                let reader = first.map(|range| Reader::Local(local::Reader::new(opened.clone(), range, Some(now))));
                Ok((Opened::Local(opened), reader))
            }
            Self::Bucket(bucket) => {
                let object = bucket.object(file)?;
                let reader = match first {
                    Some(range) => Some(Reader::Remote(Box::pin(object.start(range)).await?)),
                    None => Box::pin(object.check()).await.map(|()| None)?,
                };
                Ok((Opened::Remote(object), reader))
            }
        }
    }

    /// Whether storage answers at all.
    pub(crate) async fn check(&self) -> Result<(), String> {
        match self {
            Self::Folder(folder) => folder.check().await,
            Self::Bucket(bucket) => bucket.check().await,
        }
    }
}

/// One version of one object, open for an answer.
pub(crate) enum Opened {
    Local(local::OpenFile),
    Remote(remote::Object),
}

impl Opened {
    /// Reads a range that lies inside the object.
    pub(crate) fn read(&self, range: Range<u64>) -> Reader {
        match self {
            Self::Local(file) => Reader::Local(local::Reader::new(file.clone(), range, None)),
            Self::Remote(object) => Reader::Remote(object.read(range)),
        }
    }
}

/// Some of a range's bytes, never none.
#[derive(Debug)]
pub(crate) enum Part {
    Bytes(Bytes),
    /// These bytes of a file, which are in memory: reading them waits for nothing.
    File(Arc<OwnedFd>, Range<u64>),
}

/// The bytes of one range, in parts.
pub(crate) enum Reader {
    Local(local::Reader),
    Remote(remote::Reader),
}

impl Reader {
    /// The next part, at most `most` bytes of a file; `None` behind the last byte of the range.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>, most: u64) -> Poll<Option<Result<Part, ReadError>>> {
        match self {
            Self::Local(reader) => reader.poll_next(cx, most),
            Self::Remote(reader) => reader.poll_next(cx).map_ok(Part::Bytes),
        }
    }
}
