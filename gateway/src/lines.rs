//! The head of an answer.

use http::{HeaderName, HeaderValue, StatusCode};

const LINE_END: &[u8] = b"\r\n";
/// Room for most heads, within what the allocator keeps at hand.
const HEAD: usize = 1024;

/// The lines of an answer's head as HTTP/1.1 writes them (RFC 9112 sections 4 and 5): a status, then fields, each name
/// once. Another protocol reads them.
#[derive(Debug)]
pub(crate) struct Lines {
    status: StatusCode,
    text: Vec<u8>,
}

impl Lines {
    pub(crate) fn new(status: StatusCode) -> Self {
        let mut text = Vec::with_capacity(HEAD);
        text.extend_from_slice(b"HTTP/1.1 ");
        text.extend_from_slice(status.as_str().as_bytes());
        text.push(b' ');
        text.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
        text.extend_from_slice(LINE_END);
        Self { status, text }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn push(&mut self, name: &HeaderName, value: &HeaderValue) {
        write_line(&mut self.text, name, &[value.as_bytes()]);
    }

    /// A value in parts, made of visible ASCII here.
    pub(crate) fn push_parts(&mut self, name: &HeaderName, parts: &[&[u8]]) {
        write_line(&mut self.text, name, parts);
    }

    pub(crate) fn push_number(&mut self, name: &HeaderName, number: u64) {
        self.push_parts(name, &[itoa::Buffer::new().format(number).as_bytes()]);
    }

    /// Lines that were written before.
    pub(crate) fn push_written(&mut self, lines: &[u8]) {
        self.text.extend_from_slice(lines);
    }

    /// Up to the empty line.
    pub(crate) fn into_head(mut self) -> Vec<u8> {
        self.text.extend_from_slice(LINE_END);
        self.text
    }

    /// The fields, for protocols that write them otherwise.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let lines = self.text.split(|b| *b == b'\n').skip(1).filter_map(|line| line.strip_suffix(b"\r"));
        lines.filter_map(|line| {
            let colon = line.iter().position(|b| *b == b':')?;
            let value = line[colon + 1..].strip_prefix(b" ")?;
            Some((HeaderName::from_bytes(&line[..colon]).ok()?, HeaderValue::from_bytes(value).ok()?))
        })
    }
}

/// One field, its value in parts.
pub(crate) fn write_line(text: &mut Vec<u8>, name: &HeaderName, parts: &[&[u8]]) {
    text.extend_from_slice(name.as_str().as_bytes());
    text.extend_from_slice(b": ");
    parts.iter().for_each(|part| text.extend_from_slice(part));
    text.extend_from_slice(LINE_END);
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header;

    #[test]
    fn what_was_written_is_read_as_the_same_fields() {
        let mut lines = Lines::new(StatusCode::PARTIAL_CONTENT);
        lines.push(&header::ETAG, &HeaderValue::from_static("\"a: b\""));
        lines.push_number(&header::AGE, 7);
        lines.push_parts(&header::VIA, &[b"a", b"", b"b"]);
        let fields: Vec<_> = lines.fields().collect();
        let expected = [(header::ETAG, "\"a: b\""), (header::AGE, "7"), (header::VIA, "ab")];
        assert_eq!(fields, expected.map(|(name, value)| (name, HeaderValue::from_static(value))));
        let head = b"HTTP/1.1 206 Partial Content\r\netag: \"a: b\"\r\nage: 7\r\nvia: ab\r\n\r\n";
        assert_eq!(lines.into_head(), head);
    }
}
