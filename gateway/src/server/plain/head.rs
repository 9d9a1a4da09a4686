//! A request's head. `httparse` reads its lines; what they mean for the connection is decided here, and where that can
//! be read two ways there is no request (RFC 9112 section 6.3).

use crate::request::{Field, Head};
use http::{HeaderName, Method, StatusCode, Uri, Version, header};
use std::mem::MaybeUninit;

/// A request's whole head must fit.
pub(crate) const MAX_HEAD: usize = 16 * 1024;
const MAX_FIELDS: usize = 100;

/// One request, and what it asks of its connection.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) head: Head,
    /// Some, or of a length that only the client knows.
    pub(super) has_body: bool,
    /// Another request may follow.
    pub(super) persists: bool,
}

/// No request: the status that says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) StatusCode);

const BAD: Malformed = Malformed(StatusCode::BAD_REQUEST);
const TOO_LARGE: Malformed = Malformed(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);

/// The request at the beginning of what has arrived, and the length of its head; `None` while there is more to come.
///
/// # Errors
/// What has arrived is no request, and what follows cannot make it one.
pub(super) fn read(arrived: &[u8]) -> Result<Option<(Asked, usize)>, Malformed> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let length = match parsed.parse_with_uninit_headers(arrived, &mut fields) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if arrived.len() < MAX_HEAD => return Ok(None),
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => return Err(TOO_LARGE),
        Err(_) => return Err(BAD),
    };
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let mut head = head(&parsed, version).ok_or(BAD)?;
    let mut connection = Lines::default();
    for field in parsed.headers.iter() {
        match Field::named(field.name) {
            Some(own) => head.push(own, field.value),
            None => connection.note(field)?,
        }
    }
    let has_body = connection.has_body(version)?;
    // A body is not read, so nothing behind it can be.
    let persists = connection.persists(version) && !has_body;
    Ok(Some((Asked { head, has_body, persists }, length)))
}

/// RFC 9112 section 3.2: of an absolute form, path and query are what counts.
fn head(parsed: &httparse::Request<'_, '_>, version: Version) -> Option<Head> {
    let (method, target) = (Method::from_bytes(parsed.method?.as_bytes()).ok()?, parsed.path?);
    if target.starts_with('/') {
        return Some(Head::new(method, version, target));
    }
    let target = Uri::try_from(target).ok()?;
    Some(Head::new(method, version, target.path_and_query().map_or("", |target| target.as_str())))
}

/// The fields that are about the connection.
#[derive(Default)]
struct Lines {
    closes: bool,
    keeps_alive: bool,
    length: Option<u64>,
    is_chunked: bool,
}

impl Lines {
    fn note(&mut self, field: &httparse::Header<'_>) -> Result<(), Malformed> {
        let is = |name: &HeaderName| field.name.eq_ignore_ascii_case(name.as_str());
        if is(&header::CONNECTION) {
            self.closes |= lists(field.value, b"close");
            self.keeps_alive |= lists(field.value, b"keep-alive");
        } else if is(&header::CONTENT_LENGTH) {
            let length = length(field.value).ok_or(BAD)?;
            if self.length.is_some_and(|other| other != length) {
                return Err(BAD);
            }
            self.length = Some(length);
        } else if is(&header::TRANSFER_ENCODING) {
            // One coding alone, given once: anything else another server might read differently.
            if self.is_chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                return Err(BAD);
            }
            self.is_chunked = true;
        }
        Ok(())
    }

    /// RFC 9112 section 6.1: of both, and in HTTP/1.0, the coding cannot be trusted.
    fn has_body(&self, version: Version) -> Result<bool, Malformed> {
        match (self.is_chunked, self.length) {
            (true, Some(_)) => Err(BAD),
            (true, None) if version == Version::HTTP_10 => Err(BAD),
            (is_chunked, length) => Ok(is_chunked || length.is_some_and(|length| length > 0)),
        }
    }

    /// RFC 9112 section 9.3.
    fn persists(&self, version: Version) -> bool {
        !self.closes && (version == Version::HTTP_11 || self.keeps_alive)
    }
}

/// RFC 9110 section 8.6, without the list of equal lengths that a recipient may take.
fn length(value: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    // The largest is what some parsers take for "none".
    digits.parse().ok().filter(|length| *length < u64::MAX)
}

fn lists(value: &[u8], token: &[u8]) -> bool {
    value.split(|b| *b == b',').any(|element| element.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(lines: &str) -> Asked {
        let text = format!("{lines}\r\n\r\n").replace('\n', "\r\n").replace("\r\r", "\r");
        read(text.as_bytes()).unwrap().unwrap().0
    }

    #[test]
    fn only_what_an_answer_depends_on_is_kept() {
        let asked =
            asked("GET /a?b HTTP/1.1\nhOsT: h\nrange: bytes=0-1\nRange: bytes=2-3\nCookie: private\nAccept: */*");
        assert_eq!((asked.head.path(), asked.head.query()), ("/a", "b"));
        assert_eq!(asked.head.one(Field::Host), Some("h"));
        assert_eq!(asked.head.all(Field::Range).count(), 2);
        assert!(!format!("{:?}", asked.head).contains("private"));
    }

    #[test]
    fn a_connection_goes_on_as_its_version_and_its_client_have_it() {
        for (lines, persists) in [
            ("GET / HTTP/1.1", true),
            ("GET / HTTP/1.1\nConnection: close", false),
            ("GET / HTTP/1.1\nConnection: x, Close ,y", false),
            ("GET / HTTP/1.1\nConnection: keep-alive\nConnection: close", false),
            ("GET / HTTP/1.1\nConnection: closed", true),
            ("GET / HTTP/1.0", false),
            ("GET / HTTP/1.0\nConnection: Keep-Alive", true),
            ("GET / HTTP/1.1\nContent-Length: 1", false),
            ("GET / HTTP/1.1\nContent-Length: 0", true),
        ] {
            assert_eq!(asked(lines).persists, persists, "{lines}");
        }
    }

    #[test]
    fn every_beginning_of_a_request_waits_for_more() {
        let whole = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET";
        for length in 0..whole.len() - 3 {
            assert!(read(&whole[..length]).unwrap().is_none(), "{length}");
        }
        assert_eq!(read(whole).unwrap().unwrap().1, whole.len() - 3);
    }
}
