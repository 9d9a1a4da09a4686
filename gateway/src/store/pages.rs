//! A range of an open file as parts of a body: what is small copied, the rest named, and cold pages brought in off the
//! threads that serve others.

mod warmth;

pub(super) use warmth::Warmth;

use super::Part;
use bytes::Bytes;
use rustix::io::{Errno, pread};
use std::{
    future::Future,
    io,
    ops::Range,
    os::fd::OwnedFd,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{Timeout, timeout},
};

/// A read of cold pages may take this long: beyond it the disk or the network behind it hangs.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
/// Up to this, copying the bytes behind their head into one write costs less than a `sendfile` of their own.
const COPIED: usize = 4 * 1024;
/// The kernel reads ahead at least so much at once: one page in memory speaks for all of a stretch.
const STRETCH: u64 = 64 * 1024;
/// No page is smaller.
const PAGE: usize = 4 * 1024;

/// Pages on their way into memory.
type Cold = Timeout<JoinHandle<io::Result<()>>>;

/// What is left of a range of an open file.
pub(super) struct Pages {
    file: Arc<OwnedFd>,
    warmth: Option<Arc<Warmth>>,
    left: Range<u64>,
    /// A cold part on its way into memory.
    cold: Option<Pin<Box<Cold>>>,
    /// Up to here the file was brought into memory: no reason to ask again.
    warm_until: u64,
}

impl Pages {
    /// Of a file about which `warmth` is remembered, if any is.
    pub(super) fn new(file: Arc<OwnedFd>, warmth: Option<Arc<Warmth>>, range: Range<u64>) -> Self {
        Self { file, warmth, warm_until: range.start, left: range, cold: None }
    }

    /// The next part, at most `most` bytes of it, none of which waits for the disk; `None` behind the last.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>, most: u64) -> Poll<Option<io::Result<Part>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let range = self.left.start..self.left.end.min(self.left.start + most);
        let copied = if self.cold.is_none() { read_hot(&self.file, &range) } else { None };
        let part = match copied {
            Some(bytes) => Part::Bytes(bytes),
            None => match ready!(self.poll_warm(cx, &range)) {
                Ok(()) => Part::File(Arc::clone(&self.file), range.clone()),
                Err(error) => return Poll::Ready(Some(Err(error))),
            },
        };
        self.left.start = range.end;
        Poll::Ready(Some(Ok(part)))
    }

    /// Ready once reading `range` will not wait for the disk.
    fn poll_warm(&mut self, cx: &mut Context<'_>, range: &Range<u64>) -> Poll<io::Result<()>> {
        if self.cold.is_none() && (range.end <= self.warm_until || self.is_hot(range)) {
            return Poll::Ready(Ok(()));
        }
        let (file, cold) = (Arc::clone(&self.file), range.clone());
        let bring_in = || Box::pin(timeout(TIMEOUT, spawn_blocking(move || bring_in(&file, cold))));
        let brought = ready!(self.cold.get_or_insert_with(bring_in).as_mut().poll(cx));
        self.cold = None;
        self.warm_until = range.end;
        Poll::Ready(match brought {
            Ok(Ok(brought)) => brought,
            Ok(Err(error)) => Err(io::Error::other(error)),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        })
    }

    /// Whether a range is in memory, by its first page in every stretch.
    fn is_hot(&self, range: &Range<u64>) -> bool {
        let first = range.start / STRETCH;
        let stretches = first..(range.end - 1) / STRETCH + 1;
        if self.warmth.as_ref().is_some_and(|warmth| warmth.knows(&stretches)) {
            return true;
        }
        let is_hot = stretches.clone().all(|stretch| is_in_memory(&self.file, range.start.max(stretch * STRETCH)));
        if is_hot && let Some(warmth) = &self.warmth {
            warmth.learn(&stretches);
        }
        is_hot
    }
}

/// All of a small range, if it is in memory: one call that asks and copies.
#[cfg(target_os = "linux")]
fn read_hot(file: &OwnedFd, range: &Range<u64>) -> Option<Bytes> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let length = usize::try_from(range.end - range.start).ok().filter(|length| *length <= COPIED)?;
    let mut bytes = vec![0; length];
    let read = preadv2(file, &mut [io::IoSliceMut::new(&mut bytes)], range.start, ReadWriteFlags::NOWAIT);
    (read == Ok(length)).then(|| bytes.into())
}

#[cfg(not(target_os = "linux"))]
fn read_hot(_file: &OwnedFd, _range: &Range<u64>) -> Option<Bytes> {
    None
}

#[cfg(target_os = "linux")]
fn is_in_memory(file: &OwnedFd, at: u64) -> bool {
    use rustix::io::{ReadWriteFlags, preadv2};
    let mut byte = [0];
    let read = preadv2(file, &mut [io::IoSliceMut::new(&mut byte)], at, ReadWriteFlags::NOWAIT);
    // tmpfs and others know no RWF_NOWAIT: what they hold is in memory. Other errors show when it is read.
    !matches!(read, Err(Errno::AGAIN))
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_file: &OwnedFd, _at: u64) -> bool {
    false
}

/// A hint: where it is not taken, pages are brought in as they are read.
#[cfg(target_os = "linux")]
fn will_need(file: &OwnedFd, range: &Range<u64>) {
    use rustix::fs::{Advice, fadvise};
    let _ = fadvise(file, range.start, std::num::NonZero::new(range.end - range.start), Advice::WillNeed);
}

#[cfg(not(target_os = "linux"))]
fn will_need(_file: &OwnedFd, _range: &Range<u64>) {}

/// Has a range's pages read and waits for them, without copying them. Never called on a thread that serves.
fn bring_in(file: &OwnedFd, range: Range<u64>) -> io::Result<()> {
    will_need(file, &range);
    for at in (range.start..range.end).step_by(PAGE) {
        pread(file, &mut [0_u8; 1], at)?;
    }
    Ok(())
}
