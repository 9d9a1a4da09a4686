//! A bucket: never one long GET. A task reads ahead in bounded windows, each a GET of its own that is always polled
//! and never waits for the player; every window is held to the same ETag and its bytes are counted.

use super::{ReadError, StorageError};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use object_store::{
    ClientOptions, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    client::{HttpError, HttpErrorKind},
    path::Path,
};
use proto::{
    catalog::FileEntry,
    etag::ETag,
    storage::{Aws, loggable_cause},
};
use std::{
    error::Error,
    ops::Range,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::AbortHandle,
    time::timeout,
};

/// Windows end at multiples of this, so that GETs are aligned whatever was asked for.
const WINDOW: u64 = 128 * 1024;
/// The window of a stream for which the pool has nothing left.
const SMALL_WINDOW: u64 = 64 * 1024;
/// What one stream may be ahead of its client.
const AHEAD: u32 = 256 * 1024;
/// What all streams together may be ahead, beyond one small window each.
const POOL: usize = 64 * 1024 * 1024;

/// GETs under way at once: each holds a connection with read buffers of its own.
const GETS: usize = 128;

/// From the question to the head of the answer, retries included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two reads of a body.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Kept open to storage while nothing is asked of it; each holds buffers of its own.
const IDLE_CONNECTIONS: usize = 64;
/// How often in a row a window may bring nothing before the body is given up.
const FRUITLESS: usize = 3;

/// A bucket and the prefix before every key.
pub(crate) struct Bucket {
    store: Arc<AmazonS3>,
    prefix: String,
    pool: Arc<Semaphore>,
    gets: Arc<Semaphore>,
}

/// One version of one object.
#[derive(Clone)]
pub(crate) struct Object {
    store: Arc<AmazonS3>,
    pool: Arc<Semaphore>,
    gets: Arc<Semaphore>,
    path: Path,
    etag: ETag,
    size: u64,
}

impl Bucket {
    pub(crate) fn new(bucket: &str, prefix: &str, aws: &Aws) -> Result<Self, object_store::Error> {
        let client = ClientOptions::new()
            .with_timeout(Duration::from_secs(30))
            .with_connect_timeout(Duration::from_secs(5))
            .with_read_timeout(READ_TIMEOUT)
            .with_pool_max_idle_per_host(IDLE_CONNECTIONS)
            .with_allow_http(aws.is_plain_http());
        let retry = RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(20), ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new().with_client_options(client).with_retry(retry);
        for (name, value) in &aws.0 {
            if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        let store = builder.with_bucket_name(bucket).build()?;
        Ok(Self {
            store: Arc::new(store),
            prefix: prefix.to_owned(),
            pool: Arc::new(Semaphore::new(POOL)),
            gets: Arc::new(Semaphore::new(GETS)),
        })
    }

    /// The row's object. Nothing is asked of storage yet.
    pub(crate) fn object(&self, file: &FileEntry) -> Result<Object, StorageError> {
        Ok(Object {
            store: Arc::clone(&self.store),
            pool: Arc::clone(&self.pool),
            gets: Arc::clone(&self.gets),
            path: self.path(&file.object_key)?,
            etag: file.etag.clone(),
            size: file.size,
        })
    }

    /// Asks for an object that is not there. Without the right to list, S3 says "denied" to that; a bucket that is not
    /// there answers otherwise.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let path = self.path("readiness-probe").map_err(|error| error.cause())?;
        let error = match timeout(HEAD_TIMEOUT, self.store.get(&path)).await {
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
    /// Begins to read a range; the head of its first GET was right when this returns.
    pub(crate) async fn start(&self, range: Range<u64>) -> Result<Reader, StorageError> {
        let mut windows = Windows::new(self.clone(), range);
        let window = windows.next_window().await;
        let answer = self.get(window.range.clone()).await?;
        Ok(Reader::spawn(windows, Some((window, answer))))
    }

    /// Begins to read a range, to learn only from its body how that went.
    pub(crate) fn read(&self, range: Range<u64>) -> Reader {
        Reader::spawn(Windows::new(self.clone(), range), None)
    }

    /// Whether the object is there in this version.
    pub(crate) async fn check(&self) -> Result<(), StorageError> {
        let meta = timeout(HEAD_TIMEOUT, self.store.head(&self.path)).await.map_err(|_| StorageError::TimedOut)??;
        self.compare(&meta)
    }

    async fn get(&self, range: Range<u64>) -> Result<Answer, StorageError> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: Some(self.etag.as_str().to_owned()),
            ..GetOptions::default()
        };
        let asked = async {
            let turn = Arc::clone(&self.gets).acquire_owned().await.expect("the semaphore is never closed");
            self.store.get_opts(&self.path, options).await.map(|result| Answer { result, _turn: turn })
        };
        let answer = timeout(HEAD_TIMEOUT, asked).await.map_err(|_| StorageError::TimedOut)??;
        self.compare(&answer.result.meta)?;
        if answer.result.range != range {
            return Err(StorageError::Nonsense("storage answered another range than the one asked for".into()));
        }
        Ok(answer)
    }

    fn compare(&self, meta: &ObjectMeta) -> Result<(), StorageError> {
        let etag = meta.e_tag.as_deref().and_then(ETag::from_storage);
        if etag.as_ref() == Some(&self.etag) && meta.size == self.size { Ok(()) } else { Err(StorageError::Changed) }
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

/// An answer whose head was right, and its turn among the GETs until its body is read.
struct Answer {
    result: GetResult,
    _turn: OwnedSemaphorePermit,
}

/// The windows still to be read, and what the stream may hold of them.
struct Windows {
    object: Object,
    left: Range<u64>,
    own: Arc<Semaphore>,
}

/// A window that may be read: its place among the stream's bytes is taken.
struct Window {
    range: Range<u64>,
    lease: Arc<Lease>,
}

/// Given back when the client has taken the window's last piece.
struct Lease {
    _own: OwnedSemaphorePermit,
    _pool: Option<OwnedSemaphorePermit>,
}

impl Windows {
    fn new(object: Object, range: Range<u64>) -> Self {
        Self { object, left: range, own: Arc::new(Semaphore::new(AHEAD as usize)) }
    }

    /// The next window: as large as the pool allows, or a small one once the client has taken all there was, so that
    /// no number of stalled clients keeps a new one from its bytes.
    async fn next_window(&mut self) -> Window {
        let mut own = self.own(WINDOW as u32).await;
        let pool = Arc::clone(&self.object.pool).try_acquire_many_owned(WINDOW as u32).ok();
        let length = if pool.is_some() {
            WINDOW
        } else {
            own.merge(self.own(AHEAD - WINDOW as u32).await);
            SMALL_WINDOW
        };
        let boundary = (self.left.start / length + 1) * length;
        let range = self.left.start..boundary.min(self.left.end);
        Window { range, lease: Arc::new(Lease { _own: own, _pool: pool }) }
    }

    async fn own(&self, bytes: u32) -> OwnedSemaphorePermit {
        Arc::clone(&self.own).acquire_many_owned(bytes).await.expect("the semaphore is never closed")
    }

    /// Reads every window into `sink`, beginning with an answer that is there already.
    async fn read(mut self, first: Option<(Window, Answer)>, sink: Sink) {
        let mut first = first;
        let mut fruitless = 0;
        while !self.left.is_empty() {
            let (window, answer) = match first.take() {
                Some((window, answer)) => (window, Ok(answer)),
                None => {
                    let window = self.next_window().await;
                    let answer = self.object.get(window.range.clone()).await;
                    (window, answer)
                }
            };
            let outcome = match answer {
                Ok(answer) => self.drain(answer, &window, &sink).await,
                Err(error) => Err(Interruption::from(error)),
            };
            match outcome {
                Ok(()) => fruitless = 0,
                Err(Interruption::ClientGone) => return,
                Err(Interruption::Final(error)) => return sink.fail(error),
                Err(Interruption::Passing(_)) if self.left.start > window.range.start => fruitless = 0,
                Err(Interruption::Passing(error)) => {
                    fruitless += 1;
                    if fruitless == FRUITLESS {
                        return sink.fail(error);
                    }
                }
            }
        }
    }

    /// Passes one window's bytes on and counts them; a body of another length is never passed off as whole.
    async fn drain(&mut self, answer: Answer, window: &Window, sink: &Sink) -> Result<(), Interruption> {
        let Answer { result, _turn } = answer;
        let mut body = result.into_stream();
        // Pieces are copied into one buffer a window: a slice of the connection's own would keep all of that alive for
        // as long as the client takes, and allocations of one size leave no holes.
        let mut buffer = BytesMut::with_capacity(usize::try_from(window.range.end - self.left.start).unwrap_or(0));
        while self.left.start < window.range.end {
            let piece = match timeout(READ_TIMEOUT, body.next()).await {
                Ok(Some(Ok(piece))) => piece,
                Ok(Some(Err(error))) => return Err(StorageError::from(error).into()),
                Ok(None) => return Err(Interruption::Passing(ReadError::Truncated)),
                Err(_) => return Err(StorageError::TimedOut.into()),
            };
            if piece.len() as u64 > window.range.end - self.left.start {
                return Err(Interruption::Final(ReadError::Failed("storage sent more than was asked for".into())));
            }
            self.left.start += piece.len() as u64;
            buffer.extend_from_slice(&piece);
            sink.send(buffer.split().freeze(), &window.lease)?;
        }
        match timeout(READ_TIMEOUT, body.next()).await {
            Ok(Some(Ok(extra))) if !extra.is_empty() => {
                Err(Interruption::Final(ReadError::Failed("storage sent more than was asked for".into())))
            }
            _ => Ok(()),
        }
    }
}

/// Why a window was not read to its end.
enum Interruption {
    ClientGone,
    /// Worth asking again for what is missing.
    Passing(ReadError),
    Final(ReadError),
}

impl From<StorageError> for Interruption {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Changed | StorageError::Missing => Self::Final(ReadError::Changed),
            StorageError::Nonsense(_) => Self::Final(ReadError::Failed(error.cause())),
            StorageError::Unavailable(_) | StorageError::TimedOut => Self::Passing(ReadError::Failed(error.cause())),
        }
    }
}

type Piece = Result<(Bytes, Arc<Lease>), ReadError>;

/// Where pieces go. Unbounded by itself: the leases bound it.
struct Sink(mpsc::UnboundedSender<Piece>);

impl Sink {
    fn send(&self, piece: Bytes, lease: &Arc<Lease>) -> Result<(), Interruption> {
        if piece.is_empty() {
            return Ok(());
        }
        self.0.send(Ok((piece, Arc::clone(lease)))).map_err(|_| Interruption::ClientGone)
    }

    fn fail(&self, error: ReadError) {
        // A client that has gone does not need to be told.
        let _ = self.0.send(Err(error));
    }
}

/// One range of an object, as its task brings it in. Dropping it ends the task.
pub(crate) struct Reader {
    pieces: mpsc::UnboundedReceiver<Piece>,
    /// Of the piece given out last: the next poll means that the client has taken it.
    lease: Option<Arc<Lease>>,
    task: AbortHandle,
}

impl Reader {
    fn spawn(windows: Windows, first: Option<(Window, Answer)>) -> Self {
        let (sink, pieces) = mpsc::unbounded_channel();
        let task = tokio::spawn(windows.read(first, Sink(sink))).abort_handle();
        Self { pieces, lease: None, task }
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ReadError>>> {
        self.lease = None;
        let piece = ready!(self.pieces.poll_recv(cx));
        Poll::Ready(piece.map(|piece| {
            let (bytes, lease) = piece?;
            self.lease = Some(lease);
            Ok(bytes)
        }))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}
