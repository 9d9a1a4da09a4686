//! What can befall one answer of storage.

use std::time::Duration;

/// Places are counted in bytes of the answer's own body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Storage is not asked: this status, with an S3 error document full of canaries.
    Status(u16),
    /// Storage is not asked: these bytes, then the connection is closed.
    Raw(Vec<u8>),
    /// No answer; the connection stays open for as long as the gateway likes.
    Silence,
    /// The connection is closed without an answer.
    HangUp,
    /// A head that comes byte by byte and takes far longer than anybody waits.
    Drip,
    /// The answer comes later.
    Late(Duration),
    /// The answer comes when [`Origin::release`](super::Origin::release) is called.
    Held,
    /// The answer under another status.
    Renamed(u16),
    /// A header of the answer has another value, or is missing.
    Header(&'static str, Option<String>),
    /// The body stops coming; the connection stays open.
    Stall(u64),
    /// The connection is reset in the body.
    Reset(u64),
    /// The connection is closed in the body.
    Close(u64),
    /// So many bytes, and a `Content-Length` that says so.
    Short(u64),
    /// So many bytes more than was asked for, and a `Content-Length` that says so.
    Long(u64),
    /// So many bytes behind the last one that `Content-Length` counts.
    Trailing(u64),
    /// Chunks instead of a `Content-Length`, and an orderly end after so many bytes, or after all of them.
    Chunked(u64),
    /// No `Content-Length`: the body ends with the connection, after so many bytes or after all of them.
    Unframed(u64),
    /// One bit of the byte at this place is another.
    Flip(u64),
}

/// As a place in a body: behind its last byte.
pub(crate) const ALL: u64 = u64::MAX;

/// In every error document of ours, so that a test can look for what must not reach a client.
pub(crate) const CANARY: &str = "canary-of-storage";

/// How a body reaches the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Counted(u64),
    Chunked,
    Unframed,
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// In order; the connection can go on.
    Whole,
    Stall,
    Reset,
    Close,
}

/// What is sent of a body, and how.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) framing: Framing,
    /// Of storage's bytes.
    pub(super) bytes: u64,
    /// Made up, behind them.
    pub(super) extra: u64,
    pub(super) flipped: Option<u64>,
    pub(super) end: End,
}

impl Shape {
    /// Of a body of `length` bytes that befalls `fault`.
    pub(super) fn of(fault: Option<&Fault>, length: u64) -> Self {
        let whole = Self { framing: Framing::Counted(length), bytes: length, extra: 0, flipped: None, end: End::Whole };
        match fault {
            Some(Fault::Stall(at)) => Self { bytes: length.min(*at), end: End::Stall, ..whole },
            Some(Fault::Reset(at)) => Self { bytes: length.min(*at), end: End::Reset, ..whole },
            Some(Fault::Close(at)) => Self { bytes: length.min(*at), end: End::Close, ..whole },
            Some(Fault::Short(at)) => {
                let bytes = length.min(*at);
                Self { framing: Framing::Counted(bytes), bytes, ..whole }
            }
            Some(Fault::Long(extra)) => Self { framing: Framing::Counted(length + extra), extra: *extra, ..whole },
            Some(Fault::Trailing(extra)) => Self { extra: *extra, end: End::Close, ..whole },
            Some(Fault::Chunked(at)) => Self { framing: Framing::Chunked, bytes: length.min(*at), ..whole },
            Some(Fault::Unframed(at)) => {
                Self { framing: Framing::Unframed, bytes: length.min(*at), end: End::Close, ..whole }
            }
            Some(Fault::Flip(at)) => Self { flipped: Some(*at), ..whole },
            _ => whole,
        }
    }
}

/// An error as S3 words it, with everything in it that is nobody's business.
pub(super) fn error_document(status: u16, is_head: bool) -> Vec<u8> {
    let code = match status {
        403 => "AccessDenied",
        404 => "NoSuchKey",
        412 => "PreconditionFailed",
        416 => "InvalidRange",
        503 => "SlowDown",
        _ => "InternalError",
    };
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{CANARY} says no</Message>\
         <BucketName>{CANARY}-bucket</BucketName><AWSAccessKeyId>{CANARY}-key</AWSAccessKeyId>\
         <Endpoint>{CANARY}.example</Endpoint><RequestId>{CANARY}-request</RequestId></Error>"
    );
    let head = format!(
        "HTTP/1.1 {status} {CANARY}\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\
         x-amz-request-id: {CANARY}\r\n\r\n",
        body.len()
    );
    if is_head { head.into_bytes() } else { (head + &body).into_bytes() }
}
