//! The body of an answer: text and ranges in their order, exact to the byte or broken off.

use crate::{
    catalog::Watch,
    observe::Exchange,
    store::{Opened, Part, ReadError, Reader, Source},
};
use bytes::Bytes;
use http::StatusCode;
use std::{
    collections::VecDeque,
    io,
    ops::Range,
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

/// How bytes come to their socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From page cache to socket.
    Sendfile,
    /// Through this process.
    Copy,
}

/// A body being sent. What an answer holds until its end hangs on it: the place among those in flight, the open file.
pub(crate) struct Body(Box<Sending>);

struct Sending {
    pieces: VecDeque<Piece>,
    source: Option<Opened>,
    reader: Option<Reader>,
    /// Of the part that was given out last; none of a text.
    given_from: Option<Source>,
    left: u64,
    /// Of a file.
    watch: Option<Watch>,
    exchange: Exchange,
}

impl Body {
    /// A body of `pieces`, whose ranges are read from `source`; the reader beside it, if any, is the first range's.
    pub(crate) fn new(
        status: StatusCode,
        pieces: Vec<Piece>,
        source: Option<(Opened, Option<Reader>)>,
        watch: Option<Watch>,
        mut exchange: Exchange,
    ) -> Self {
        let left = pieces.iter().map(Piece::len).sum();
        exchange.answered(status, left);
        let (source, reader) = source.map_or((None, None), |(source, reader)| (Some(source), reader));
        Self(Box::new(Sending { pieces: pieces.into(), source, reader, given_from: None, left, watch, exchange }))
    }

    /// Bytes that have not been given out.
    pub(crate) fn left(&self) -> u64 {
        self.0.left
    }

    /// The next part, at most `most` bytes of a file; `None` once all of the length that went out with the head was
    /// given out. Fewer bytes, or more, are an error, and must end in a cut connection.
    pub(crate) fn poll_part(&mut self, cx: &mut Context<'_>, most: u64) -> Poll<Option<Result<Part, ReadError>>> {
        if self.0.left > 0 {
            self.look()?;
        }
        let this = &mut *self.0;
        let counted = match ready!(this.poll_read(cx, most)) {
            None if this.left > 0 => Some(Err(ReadError::Truncated)),
            Some(Ok(part)) => match this.left.checked_sub(part.len()) {
                Some(left) => {
                    this.left = left;
                    Some(Ok(part))
                }
                None => Some(Err(ReadError::Changed)),
            },
            read => read,
        };
        if let Some(Err(error)) = &counted {
            this.exchange.broke_off(error);
        }
        Poll::Ready(counted)
    }

    /// Whether it may go on: access to the file can be taken back at any time. A body that has not begun may begin: cut
    /// before its head, it would be no answer at all.
    pub(crate) fn look(&mut self) -> Result<(), ReadError> {
        let this = &mut *self.0;
        if !this.exchange.has_sent() || !this.watch.as_mut().is_some_and(Watch::is_over) {
            return Ok(());
        }
        this.exchange.broke_off(&ReadError::Revoked);
        Err(ReadError::Revoked)
    }

    /// Of a part that was given out, the file could not be read after all.
    pub(crate) fn broken_by(&mut self, error: &io::Error) -> ReadError {
        if let Some(reader) = &self.0.reader {
            reader.broken_by(error);
        }
        let error = match error.kind() {
            io::ErrorKind::UnexpectedEof => ReadError::Truncated,
            _ => ReadError::Failed(error.to_string()),
        };
        self.0.exchange.broke_off(&error);
        error
    }

    /// So many bytes more went out to the client, of the part that was given out last.
    pub(crate) fn sent(&mut self, bytes: u64, way: Way) {
        self.0.exchange.sent(bytes, self.0.given_from, way);
    }
}

impl Sending {
    fn poll_read(&mut self, cx: &mut Context<'_>, most: u64) -> Poll<Option<Result<Part, ReadError>>> {
        loop {
            match self.pieces.front() {
                None => return Poll::Ready(None),
                Some(Piece::Text(_)) => {
                    let Some(Piece::Text(text)) = self.pieces.pop_front() else { continue };
                    self.given_from = None;
                    return Poll::Ready(Some(Ok(Part::Bytes(text))));
                }
                Some(Piece::Range(range)) => {
                    let Some(source) = &self.source else { return Poll::Ready(Some(Err(ReadError::Truncated))) };
                    let reader = self.reader.get_or_insert_with(|| source.read(range.clone()));
                    if let Some(part) = ready!(reader.poll_next(cx, most)) {
                        self.given_from = Some(reader.source());
                        return Poll::Ready(Some(part));
                    }
                    self.reader = None;
                    self.pieces.pop_front();
                }
            }
        }
    }
}
