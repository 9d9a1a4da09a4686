//! The body of an answer: text and ranges in their order, exact to the byte or broken off.

use crate::{
    observe::Exchange,
    store::{Opened, Part, ReadError, Reader},
};
use bytes::{Buf, Bytes};
use http::StatusCode;
use http_body::{Frame, SizeHint};
use rustix::io::pread;
use std::{
    collections::VecDeque,
    io,
    ops::Range,
    os::fd::OwnedFd,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite};

/// What a body is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Part headers and boundaries, or a whole error body.
    Text(Bytes),
    /// A range of the file, not empty.
    Range(Range<u64>),
}

impl Piece {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Range(range) => range.end - range.start,
        }
    }
}

/// What a kind of connection makes of a body's parts.
pub(crate) trait Carry: Clone + Send + Unpin + 'static {
    /// A body frame's data.
    type Chunk: Buf + Send;
    /// At most so much of a file is asked for at once.
    const MOST: u64;

    fn bytes(&self, bytes: Bytes) -> Self::Chunk;

    /// These bytes of a file, which are in memory.
    ///
    /// # Errors
    /// The file cannot be read.
    fn file(&self, file: Arc<OwnedFd>, range: Range<u64>) -> io::Result<Self::Chunk>;
}

/// A connection's byte stream. It alone gives out what makes its chunks, so that no chunk meets another stream than its
/// own: what is served over a stream has the stream's own kind of body.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    type Carrier: Carry;

    fn carrier(&self) -> Self::Carrier;
}

/// For connections whose bytes pass through the process, so many at once: TLS encrypts them, HTTP/2 frames them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Copying<const MOST: u64>;

impl<const MOST: u64> Carry for Copying<MOST> {
    type Chunk = Bytes;
    const MOST: u64 = MOST;

    fn bytes(&self, bytes: Bytes) -> Bytes {
        bytes
    }

    /// Short of the end of a file that was cut: the body counts.
    fn file(&self, file: Arc<OwnedFd>, range: Range<u64>) -> io::Result<Bytes> {
        let mut bytes = Vec::with_capacity(usize::try_from(range.end - range.start).unwrap_or(usize::MAX));
        while bytes.len() < bytes.capacity() {
            let at = range.start + bytes.len() as u64;
            if pread(&file, rustix::buffer::spare_capacity(&mut bytes), at)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(bytes.into())
    }
}

/// A body being sent. Small, because hyper moves it about.
pub(crate) struct Body<C>(Box<Sending<C>>);

/// What a body holds until its end, the place among those in flight and the open file among it.
struct Sending<C> {
    pieces: VecDeque<Piece>,
    source: Option<Opened>,
    reader: Option<Reader>,
    left: u64,
    announced: u64,
    carrier: C,
    exchange: Exchange,
}

impl<C: Carry> Body<C> {
    /// A body of `pieces`, whose ranges are read from `source`; the reader beside it, if any, is the first range's.
    /// `announced` bytes are named in the head and never sent: hyper writes a 304's Content-Length only if the body claims it.
    pub(crate) fn new(
        status: StatusCode,
        pieces: Vec<Piece>,
        source: Option<(Opened, Option<Reader>)>,
        announced: u64,
        carrier: C,
        mut exchange: Exchange,
    ) -> Self {
        let left = pieces.iter().map(Piece::len).sum();
        exchange.answered(status, left);
        let (source, reader) = source.map_or((None, None), |(source, reader)| (Some(source), reader));
        Self(Box::new(Sending { pieces: pieces.into(), source, reader, left, announced, carrier, exchange }))
    }
}

impl<C: Carry> Sending<C> {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<C::Chunk, ReadError>>> {
        loop {
            match self.pieces.front() {
                None => return Poll::Ready(None),
                Some(Piece::Text(_)) => {
                    let Some(Piece::Text(text)) = self.pieces.pop_front() else { continue };
                    return Poll::Ready(Some(Ok(self.carrier.bytes(text))));
                }
                Some(Piece::Range(range)) => {
                    let Some(source) = &self.source else { return Poll::Ready(Some(Err(ReadError::Truncated))) };
                    let reader = self.reader.get_or_insert_with(|| source.read(range.clone()));
                    if let Some(part) = ready!(reader.poll_next(cx, C::MOST)) {
                        return Poll::Ready(Some(part.and_then(|part| self.chunk(part))));
                    }
                    self.reader = None;
                    self.pieces.pop_front();
                }
            }
        }
    }

    fn chunk(&self, part: Part) -> Result<C::Chunk, ReadError> {
        match part {
            Part::Bytes(bytes) => Ok(self.carrier.bytes(bytes)),
            Part::File(file, range) => {
                self.carrier.file(file, range).map_err(|error| ReadError::Failed(error.to_string()))
            }
        }
    }
}

impl<C: Carry> http_body::Body for Body<C> {
    type Data = C::Chunk;
    type Error = ReadError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<C::Chunk>, ReadError>>> {
        let this = &mut *self.get_mut().0;
        let read = ready!(this.poll_chunk(cx));
        // The length went out with the head: fewer bytes, or more, must end in a cut connection.
        let counted = match read {
            None if this.left > 0 => Some(Err(ReadError::Truncated)),
            Some(Ok(chunk)) => match this.left.checked_sub(chunk.remaining() as u64) {
                Some(left) => {
                    this.exchange.sent(this.left - left, left);
                    this.left = left;
                    Some(Ok(Frame::data(chunk)))
                }
                None => Some(Err(ReadError::Changed)),
            },
            Some(Err(error)) => Some(Err(error)),
            None => None,
        };
        if let Some(Err(error)) = &counted {
            this.exchange.broke_off(error);
        }
        Poll::Ready(counted)
    }

    fn is_end_stream(&self) -> bool {
        self.0.left == 0 && self.0.announced == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.left + self.0.announced)
    }
}
