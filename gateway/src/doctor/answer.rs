//! What a server answered, as it was recorded.

use http::{HeaderMap, HeaderName, StatusCode, header};

/// One answer, or why there is none.
pub(super) type Exchange = Result<Answer, Trouble>;

/// A head, and as much of the body as was asked to be read.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) ended: Ended,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// As its head had promised.
    Whole,
    /// By us, who had read enough.
    Left,
    /// By the server, before its end, or by silence.
    Cut,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    #[error("no connection: {0}")]
    Unreachable(String),
    #[error("no TLS connection: {0}")]
    Tls(String),
    #[error("the connection ended without an answer: {0}")]
    NoAnswer(String),
    #[error("nothing came within {0} s")]
    Silence(u64),
    #[error("the examination had taken too long already")]
    OutOfTime,
}

/// The value of a `Content-Range` with bytes in it. RFC 9110 section 14.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    pub(super) first: u64,
    pub(super) last: u64,
    /// `None` is `*`.
    pub(super) size: Option<u64>,
}

impl ContentRange {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        let size = if size == "*" { None } else { Some(size.parse().ok()?) };
        (first <= last).then_some(Self { first, last, size })
    }

    /// How many bytes it announces.
    pub(super) fn length(&self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

impl Answer {
    /// A field's value. What is not ASCII in it is replaced; it is then what nobody awaits.
    pub(super) fn field(&self, name: &HeaderName) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
    }

    /// Whether a list holds a word, in any case.
    pub(super) fn lists(&self, name: &HeaderName, word: &str) -> bool {
        let lines = self.headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
        lines
            .flat_map(|line| line.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>())
            .any(|item| item.eq_ignore_ascii_case(word))
    }

    pub(super) fn content_range(&self) -> Option<ContentRange> {
        ContentRange::parse(&self.field(&header::CONTENT_RANGE)?)
    }

    pub(super) fn content_length(&self) -> Option<u64> {
        self.field(&header::CONTENT_LENGTH)?.parse().ok()
    }

    /// The whole file's size, as far as this answer tells.
    pub(super) fn size(&self) -> Option<u64> {
        match self.status {
            StatusCode::PARTIAL_CONTENT => self.content_range()?.size,
            StatusCode::OK => self.content_length(),
            _ => None,
        }
    }

    /// Where its bytes lie in the file, if it is one part or the whole.
    pub(super) fn place(&self) -> Option<u64> {
        match self.status {
            StatusCode::PARTIAL_CONTENT => self.content_range().map(|range| range.first),
            StatusCode::OK => Some(0),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_is_read_strictly() {
        let range = |first, last, size| Some(ContentRange { first, last, size });
        for (text, wanted) in [
            ("bytes 0-1/1000", range(0, 1, Some(1000))),
            ("bytes 0-1/*", range(0, 1, None)),
            ("bytes 1-0/1000", None),
            ("bytes */1000", None),
            ("bytes=0-1/1000", None),
            ("bytes 0-1", None),
            ("items 0-1/1000", None),
            ("bytes 0-99999999999999999999/1000", None),
        ] {
            assert_eq!(ContentRange::parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_range_of_every_byte_there_can_be_has_a_length() {
        let all = ContentRange::parse("bytes 0-18446744073709551615/*").unwrap();
        assert_eq!(all.length(), u64::MAX);
    }
}
