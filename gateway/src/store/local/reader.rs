//! One range of an open file as frames of a body: spans of what is in memory, copies of what is small, and cold pages
//! brought in off the threads that serve others.

use super::{OpenFile, TIMEOUT, etag};
use crate::{
    store::ReadError,
    zero_copy::{Carrier, Chunk},
};
use bytes::Bytes;
use rustix::{
    fs::fstat,
    io::{Errno, pread},
};
use std::{
    future::Future,
    io,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{Timeout, timeout},
};

/// Up to this, copying the bytes behind their head into one write costs less than a `sendfile` of their own.
const COPIED: usize = 4 * 1024;
/// At most so much of a file stands in one frame.
const SPAN: u64 = 512 * 1024;
/// The kernel reads ahead at least so much at once.
const STRETCH: usize = 64 * 1024;

/// Pages on their way into memory.
type Cold = Timeout<JoinHandle<io::Result<()>>>;

/// One range of an open file.
pub(crate) struct Reader {
    file: OpenFile,
    left: Range<u64>,
    /// A cold part on its way into memory.
    cold: Option<Pin<Box<Cold>>>,
    /// Up to here the file was brought into memory: no reason to ask again.
    warm_until: u64,
}

impl Reader {
    pub(crate) fn new(file: OpenFile, range: Range<u64>) -> Self {
        Self { file, warm_until: range.start, left: range, cold: None }
    }

    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        carrier: &Carrier,
    ) -> Poll<Option<Result<Chunk, ReadError>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let part = self.left.start..self.left.end.min(self.left.start + SPAN);
        let copied = if self.cold.is_none() { self.file.read_hot(&part) } else { None };
        let chunk = match copied {
            Some(bytes) => Ok(Chunk::Bytes(bytes)),
            None => match ready!(self.poll_warm(cx, &part)) {
                Ok(()) => self.file.chunk(&part, carrier),
                Err(error) => Err(error),
            },
        };
        let chunk = chunk.map_err(|error| ReadError::Failed(error.to_string()));
        Poll::Ready(Some(chunk.and_then(|chunk| self.unchanged(part, chunk))))
    }

    /// Ready once reading `part` will not wait for the disk.
    fn poll_warm(&mut self, cx: &mut Context<'_>, part: &Range<u64>) -> Poll<io::Result<()>> {
        if self.cold.is_none() && (part.end <= self.warm_until || self.file.is_hot(part)) {
            return Poll::Ready(Ok(()));
        }
        let (file, cold) = (self.file.clone(), part.clone());
        let bring_in = || Box::pin(timeout(TIMEOUT, spawn_blocking(move || file.bring_in(cold))));
        let brought = ready!(self.cold.get_or_insert_with(bring_in).as_mut().poll(cx));
        self.cold = None;
        self.warm_until = part.end;
        Poll::Ready(match brought {
            Ok(Ok(brought)) => brought,
            Ok(Err(error)) => Err(io::Error::other(error)),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        })
    }

    /// A file written in place under our open descriptor shows in its times: what would be sent now may be of two
    /// versions.
    fn unchanged(&mut self, part: Range<u64>, chunk: Chunk) -> Result<Chunk, ReadError> {
        let stat = fstat(&*self.file.fd).map_err(|error| ReadError::Failed(error.to_string()))?;
        if etag(&stat) != self.file.etag {
            return Err(ReadError::Changed);
        }
        self.left.start = part.end;
        Ok(chunk)
    }
}

impl OpenFile {
    /// All of a small part, if it is in memory: one call that asks and copies.
    #[cfg(target_os = "linux")]
    fn read_hot(&self, part: &Range<u64>) -> Option<Bytes> {
        use rustix::io::{ReadWriteFlags, preadv2};
        let length = usize::try_from(part.end - part.start).ok().filter(|length| *length <= COPIED)?;
        let mut bytes = vec![0; length];
        let read = preadv2(&*self.fd, &mut [io::IoSliceMut::new(&mut bytes)], part.start, ReadWriteFlags::NOWAIT);
        (read == Ok(length)).then(|| bytes.into())
    }

    #[cfg(not(target_os = "linux"))]
    fn read_hot(&self, _part: &Range<u64>) -> Option<Bytes> {
        None
    }

    /// Whether a part is in memory, by one page of every stretch that the kernel reads ahead at once.
    #[cfg(target_os = "linux")]
    fn is_hot(&self, part: &Range<u64>) -> bool {
        use rustix::io::{ReadWriteFlags, preadv2};
        let is_hot = |at: u64| {
            let mut byte = [0];
            let read = preadv2(&*self.fd, &mut [io::IoSliceMut::new(&mut byte)], at, ReadWriteFlags::NOWAIT);
            // tmpfs and others know no RWF_NOWAIT: what they hold is in memory. Other errors show when it is read.
            !matches!(read, Err(Errno::AGAIN))
        };
        (part.start..part.end).step_by(STRETCH).all(is_hot) && is_hot(part.end - 1)
    }

    #[cfg(not(target_os = "linux"))]
    fn is_hot(&self, _part: &Range<u64>) -> bool {
        false
    }

    /// Reads a part for its pages' sake. Waits for the disk: never called on a thread that serves.
    fn bring_in(&self, part: Range<u64>) -> io::Result<()> {
        let mut pages = vec![0; STRETCH];
        for start in part.clone().step_by(STRETCH) {
            let wanted = usize::try_from(part.end - start).unwrap_or(STRETCH).min(STRETCH);
            pread(&*self.fd, &mut pages[..wanted], start)?;
        }
        Ok(())
    }

    /// A part that is in memory. Copied, it may be short of the end of a file that was cut: the body counts.
    fn chunk(&self, part: &Range<u64>, carrier: &Carrier) -> io::Result<Chunk> {
        let length = usize::try_from(part.end - part.start).unwrap_or(usize::MAX);
        if length > COPIED {
            return Ok(carrier.span(Arc::clone(&self.fd), part.clone()));
        }
        let mut bytes = Vec::with_capacity(length);
        pread(&*self.fd, rustix::buffer::spare_capacity(&mut bytes), part.start)?;
        Ok(Chunk::Bytes(bytes.into()))
    }
}
