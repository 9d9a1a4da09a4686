//! A chunk on its way: what its readers see of it, from the first byte on.

use super::name::ChunkId;
use crate::store::StorageError;
use std::{
    future::Future,
    ops::Range,
    os::fd::OwnedFd,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};
use tokio::sync::{Notify, futures::OwnedNotified};

/// Why a chunk does not come.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    Origin(StorageError),
    /// The cache's disk does not take it; the origin may well give it.
    Disk,
    /// Nobody wanted it any more when it was its turn.
    Abandoned,
}

/// A chunk being filled.
pub(super) struct Fill {
    pub(super) id: ChunkId,
    pub(super) length: u64,
    /// Where in the chunk its first bytes lie: they come from here to its end, and then from its start.
    pub(super) begin: u64,
    state: Mutex<State>,
    changed: Arc<Notify>,
    readers: AtomicUsize,
}

#[derive(Default)]
struct State {
    /// The head of the origin's answer was right.
    is_promised: bool,
    /// From the first byte on.
    file: Option<Arc<OwnedFd>>,
    /// Bytes of the chunk, in the order in which they come.
    written: u64,
    failure: Option<Failure>,
}

/// Bytes of a chunk that are there.
pub(super) struct Available {
    pub(super) file: Arc<OwnedFd>,
    pub(super) range: Range<u64>,
    /// All of the chunk is there.
    pub(super) is_whole: bool,
}

impl Fill {
    pub(super) fn new(id: ChunkId, length: u64, begin: u64) -> Arc<Self> {
        let (state, changed, readers) = (Mutex::default(), Arc::default(), AtomicUsize::new(0));
        Arc::new(Self { id, length, begin, state, changed, readers })
    }

    /// Whether anybody takes part in it.
    pub(super) fn is_wanted(&self) -> bool {
        self.readers.load(Ordering::SeqCst) > 0
    }

    /// Takes part in it.
    pub(super) fn join(self: &Arc<Self>) -> Ticket {
        self.readers.fetch_add(1, Ordering::SeqCst);
        Ticket { fill: Arc::clone(self), is_answered_now: false, waiting: None }
    }

    pub(super) fn promise(&self) {
        self.change(|state| state.is_promised = true);
    }

    pub(super) fn is_promised(&self) -> bool {
        self.state().is_promised
    }

    /// So many bytes are there.
    pub(super) fn show(&self, file: &Arc<OwnedFd>, written: u64) {
        self.change(|state| {
            state.file.get_or_insert_with(|| Arc::clone(file));
            state.written = written;
        });
    }

    pub(super) fn fail(&self, failure: Failure) {
        self.change(|state| state.failure = Some(failure));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is there from an offset in the chunk on.
    fn available(&self, state: &State, at: u64) -> Option<Available> {
        let file = state.file.as_ref()?;
        let is_whole = state.written == self.length;
        let last = (self.begin + state.written).min(self.length);
        let first = state.written.saturating_sub(self.length - self.begin);
        let end = if is_whole || (self.begin..last).contains(&at) { last } else { first };
        (at < end).then(|| Available { file: Arc::clone(file), range: at..end, is_whole })
    }
}

/// A reader's part in a fill.
pub(super) struct Ticket {
    pub(super) fill: Arc<Fill>,
    /// It was begun for this reader, at this moment: how it fails is how the bucket is now.
    pub(super) is_answered_now: bool,
    waiting: Option<Pin<Box<OwnedNotified>>>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.fill.readers.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Ticket {
    /// Ready once the origin has promised the bytes.
    pub(super) fn poll_promised(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.poll_until(cx, |_, state| match &state.failure {
            _ if state.is_promised => Some(Ok(())),
            failure => failure.clone().map(Err),
        })
    }

    /// What is there from an offset in the chunk on, once there is anything.
    pub(super) fn poll_from(&mut self, cx: &mut Context<'_>, at: u64) -> Poll<Result<Available, Failure>> {
        self.poll_until(cx, |fill, state| match fill.available(state, at) {
            Some(available) => Some(Ok(available)),
            None => state.failure.clone().map(Err),
        })
    }

    fn poll_until<T>(&mut self, cx: &mut Context<'_>, mut found: impl FnMut(&Fill, &State) -> Option<T>) -> Poll<T> {
        loop {
            if let Some(found) = found(&self.fill, &self.fill.state()) {
                self.waiting = None;
                return Poll::Ready(found);
            }
            let Some(waiting) = &mut self.waiting else {
                // From now on no change is missed; what changed before is seen in the next round.
                self.waiting = Some(Box::pin(Arc::clone(&self.fill.changed).notified_owned()));
                continue;
            };
            ready!(waiting.as_mut().poll(cx));
            self.waiting = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::name::ObjectId;
    use super::*;
    use proto::etag::ETag;

    fn fill(length: u64, begin: u64) -> Arc<Fill> {
        let object = ObjectId::new("s3://a", "key", &ETag::from_storage("tag").unwrap(), length, length);
        Fill::new(ChunkId { object, index: 0 }, length, begin)
    }

    #[test]
    fn what_is_there_is_seen_wherever_the_fill_began() {
        let file: Arc<OwnedFd> = Arc::new(tempfile::tempfile().unwrap().into());
        for (begin, written, at, end) in [
            (0, 0, 0, None),
            (0, 4, 0, Some(4)),
            (0, 4, 3, Some(4)),
            (0, 4, 4, None),
            (0, 10, 9, Some(10)),
            (6, 2, 6, Some(8)),
            (6, 2, 7, Some(8)),
            (6, 2, 8, None),
            (6, 2, 0, None),
            (6, 4, 9, Some(10)),
            (6, 4, 0, None),
            (6, 5, 0, Some(1)),
            (6, 5, 1, None),
            (6, 5, 7, Some(10)),
            (6, 10, 0, Some(10)),
        ] {
            let fill = fill(10, begin);
            if written > 0 {
                fill.show(&file, written);
            }
            let state = fill.state();
            let available = fill.available(&state, at);
            assert_eq!(available.map(|available| available.range), end.map(|end| at..end), "{begin} {written} {at}");
        }
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_told_of_bytes_and_of_failures() {
        let file: Arc<OwnedFd> = Arc::new(tempfile::tempfile().unwrap().into());
        let fill = fill(10, 0);
        let mut ticket = fill.join();
        let waiting = tokio::spawn(async move {
            std::future::poll_fn(|cx| ticket.poll_promised(cx)).await.unwrap();
            let first = std::future::poll_fn(|cx| ticket.poll_from(cx, 0)).await.unwrap().range;
            let then = std::future::poll_fn(|cx| ticket.poll_from(cx, 3)).await;
            (first, matches!(then, Err(Failure::Disk)))
        });
        tokio::task::yield_now().await;
        fill.promise();
        tokio::task::yield_now().await;
        fill.show(&file, 3);
        tokio::task::yield_now().await;
        fill.fail(Failure::Disk);
        assert_eq!(waiting.await.unwrap(), (0..3, true));
        assert_eq!(fill.readers.load(Ordering::SeqCst), 0);
    }
}
