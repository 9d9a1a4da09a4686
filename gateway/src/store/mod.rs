//! Storage, for reading: a folder or a bucket. Opening one needs the catalog's admission; what is opened is held to
//! the row's size and ETag, so that other bytes never go out under its name.

mod bucket;
mod chunks;
mod local;
mod pages;
mod repeats;
mod windows;

use crate::{
    StartError,
    catalog::{Admitted, Catalog},
    config::Config,
    observe::Metrics,
};
use bytes::Bytes;
use proto::{storage::StorageUrl, trace_context::TraceContext};
use std::{
    io,
    ops::Range,
    os::fd::OwnedFd,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

/// Why storage does not give what the catalog promises.
#[derive(Debug, Clone)]
pub(crate) enum StorageError {
    /// There is no such object, or it is nothing that may be served.
    Missing,
    /// It is there in another version.
    Changed,
    /// An answer that fits no question of ours: refused credentials, a wrong range, an error we do not know.
    Nonsense(String),
    /// No connection, or an answer that says to come back.
    Unavailable(String),
    /// A body that ended before its length.
    Truncated,
    /// No answer in time.
    TimedOut,
}

impl StorageError {
    /// For the log only: it can name endpoint and bucket.
    pub(crate) fn cause(&self) -> String {
        match self {
            Self::Missing => "the object is missing".into(),
            Self::Changed => "the object is another version than the row's".into(),
            Self::Truncated => "storage ended before the promised length".into(),
            Self::TimedOut => "storage did not answer in time".into(),
            Self::Nonsense(cause) | Self::Unavailable(cause) => cause.clone(),
        }
    }

    /// Worth asking again for what is missing.
    fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Truncated | Self::TimedOut)
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
    #[error("access to the file was taken back")]
    Revoked,
}

impl From<StorageError> for ReadError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Changed | StorageError::Missing => Self::Changed,
            StorageError::Truncated => Self::Truncated,
            error => Self::Failed(error.cause()),
        }
    }
}

/// A folder, or a bucket with or without a cache before it.
pub(crate) enum Store {
    Folder(local::Folder),
    Bucket(bucket::Bucket),
    Cached(Arc<chunks::Chunks>),
}

impl Store {
    pub(crate) fn open(config: &Config, catalog: &Arc<Catalog>, metrics: &Metrics) -> Result<Self, StartError> {
        let (bucket, prefix) = match &config.storage {
            StorageUrl::Folder(path) => return Ok(Self::Folder(local::Folder::new(path))),
            StorageUrl::S3 { bucket, prefix } => (bucket, prefix),
        };
        let bucket = bucket::Bucket::new(bucket, prefix, &config.aws, metrics.origin.clone())?;
        let Some(cache) = &config.cache else { return Ok(Self::Bucket(bucket)) };
        let chunks = chunks::Chunks::open(cache, &config.storage_name, bucket, metrics.cache.clone())?;
        chunks.follow(Arc::clone(catalog));
        Ok(Self::Cached(chunks))
    }

    /// Opens what was admitted. For a bucket, the GET for `first` is under way and its head was right when this
    /// returns; without `first` only the object's presence and version are checked. A bucket is asked on behalf of `trace`.
    pub(crate) async fn open_admitted(
        &self,
        admitted: &Admitted,
        first: Option<Range<u64>>,
        trace: Option<Arc<TraceContext>>,
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
                let object = bucket.object(file)?.on_behalf(trace);
                let reader = match first {
                    Some(range) => Some(Reader::Remote(Box::pin(windows::Reader::start(object.clone(), range)).await?)),
                    None => Box::pin(object.check()).await.map(|()| None)?,
                };
                Ok((Opened::Remote(object), reader))
            }
            Self::Cached(chunks) => {
                let object = chunks.object(admitted.grant().file(), file)?.on_behalf(trace);
                let reader = match first {
                    Some(range) => Some(Reader::Cached(object.start(range).await?)),
                    None => object.check().await.map(|()| None)?,
                };
                Ok((Opened::Cached(object), reader))
            }
        }
    }

    /// Whether storage answers at all.
    pub(crate) async fn check(&self) -> Result<(), String> {
        match self {
            Self::Folder(folder) => folder.check().await,
            Self::Bucket(bucket) => bucket.check().await,
            Self::Cached(chunks) => chunks.bucket.check().await,
        }
    }
}

/// One version of one object, open for an answer.
pub(crate) enum Opened {
    Local(local::OpenFile),
    Remote(bucket::Object),
    Cached(chunks::Object),
}

impl Opened {
    /// Reads a range that lies inside the object.
    pub(crate) fn read(&self, range: Range<u64>) -> Reader {
        match self {
            Self::Local(file) => Reader::Local(local::Reader::new(file.clone(), range, None)),
            Self::Remote(object) => Reader::Remote(windows::Reader::new(object.clone(), range)),
            Self::Cached(object) => Reader::Cached(object.read(range)),
        }
    }
}

/// Where bytes are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Folder,
    /// The chunk cache, which had them before they were wanted.
    Cache,
    /// The bucket, whether they were asked for by this reader or by another that wanted them then.
    Origin,
}

/// Some of a range's bytes, never none.
#[derive(Debug)]
pub(crate) enum Part {
    Bytes(Bytes),
    /// These bytes of a file, which are in memory: reading them waits for nothing.
    File(Arc<OwnedFd>, Range<u64>),
}

impl Part {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(_, range) => range.end - range.start,
        }
    }
}

/// The bytes of one range, in parts.
pub(crate) enum Reader {
    Local(local::Reader),
    Remote(windows::Reader),
    Cached(chunks::Reader),
}

impl Reader {
    /// The next part, at most `most` bytes of a file; `None` behind the last byte of the range.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>, most: u64) -> Poll<Option<Result<Part, ReadError>>> {
        match self {
            Self::Local(reader) => reader.poll_next(cx, most),
            Self::Remote(reader) => reader.poll_next(cx).map_ok(Part::Bytes),
            Self::Cached(reader) => reader.poll_next(cx, most),
        }
    }

    /// Of the part that was read last.
    pub(crate) fn source(&self) -> Source {
        match self {
            Self::Local(_) => Source::Folder,
            Self::Remote(_) => Source::Origin,
            Self::Cached(reader) => reader.source(),
        }
    }

    /// A part that was given out could not be read after all: what has a copy elsewhere is not to fail the next reader too.
    pub(crate) fn broken_by(&self, error: &io::Error) {
        if let Self::Cached(reader) = self {
            reader.broken_by(error);
        }
    }
}
