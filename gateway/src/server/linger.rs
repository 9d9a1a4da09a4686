//! The end of a connection: a close with unread bytes would take our last words back out of the client's hands.

use super::deadline::Deadline;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// After our last word, a client may go on talking for this long before the socket is closed on it.
const LINGER: Duration = Duration::from_secs(1);
/// And this much.
const LINGER_BYTES: usize = 256 * 1024;

/// A shutdown on its way.
#[derive(Default)]
pub(super) struct Linger {
    is_closed: bool,
    bytes: usize,
    deadline: Deadline,
}

impl Linger {
    /// Closes our side, then reads and forgets what the client still sends.
    pub(super) fn poll<S>(&mut self, socket: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if !self.deadline.is_set() {
            self.deadline.set(LINGER);
        }
        if !self.is_closed {
            // A transport with bytes of its own to send waits for a client who may not take them.
            let Poll::Ready(closed) = Pin::new(&mut *socket).poll_shutdown(cx) else { return self.wait(cx) };
            closed?;
            self.is_closed = true;
        }
        let mut scratch = [0; 4096];
        while self.bytes < LINGER_BYTES && self.deadline.check(cx).is_ok() {
            let mut buf = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut *socket).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => self.bytes += buf.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.deadline.check(cx) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// A stream that lingers at its end, and is else as it was.
pub(super) struct Lingering<S> {
    socket: S,
    linger: Linger,
}

impl<S> Lingering<S> {
    pub(super) fn new(socket: S) -> Self {
        Self { socket, linger: Linger::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.linger.poll(&mut this.socket, cx)
    }
}
