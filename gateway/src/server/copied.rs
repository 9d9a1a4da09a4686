//! An answer as hyper takes it, for connections whose bytes pass through the process: TLS encrypts them, HTTP/2 frames
//! them.

use crate::{
    body::{Body, Way},
    response::Answer,
    store::{Part, ReadError},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version, header};
use http_body::{Frame, SizeHint};
use rustix::io::pread;
use std::{
    io,
    ops::Range,
    os::fd::OwnedFd,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// A body that copies at most `MOST` bytes of a file at once.
pub(super) struct Copied<const MOST: u64> {
    body: Body,
    /// Bytes that the head names and nothing follows: hyper writes a 304's Content-Length only if the body claims it.
    announced: u64,
}

/// `answer` on a connection of this version.
pub(super) fn response<const MOST: u64>(answer: Answer, version: Version) -> Response<Copied<MOST>> {
    let mut headers: HeaderMap = answer.lines.fields().collect();
    if let Some(length) = answer.length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    // HTTP/2 has no such header: there the stream alone is over (RFC 9113 section 8.2.2).
    if answer.closes && version < Version::HTTP_2 {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let status = answer.lines.status();
    let announced = if status == StatusCode::NOT_MODIFIED { answer.length.unwrap_or(0) } else { 0 };
    let mut response = Response::new(Copied { body: answer.body, announced });
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

impl<const MOST: u64> http_body::Body for Copied<MOST> {
    type Data = Bytes;
    type Error = ReadError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        let part = ready!(self.body.poll_part(cx, MOST));
        Poll::Ready(part.map(|part| {
            let bytes = match part? {
                Part::Bytes(bytes) => bytes,
                Part::File(file, range) => copy(&file, range).map_err(|error| self.body.broken_by(&error))?,
            };
            self.body.sent(bytes.len() as u64, Way::Copy);
            Ok(Frame::data(bytes))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.left() == 0 && self.announced == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.left() + self.announced)
    }
}

/// These bytes of a file, which are in memory; fewer of one that was cut are an error.
fn copy(file: &OwnedFd, range: Range<u64>) -> io::Result<Bytes> {
    let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let at = range.start + bytes.len() as u64;
        if pread(file, rustix::buffer::spare_capacity(&mut bytes), at)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    bytes.truncate(length);
    Ok(bytes.into())
}
