//! The protocol's request headers, each read on its own: given at most once, and of its form.

use super::VERSION;
use crate::{body::essence, error::Error};
use axum::http::{HeaderMap, HeaderName};

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_CONCAT: HeaderName = HeaderName::from_static("upload-concat");

/// The media type of bytes that go on with an upload.
pub(super) const OFFSET_STREAM: &str = "application/offset+octet-stream";

/// No offset lies past this: SQL has no larger number.
const MOST: u64 = i64::MAX.unsigned_abs();

/// How long an upload will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Known(u64),
    /// Said with one of its later requests (`creation-defer-length`).
    Deferred,
}

/// A request in another version is not done.
pub(super) fn version(headers: &HeaderMap) -> Result<(), Error> {
    let mut said = headers.get_all(TUS_RESUMABLE).iter();
    match (said.next(), said.next()) {
        (Some(only), None) if only == VERSION => Ok(()),
        _ => Err(Error::ProtocolVersion),
    }
}

/// Where the body goes on.
pub(super) fn offset(headers: &HeaderMap) -> Result<u64, Error> {
    const WHY: &str = "must be given once, as a whole number of bytes";
    let offset = number(headers, &UPLOAD_OFFSET, WHY)?;
    offset.filter(|offset| *offset <= MOST).ok_or(Error::invalid("Upload-Offset", WHY))
}

/// How long a new upload will be. A part of a larger one is refused rather than taken for a whole.
pub(super) fn new_length(headers: &HeaderMap) -> Result<Length, Error> {
    if headers.contains_key(UPLOAD_CONCAT) {
        return Err(Error::invalid("Upload-Concat", "must be left out: uploads are not put together here"));
    }
    match (length(headers)?, one(headers, &UPLOAD_DEFER_LENGTH)?) {
        (Some(length), None) => Ok(Length::Known(length)),
        (None, Some("1")) => Ok(Length::Deferred),
        (None, None) => Err(Error::invalid("Upload-Length", "must be given, or Upload-Defer-Length as 1")),
        (Some(_), Some(_)) => Err(Error::invalid("Upload-Defer-Length", "must be left out where Upload-Length is")),
        (None, Some(_)) => Err(Error::invalid("Upload-Defer-Length", "must be 1")),
    }
}

/// How long an upload is, where that was deferred. What is too large for a number is too large for us.
pub(super) fn length(headers: &HeaderMap) -> Result<Option<u64>, Error> {
    number(headers, &UPLOAD_LENGTH, "must be given once, as a whole number of bytes")
}

/// Whether the body is bytes of the upload.
pub(super) fn has_bytes(headers: &HeaderMap) -> bool {
    essence(headers).as_deref() == Some(OFFSET_STREAM)
}

/// The header's one line.
pub(super) fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Error> {
    let mut lines = headers.get_all(name).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    let text = line.to_str().ok().filter(|_| lines.next().is_none());
    text.map(Some).ok_or_else(|| Error::invalid(shown(name), "must be one line of ASCII"))
}

/// Digits alone; past the largest number there is they count as that.
fn number(headers: &HeaderMap, name: &HeaderName, why: &'static str) -> Result<Option<u64>, Error> {
    let Some(text) = one(headers, name)? else { return Ok(None) };
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(Some(text.parse().unwrap_or(u64::MAX))),
        false => Err(Error::invalid(shown(name), why)),
    }
}

/// As the protocol writes it.
fn shown(name: &HeaderName) -> String {
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    name.as_str().split('-').map(capital).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn one_version_is_spoken() {
        assert!(version(&headers(&[("tus-resumable", "1.0.0")])).is_ok());
        let twice = [("tus-resumable", "1.0.0"), ("tus-resumable", "1.0.0")];
        for bad in [&[][..], &[("tus-resumable", "0.2.2")], &[("tus-resumable", "1.0")], &twice] {
            assert!(matches!(version(&headers(bad)), Err(Error::ProtocolVersion)), "{bad:?}");
        }
    }

    #[test]
    fn an_offset_is_one_whole_number() {
        for (text, offset) in [("0", 0), ("007", 7), ("9223372036854775807", i64::MAX.unsigned_abs())] {
            assert_eq!(super::offset(&headers(&[("upload-offset", text)])).unwrap(), offset);
        }
        for bad in ["", "-1", "+1", "1.0", "1e3", "0x1", " ", "1 2", "9223372036854775808", "18446744073709551616"] {
            assert!(offset(&headers(&[("upload-offset", bad)])).is_err(), "{bad:?}");
        }
        assert!(offset(&headers(&[])).is_err());
        assert!(offset(&headers(&[("upload-offset", "1"), ("upload-offset", "1")])).is_err());
    }

    #[test]
    fn a_length_is_known_or_deferred() {
        let read = |lines: &[(&'static str, &str)]| new_length(&headers(lines));
        assert_eq!(read(&[("upload-length", "0")]).unwrap(), Length::Known(0));
        assert_eq!(read(&[("upload-length", &"9".repeat(400))]).unwrap(), Length::Known(u64::MAX));
        assert_eq!(read(&[("upload-defer-length", "1")]).unwrap(), Length::Deferred);
        for bad in [
            &[][..],
            &[("upload-length", "-1")],
            &[("upload-length", "1"), ("upload-length", "1")],
            &[("upload-length", "1"), ("upload-defer-length", "1")],
            &[("upload-defer-length", "0")],
            &[("upload-length", "1"), ("upload-concat", "partial")],
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_header_as_the_protocol_writes_it() {
        let refused = new_length(&headers(&[("upload-length", "x")])).unwrap_err();
        assert!(refused.answer().message.starts_with("`Upload-Length` "), "{}", refused.answer().message);
    }

    #[test]
    fn bytes_of_an_upload_say_so() {
        for (text, holds) in [
            ("application/offset+octet-stream", true),
            ("Application/Offset+Octet-Stream; x=y", true),
            ("application/octet-stream", false),
            ("", false),
        ] {
            assert_eq!(has_bytes(&headers(&[("content-type", text)])), holds, "{text}");
        }
        assert!(!has_bytes(&headers(&[])));
    }
}
