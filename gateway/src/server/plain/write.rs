//! An answer on its way: its head as HTTP/1.1 writes it, and its body behind it by the shortest way.

use crate::{
    body::{Body, Way},
    lines::Lines,
    store::Part,
    zero_copy::{Socket, Then},
};
use bytes::Buf;
use http::{StatusCode, Version, header};
use rustix::io::Errno;
use std::{
    cell::Cell,
    io::{self, IoSlice, Write},
    task::{Context, Poll, ready},
    time::{Duration, UNIX_EPOCH},
};

/// At most so much of a file is looked for in memory at once.
const MOST: u64 = 512 * 1024;

/// What `sendfile` says of a disk, or of the network behind one; of a client it says other things.
const FILE_TROUBLE: [Errno; 2] = [Errno::IO, Errno::STALE];

/// What a head says of its connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wire {
    /// Of the request.
    pub(super) version: Version,
    /// Another request may follow.
    pub(super) persists: bool,
}

/// A head, whose version is ours for the one who asked in HTTP/1.0 too.
pub(super) fn head(mut lines: Lines, length: Option<u64>, wire: Wire, unix_seconds: u64) -> Vec<u8> {
    if let Some(length) = length {
        lines.push_number(&header::CONTENT_LENGTH, length);
    }
    match wire {
        Wire { persists: false, .. } => lines.push_parts(&header::CONNECTION, &[b"close"]),
        Wire { version: Version::HTTP_10, .. } => lines.push_parts(&header::CONNECTION, &[b"keep-alive"]),
        Wire { .. } => {}
    }
    lines.push_parts(&header::DATE, &[&date(unix_seconds)]);
    lines.into_head()
}

/// The whole answer to what is no request.
pub(super) fn bare(status: StatusCode, unix_seconds: u64) -> Vec<u8> {
    head(Lines::new(status), Some(0), Wire { version: Version::HTTP_11, persists: false }, unix_seconds)
}

/// As RFC 9110 section 5.6.7 has it: made once a second.
fn date(unix_seconds: u64) -> [u8; 29] {
    thread_local! {
        static LAST: Cell<(u64, [u8; 29])> = const { Cell::new((u64::MAX, [0; 29])) };
    }
    let (second, mut text) = LAST.get();
    if second != unix_seconds {
        let date = httpdate::HttpDate::from(UNIX_EPOCH + Duration::from_secs(unix_seconds));
        write!(&mut text[..], "{date}").expect("every date of this form has 29 bytes");
        LAST.set((unix_seconds, text));
    }
    text
}

/// What is left of an answer.
pub(super) struct Outgoing {
    head: Vec<u8>,
    /// Of the head.
    sent: usize,
    part: Option<Part>,
    body: Option<Body>,
}

/// How far an answer has come.
pub(super) enum Sent {
    All,
    /// Its client takes no more at the moment.
    Stalled {
        /// But it took some just now.
        has_moved: bool,
    },
    /// There is nothing to send at the moment.
    Starved,
}

impl Outgoing {
    pub(super) fn new(head: Vec<u8>, body: Option<Body>) -> Self {
        Self { head, sent: 0, part: None, body }
    }

    /// Sends as much as can be sent now. Where that is not all, the task is woken for more.
    ///
    /// # Errors
    /// The client is gone, or the body cannot go on: the connection must be cut.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, socket: &mut Socket) -> io::Result<Sent> {
        if let Some(body) = &mut self.body {
            body.look().map_err(io::Error::other)?;
        }
        let mut has_moved = false;
        loop {
            let is_starved = match self.poll_part(cx) {
                Poll::Ready(part) => {
                    part?;
                    false
                }
                Poll::Pending => true,
            };
            if self.sent == self.head.len() && self.part.is_none() {
                return Ok(if is_starved { Sent::Starved } else { Sent::All });
            }
            if self.poll_send(cx, socket)?.is_pending() {
                return Ok(Sent::Stalled { has_moved });
            }
            has_moved = true;
        }
    }

    /// Ready with something to send, or at the body's end.
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let (None, Some(body)) = (&self.part, &mut self.body) {
            self.part = ready!(body.poll_part(cx, MOST)).transpose().map_err(io::Error::other)?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, socket: &mut Socket) -> io::Result<Poll<()>> {
        let head = &self.head[self.sent..];
        let sent = match &self.part {
            Some(Part::File(file, range)) if head.is_empty() => match socket.poll_send_file(cx, file, range) {
                Poll::Ready(Err(error)) => return Err(self.broken_by(error)),
                sent => sent?,
            },
            Some(Part::File(..)) => socket.poll_send(cx, &[IoSlice::new(head)], Then::File)?,
            Some(Part::Bytes(bytes)) => {
                socket.poll_send(cx, &[IoSlice::new(head), IoSlice::new(bytes)], Then::Nothing)?
            }
            None => socket.poll_send(cx, &[IoSlice::new(head)], Then::Nothing)?,
        };
        Ok(sent.map(|sent| self.advance(sent)))
    }

    fn advance(&mut self, sent: usize) {
        let of_head = sent.min(self.head.len() - self.sent);
        self.sent += of_head;
        let sent = sent - of_head;
        let (is_done, way) = match &mut self.part {
            Some(Part::Bytes(bytes)) => {
                bytes.advance(sent);
                (bytes.is_empty(), Way::Copy)
            }
            Some(Part::File(_, range)) => {
                range.start += sent as u64;
                (range.is_empty(), Way::Sendfile)
            }
            None => return,
        };
        if is_done {
            self.part = None;
        }
        if let Some(body) = &mut self.body {
            body.sent(sent as u64, way);
        }
    }

    /// Of the file, and not of a client that left.
    fn broken_by(&mut self, error: io::Error) -> io::Error {
        let is_of_the_file = error.kind() == io::ErrorKind::UnexpectedEof
            || FILE_TROUBLE.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()));
        if is_of_the_file && let Some(body) = &mut self.body {
            body.broken_by(&error);
        }
        error
    }
}
