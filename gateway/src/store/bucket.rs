//! A bucket, asked in bounded GETs: each is held to one version of one object, and its bytes are counted.

use super::{StorageError, repeats};
use crate::observe::OriginMetrics;
use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use object_store::{
    ClientOptions, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    client::{HttpError, HttpErrorKind},
    path::Path,
};
use prometheus::IntCounter;
use proto::{
    catalog::FileEntry,
    etag::ETag,
    storage::{Aws, loggable_cause},
    trace_context::TraceContext,
};
use std::{
    error::Error,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use traces::{Forwarding, on_behalf};

/// GETs under way at once: each holds a connection with read buffers of its own.
const GETS: usize = 128;
/// From the question to the head of the answer, retries included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two reads of a body.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Kept open to storage while nothing is asked of it; each holds buffers of its own.
const IDLE_CONNECTIONS: usize = 64;
/// How often in a row a GET may bring nothing before the body is given up.
pub(super) const FRUITLESS: usize = 3;
/// Fewer bytes than this are nothing: an origin that breaks off after every byte is not asked for each of them.
pub(super) const FRUITFUL: u64 = 16 * 1024;
/// How long a body whose every byte has come may take to end: one that is longer than it should be shows itself.
const END_TIMEOUT: Duration = Duration::from_millis(250);

/// A bucket and the prefix before every key.
pub(crate) struct Bucket {
    origin: Origin,
    prefix: String,
}

/// What every object of a bucket is asked through.
#[derive(Clone)]
pub(super) struct Origin {
    store: Arc<dyn ObjectStore>,
    gets: Arc<Semaphore>,
    pub(super) metrics: OriginMetrics,
}

/// One version of one object.
#[derive(Clone)]
pub(crate) struct Object {
    pub(super) origin: Origin,
    path: Path,
    pub(super) etag: ETag,
    pub(super) size: u64,
    /// Of the request that it is asked for.
    trace: Option<Arc<TraceContext>>,
}

impl Bucket {
    pub(crate) fn new(
        bucket: &str,
        prefix: &str,
        aws: &Aws,
        metrics: OriginMetrics,
    ) -> Result<Self, object_store::Error> {
        let client = ClientOptions::new()
            .with_timeout(Duration::from_secs(30))
            .with_connect_timeout(Duration::from_secs(5))
            .with_read_timeout(READ_TIMEOUT)
            .with_pool_max_idle_per_host(IDLE_CONNECTIONS)
            .with_allow_http(aws.is_plain_http());
        let retry = RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(20), ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new().with_client_options(client).with_retry(retry);
        builder = builder.with_http_connector(Forwarding::over(repeats::Connector(metrics.repeats.clone())));
        for (name, value) in &aws.0 {
            if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        Ok(Self::of(Arc::new(builder.with_bucket_name(bucket).build()?), prefix, metrics))
    }

    pub(super) fn of(store: Arc<dyn ObjectStore>, prefix: &str, metrics: OriginMetrics) -> Self {
        let origin = Origin { store, gets: Arc::new(Semaphore::new(GETS)), metrics };
        Self { origin, prefix: prefix.to_owned() }
    }

    /// The row's object. Nothing is asked of storage yet.
    pub(crate) fn object(&self, file: &FileEntry) -> Result<Object, StorageError> {
        Ok(Object {
            origin: self.origin.clone(),
            path: self.path(&file.object_key)?,
            etag: file.etag.clone(),
            size: file.size,
            trace: None,
        })
    }

    /// Asks for an object that is not there. Without the right to list, S3 says "denied" to that; a bucket that is not
    /// there answers otherwise.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let path = self.path("readiness-probe").map_err(|error| error.cause())?;
        let error = match timeout(HEAD_TIMEOUT, self.origin.store.get(&path)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => return Err("storage does not answer".into()),
        };
        let text = error.to_string();
        match error {
            object_store::Error::NotFound { .. } if !text.contains("NoSuchBucket") => Ok(()),
            object_store::Error::PermissionDenied { .. } if text.contains("AccessDenied") => Ok(()),
            _ => Err(format!("storage cannot be read: {}", loggable_cause(&text))),
        }
    }

    /// `parse` keeps a key as it is or refuses it; `from` would rewrite it.
    fn path(&self, key: &str) -> Result<Path, StorageError> {
        let whole = if self.prefix.is_empty() { key.to_owned() } else { format!("{}/{key}", self.prefix) };
        Path::parse(whole).map_err(|_| StorageError::Missing)
    }
}

impl Object {
    /// The same, asked for this trace.
    pub(super) fn on_behalf(self, trace: Option<Arc<TraceContext>>) -> Self {
        Self { trace, ..self }
    }

    /// Whether the object is there in this version.
    pub(crate) async fn check(&self) -> Result<(), StorageError> {
        let began = Instant::now();
        let outcome = self.head().await;
        self.origin.metrics.asked(outcome.as_ref().err(), began.elapsed());
        outcome
    }

    async fn head(&self) -> Result<(), StorageError> {
        let options = GetOptions { head: true, extensions: repeats::counted(), ..GetOptions::default() };
        let head = on_behalf(self.trace.clone(), self.origin.store.get_opts(&self.path, options));
        let head = timeout(HEAD_TIMEOUT, head).await.map_err(|_| StorageError::TimedOut)??;
        self.compare(&head.meta)
    }

    /// Asks for a range; its head was right when this returns.
    pub(super) async fn get(&self, range: Range<u64>) -> Result<Body, StorageError> {
        let began = Instant::now();
        let outcome = self.ask(range).await;
        self.origin.metrics.asked(outcome.as_ref().err(), began.elapsed());
        outcome
    }

    async fn ask(&self, range: Range<u64>) -> Result<Body, StorageError> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: Some(self.etag.as_str().to_owned()),
            extensions: repeats::counted(),
            ..GetOptions::default()
        };
        let asked = async {
            let turn = Arc::clone(&self.origin.gets).acquire_owned().await.expect("the semaphore is never closed");
            self.origin.store.get_opts(&self.path, options).await.map(|result| (result, turn))
        };
        let asked = on_behalf(self.trace.clone(), asked);
        let (result, turn) = timeout(HEAD_TIMEOUT, asked).await.map_err(|_| StorageError::TimedOut)??;
        self.compare(&result.meta)?;
        if result.range != range {
            return Err(StorageError::Nonsense("storage answered another range than the one asked for".into()));
        }
        let (left, received) = (range.end - range.start, self.origin.metrics.received.clone());
        Ok(Body { left, pieces: result.into_stream(), received, _turn: turn })
    }

    fn compare(&self, meta: &ObjectMeta) -> Result<(), StorageError> {
        let etag = meta.e_tag.as_deref().and_then(ETag::from_storage);
        if etag.as_ref() == Some(&self.etag) && meta.size == self.size { Ok(()) } else { Err(StorageError::Changed) }
    }
}

/// A body whose head was right, and its turn among the GETs until it is read.
pub(super) struct Body {
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    left: u64,
    received: IntCounter,
    _turn: OwnedSemaphorePermit,
}

impl Body {
    /// The next piece, not empty; `None` behind the last. Fewer bytes than were asked for, or more, are an error.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, StorageError> {
        loop {
            let patience = if self.left == 0 { END_TIMEOUT } else { READ_TIMEOUT };
            let piece = match timeout(patience, self.pieces.next()).await {
                Ok(Some(Ok(piece))) if piece.is_empty() => continue,
                Ok(Some(Ok(piece))) => piece,
                // Every byte is there: how the connection ends is of no interest.
                _ if self.left == 0 => return Ok(None),
                Ok(Some(Err(error))) => return Err(error.into()),
                Ok(None) => return Err(StorageError::Truncated),
                Err(_) => return Err(StorageError::TimedOut),
            };
            self.received.inc_by(piece.len() as u64);
            return match self.left.checked_sub(piece.len() as u64) {
                Some(left) => {
                    self.left = left;
                    Ok(Some(piece))
                }
                None => Err(StorageError::Nonsense("storage sent more than was asked for".into())),
            };
        }
    }
}

impl From<object_store::Error> for StorageError {
    fn from(error: object_store::Error) -> Self {
        match &error {
            object_store::Error::NotFound { .. } => return Self::Missing,
            object_store::Error::Precondition { .. } => return Self::Changed,
            _ => {}
        }
        let text = error.to_string();
        let cause = loggable_cause(&text);
        match http_error_kind(&error) {
            Some(HttpErrorKind::Timeout) => Self::TimedOut,
            Some(HttpErrorKind::Connect | HttpErrorKind::Request | HttpErrorKind::Interrupted) => {
                Self::Unavailable(cause)
            }
            // The status is not public in object_store's error; its text has it.
            None if text.contains("non-2xx status code: 5") || text.contains("non-2xx status code: 429") => {
                Self::Unavailable(cause)
            }
            Some(_) | None => Self::Nonsense(cause),
        }
    }
}

/// The kind of failure below the object store's own error, if it was one of the connection.
fn http_error_kind(error: &(dyn Error + 'static)) -> Option<HttpErrorKind> {
    match error.downcast_ref::<HttpError>() {
        Some(error) => Some(error.kind()),
        None => http_error_kind(error.source()?),
    }
}
