//! A range of an object without a cache: a task reads ahead in bounded windows, each a GET of its own that is always
//! polled and never waits for the player.

use super::{
    ReadError, StorageError,
    bucket::{Body, FRUITFUL, FRUITLESS, Object},
};
use bytes::{Bytes, BytesMut};
use std::{
    ops::Range,
    sync::{Arc, LazyLock},
    task::{Context, Poll, ready},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::AbortHandle,
};

/// Windows end at multiples of this, so that GETs are aligned whatever was asked for.
const WINDOW: u64 = 128 * 1024;
/// The window of a stream for which the pool has nothing left.
const SMALL_WINDOW: u64 = 64 * 1024;
/// What one stream may be ahead of its client.
const AHEAD: u32 = 256 * 1024;
/// What all streams together may be ahead, beyond one small window each.
static POOL: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(64 * 1024 * 1024)));

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
        let pool = Arc::clone(&POOL).try_acquire_many_owned(WINDOW as u32).ok();
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
    async fn read(mut self, first: Option<(Window, Body)>, sink: Sink) {
        let mut first = first;
        let mut fruitless = 0;
        while !self.left.is_empty() {
            let (window, body) = match first.take() {
                Some((window, body)) => (window, Ok(body)),
                None => {
                    let window = self.next_window().await;
                    let body = self.object.get(window.range.clone()).await;
                    (window, body)
                }
            };
            let outcome = match body {
                Ok(body) => self.drain(body, &window, &sink).await,
                Err(error) => Err(error.into()),
            };
            match outcome {
                Ok(()) => fruitless = 0,
                Err(Interruption::ClientGone) => return,
                Err(Interruption::Storage(error)) => {
                    let brought = self.left.start - window.range.start;
                    fruitless = if brought >= FRUITFUL { 0 } else { fruitless + 1 };
                    if !error.is_passing() || fruitless == FRUITLESS {
                        return sink.fail(error.into());
                    }
                    self.object.origin.metrics.resumes.inc();
                }
            }
        }
    }

    /// Passes one window's bytes on; a body of another length is never passed off as whole.
    async fn drain(&mut self, mut body: Body, window: &Window, sink: &Sink) -> Result<(), Interruption> {
        // Pieces are copied into one buffer a window: a slice of the connection's own would keep all of that alive for
        // as long as the client takes, and allocations of one size leave no holes.
        let mut buffer = BytesMut::with_capacity(usize::try_from(window.range.end - self.left.start).unwrap_or(0));
        while let Some(piece) = body.next().await? {
            self.left.start += piece.len() as u64;
            buffer.extend_from_slice(&piece);
            sink.send(buffer.split().freeze(), &window.lease)?;
        }
        Ok(())
    }
}

/// Why a window was not read to its end.
enum Interruption {
    ClientGone,
    Storage(StorageError),
}

impl From<StorageError> for Interruption {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

type Piece = Result<(Bytes, Arc<Lease>), ReadError>;

/// Where pieces go. Unbounded by itself: the leases bound it.
struct Sink(mpsc::UnboundedSender<Piece>);

impl Sink {
    fn send(&self, piece: Bytes, lease: &Arc<Lease>) -> Result<(), Interruption> {
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
    /// Begins to read a range; the head of its first GET was right when this returns.
    pub(crate) async fn start(object: Object, range: Range<u64>) -> Result<Self, StorageError> {
        let mut windows = Windows::new(object, range);
        let window = windows.next_window().await;
        let body = windows.object.get(window.range.clone()).await?;
        Ok(Self::spawn(windows, Some((window, body))))
    }

    /// Begins to read a range, to learn only from its body how that went.
    pub(crate) fn new(object: Object, range: Range<u64>) -> Self {
        Self::spawn(Windows::new(object, range), None)
    }

    fn spawn(windows: Windows, first: Option<(Window, Body)>) -> Self {
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
