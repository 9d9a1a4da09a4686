//! The body of an answer: text and ranges in their order, exact to the byte or broken off.

use crate::{
    observe::Exchange,
    store::{Opened, ReadError, Reader},
    zero_copy::{Carrier, Chunk},
};
use bytes::{Buf, Bytes};
use http::StatusCode;
use http_body::{Frame, SizeHint};
use std::{
    collections::VecDeque,
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
};

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

/// A body being sent. What it holds, the in-flight permit and the open file among it, it holds until the end.
pub(crate) struct Body {
    pieces: VecDeque<Piece>,
    source: Option<Opened>,
    reader: Option<Reader>,
    left: u64,
    announced: u64,
    carrier: Carrier,
    exchange: Exchange,
}

impl Body {
    /// A body of `pieces`, whose ranges are read from `source`; the reader beside it, if any, is the first range's.
    /// `announced` bytes are named in the head and never sent: hyper writes a 304's Content-Length only if the body claims it.
    pub(crate) fn new(
        status: StatusCode,
        pieces: Vec<Piece>,
        source: Option<(Opened, Option<Reader>)>,
        announced: u64,
        carrier: Carrier,
        mut exchange: Exchange,
    ) -> Self {
        let left = pieces.iter().map(Piece::len).sum();
        exchange.answered(status, left);
        let (source, reader) = source.map_or((None, None), |(source, reader)| (Some(source), reader));
        Self { pieces: pieces.into(), source, reader, left, announced, carrier, exchange }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Chunk, ReadError>>> {
        loop {
            match self.pieces.front() {
                None => return Poll::Ready(None),
                Some(Piece::Text(_)) => {
                    let Some(Piece::Text(text)) = self.pieces.pop_front() else { continue };
                    return Poll::Ready(Some(Ok(Chunk::Bytes(text))));
                }
                Some(Piece::Range(range)) => {
                    let Some(source) = &self.source else { return Poll::Ready(Some(Err(ReadError::Truncated))) };
                    let reader = self.reader.get_or_insert_with(|| source.read(range.clone()));
                    if let Some(read) = ready!(reader.poll_next(cx, &self.carrier)) {
                        return Poll::Ready(Some(read));
                    }
                    self.reader = None;
                    self.pieces.pop_front();
                }
            }
        }
    }
}

impl http_body::Body for Body {
    type Data = Chunk;
    type Error = ReadError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Chunk>, ReadError>>> {
        let this = self.get_mut();
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
        self.left == 0 && self.announced == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left + self.announced)
    }
}
