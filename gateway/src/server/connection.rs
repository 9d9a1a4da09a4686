//! A connection's patience: how long its client may keep us waiting, in each phase of an exchange.

use super::{deadline::Deadline, linger::Linger, room::Seat};
use crate::config::Patience;
use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Where an exchange is. Shared by a connection's stream and its service, on one task.
#[derive(Clone)]
pub(super) struct Phase(Arc<Facts>);

struct Facts {
    seat: Arc<Seat>,
    /// An answer is being made or sent.
    answering: AtomicBool,
    /// A head has come to its end since the stream last looked.
    head_ended: AtomicBool,
}

impl Phase {
    pub(super) fn new(seat: &Arc<Seat>) -> Self {
        let seat = Arc::clone(seat);
        let no = || AtomicBool::new(false);
        Self(Arc::new(Facts { seat, answering: no(), head_ended: no() }))
    }

    fn seat(&self) -> &Seat {
        &self.0.seat
    }

    /// A request's head has arrived.
    pub(super) fn answering(&self) -> Answering {
        self.0.answering.store(true, Ordering::Relaxed);
        self.0.head_ended.store(true, Ordering::Relaxed);
        self.seat().idle(None);
        Answering(self.clone())
    }

    fn is_answering(&self) -> bool {
        self.0.answering.load(Ordering::Relaxed)
    }

    fn take_head_ended(&self) -> bool {
        self.0.head_ended.swap(false, Ordering::Relaxed)
    }
}

/// Lasts as long as the answer, then the connection waits for its client again.
pub(crate) struct Answering(Phase);

impl Answering {
    pub(super) fn with<B>(self, body: B) -> Answered<B> {
        Answered { body, _answering: self }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.answering.store(false, Ordering::Relaxed);
    }
}

/// A body that says when it has ended.
pub(super) struct Answered<B> {
    body: B,
    _answering: Answering,
}

impl<B: Body<Data: Buf> + Unpin> Body for Answered<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What the connection waits for, and so which bound holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// The rest of a head, since its first byte; or a connection's first head, since accept.
    Head,
    /// The next request.
    Next,
    /// Nothing that the client owes us.
    Nothing,
}

/// A socket that gives up on a client who takes too long.
pub(super) struct TimedStream<S> {
    socket: S,
    patience: Patience,
    phase: Phase,
    waiting: Waiting,
    reading: Deadline,
    writing: Deadline,
    linger: Linger,
}

impl<S> TimedStream<S> {
    pub(super) fn new(socket: S, patience: Patience, phase: Phase) -> Self {
        let mut stream = Self {
            socket,
            patience,
            phase,
            waiting: Waiting::Head,
            reading: Deadline::default(),
            writing: Deadline::default(),
            linger: Linger::default(),
        };
        stream.wait_for(Waiting::Head);
        stream
    }

    /// Nothing to read: begins or goes on with the wait that fits the phase.
    fn wait(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        self.end_head();
        if self.phase.is_answering() || self.writing.is_set() {
            self.wait_for(Waiting::Nothing);
        } else if self.waiting == Waiting::Nothing {
            self.wait_for(Waiting::Next);
        }
        self.reading.check(cx)
    }

    /// Something was read: a first byte begins a head.
    fn has_read(&mut self) {
        self.end_head();
        if self.waiting != Waiting::Head && !self.phase.is_answering() {
            self.wait_for(Waiting::Head);
        }
    }

    fn end_head(&mut self) {
        if self.phase.take_head_ended() {
            self.wait_for(Waiting::Nothing);
        }
    }

    fn wait_for(&mut self, waiting: Waiting) {
        let patience = match waiting {
            Waiting::Head => Some(self.patience.header),
            Waiting::Next => Some(self.patience.idle),
            Waiting::Nothing => None,
        };
        let since = patience.map(|patience| self.reading.set(patience));
        if since.is_none() {
            self.reading.clear();
        }
        self.phase.seat().idle(since);
        self.waiting = waiting;
    }

    fn written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if self.writing.is_set() {
                self.writing.clear();
                self.phase.seat().stalled(None);
            }
            return written;
        }
        if !self.writing.is_set() {
            let since = self.writing.set(self.patience.stall);
            self.phase.seat().stalled(Some(since));
        }
        self.writing.check(cx)?;
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.socket).poll_read(cx, buf) {
            Poll::Pending => {
                self.wait(cx)?;
                Poll::Pending
            }
            ready => {
                self.has_read();
                ready
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, buffers);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS holds bytes back that only a flush sends.
        let flushed = Pin::new(&mut self.socket).poll_flush(cx);
        self.written(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.linger.poll(&mut this.socket, cx)
    }
}
