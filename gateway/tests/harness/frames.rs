//! HTTP/2 frame by frame (RFC 9113 section 4.1), for what no library would send.

use super::{Connection, Ended, Gateway, Request, tls::offering};
use std::time::{Duration, Instant};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const INITIAL_WINDOW_SIZE: u8 = 4;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        Self { kind, flags, stream, payload: payload.to_vec() }
    }

    /// A request's head, without a body behind it.
    pub(crate) fn request(stream: u32, request: &Request) -> Self {
        Self::new(HEADERS, END_HEADERS | END_STREAM, stream, &head(request))
    }

    pub(crate) fn reset(stream: u32) -> Self {
        Self::new(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
    }

    /// One setting.
    pub(crate) fn setting(id: u8, value: u32) -> Self {
        Self::new(SETTINGS, 0, 0, &[&[0, id][..], &value.to_be_bytes()].concat())
    }

    pub(crate) fn window_update(stream: u32, bytes: u32) -> Self {
        Self::new(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("a frame's length").to_be_bytes();
        let head = [&length[1..], &[self.kind, self.flags], &self.stream.to_be_bytes()].concat();
        [head, self.payload.clone()].concat()
    }

    /// The error code of a GOAWAY or a RST_STREAM.
    #[track_caller]
    pub(crate) fn error_code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("four bytes"))
    }
}

/// A request's head as RFC 7541 section 6.2.2 writes it: literal fields with names of their own.
pub(crate) fn head(request: &Request) -> Vec<u8> {
    let pseudo =
        [(":method", &*request.method), (":scheme", "https"), (":authority", "localhost"), (":path", &*request.target)];
    let fields = pseudo.into_iter().chain(request.headers.iter().map(|(name, value)| (&**name, &**value)));
    fields.flat_map(|(name, value)| field(name, value)).collect()
}

/// One literal field.
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    [vec![0], string(name), string(value)].concat()
}

fn string(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    match text.len() {
        short @ 0..127 => bytes.push(u8::try_from(short).expect("it is under 127")),
        long => {
            bytes.push(127);
            let mut rest = long - 127;
            while rest >= 128 {
                bytes.push(u8::try_from(rest % 128).expect("it is under 128") | 128);
                rest /= 128;
            }
            bytes.push(u8::try_from(rest).expect("it is under 128"));
        }
    }
    bytes.extend(text.bytes());
    bytes
}

/// A connection that has said the preface.
pub(crate) struct Frames {
    connection: Connection,
    ahead: Vec<u8>,
}

impl Gateway {
    /// Opened with the preface and these first settings.
    #[track_caller]
    pub(crate) fn frames(&self, settings: &Frame) -> Frames {
        let tls = offering(self.tls().expect("a gateway that speaks TLS"), &[b"h2"]);
        let mut connection = Connection::open(self.public()).encrypted(Some(&tls));
        connection.send(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), settings.to_bytes()].concat());
        Frames { connection, ahead: Vec::new() }
    }
}

impl Frames {
    #[track_caller]
    pub(crate) fn send(&mut self, frames: &[Frame]) -> &mut Self {
        self.send_bytes(&frames.iter().flat_map(Frame::to_bytes).collect::<Vec<_>>())
    }

    #[track_caller]
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.connection.send(bytes);
        self
    }

    /// The frames that come until `found` is among them, or until the end.
    #[track_caller]
    pub(crate) fn until(&mut self, patience: Duration, found: impl Fn(&Frame) -> bool) -> (Vec<Frame>, Option<Ended>) {
        let deadline = Instant::now() + patience;
        let mut frames = Vec::new();
        loop {
            while let Some(frame) = self.next_whole() {
                let is_found = found(&frame);
                frames.push(frame);
                if is_found {
                    return (frames, None);
                }
            }
            let (more, ended) = self.connection.some_within(deadline.saturating_duration_since(Instant::now()));
            self.ahead.extend(more);
            if let Some(ended) = ended {
                return (frames, Some(ended));
            }
        }
    }

    fn next_whole(&mut self) -> Option<Frame> {
        let &[high, middle, low, kind, flags, a, b, c, d, ref rest @ ..] = self.ahead.as_slice() else { return None };
        let length = usize::try_from(u32::from_be_bytes([0, high, middle, low])).expect("24 bits");
        let payload = rest.get(..length)?.to_vec();
        self.ahead.drain(..9 + length);
        Some(Frame { kind, flags, stream: u32::from_be_bytes([a, b, c, d]), payload })
    }
}
