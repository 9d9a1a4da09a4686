//! An answer, byte for byte, and what every error must look like.

use serde_json::Value;

/// What browsers may read, on every answer.
pub(crate) const EXPOSED: &str = "Accept-Ranges, Content-Range, Content-Length, Content-Disposition, Content-Encoding, \
                                  ETag, Last-Modified, Retry-After, X-Request-Id";

/// Status line, headers and body of one answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    head: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// How many bytes follow a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// None, whatever `Content-Length` says.
    Bodiless,
    /// `Content-Length` of them.
    Counted(u64),
}

impl Answer {
    /// The first answer in `bytes`, without its body, and the length of its head. `None` when the head is not whole.
    #[track_caller]
    pub(crate) fn parse_head(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head: String = bytes[..end].iter().map(|byte| *byte as char).collect();
        let mut lines = head.trim_end_matches("\r\n").split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let status = status_line.strip_prefix("HTTP/1.1 ").or_else(|| status_line.strip_prefix("HTTP/1.0 "));
        let Some(status) = status.and_then(|rest| rest.get(..3)?.parse().ok()) else {
            panic!("not a status line: {status_line:?}");
        };
        let headers = lines.map(header_line).collect();
        Some((Self { head, status, headers, body: Vec::new() }, end))
    }

    /// The head of an answer that had no text of its own.
    pub(crate) fn from_head(status: u16, headers: Vec<(String, String)>) -> Self {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        Self { head: format!("{status}\n{lines}"), status, headers, body: Vec::new() }
    }

    /// What the head promises to follow, for a request of this method.
    #[track_caller]
    pub(crate) fn framing(&self, method: &str) -> Framing {
        assert_eq!(self.header("transfer-encoding"), None, "every answer has a length\n{self:?}");
        let length = self.header("content-length").map(|text| text.parse().expect("a length is a number"));
        match (method, self.status) {
            ("HEAD", _) | (_, 100..=199 | 204 | 304) => Framing::Bodiless,
            _ => Framing::Counted(length.unwrap_or_else(|| panic!("no Content-Length\n{}", self.head))),
        }
    }

    pub(crate) fn with_body(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }

    pub(crate) fn head(&self) -> &str {
        &self.head
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Names, in lower case, and values, as they came.
    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The value of a header that is given at most once.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} is given twice\n{}", self.head);
        value
    }

    /// As [`Answer::header`], of one that must be there.
    #[track_caller]
    pub(crate) fn sure_header(&self, name: &str) -> &str {
        self.header(name).unwrap_or_else(|| panic!("{name} is missing\n{}", self.head))
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON: {error}\n{self:?}"))
    }

    /// The error's `code`.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_else(|| panic!("no code\n{self:?}")).to_owned()
    }

    /// 200 with exactly these bytes.
    #[track_caller]
    pub(crate) fn assert_whole(&self, bytes: &[u8]) -> &Self {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.header("content-range"), None, "no Content-Range on a 200");
        assert_eq!(self.sure_header("content-length"), bytes.len().to_string());
        assert!(self.body == bytes, "other bytes than the file's");
        self
    }

    /// 206 with the bytes from `first` to `last`, both included, of this file.
    #[track_caller]
    pub(crate) fn assert_part(&self, file: &[u8], first: usize, last: usize) -> &Self {
        assert_eq!(self.status, 206, "{}", self.head);
        assert_eq!(self.sure_header("content-range"), format!("bytes {first}-{last}/{}", file.len()));
        assert_eq!(self.sure_header("content-length"), (last - first + 1).to_string());
        assert!(self.body == file[first..=last], "other bytes than {first}-{last}");
        self
    }

    /// An error of these words, in the contract's shape.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, error: &str, code: &str) -> &Self {
        self.assert_error_code(status, code);
        assert_eq!(self.json()["error"], error, "{self:?}");
        self
    }

    /// An error with this code, in the contract's shape.
    #[track_caller]
    pub(crate) fn assert_error_code(&self, status: u16, code: &str) -> &Self {
        self.assert_error_shape(status);
        assert_eq!(self.code(), code, "{self:?}");
        self
    }

    /// An error in the contract's shape: JSON that a person can act on, never cached, readable across origins.
    #[track_caller]
    pub(crate) fn assert_error_shape(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        self.assert_error_headers();
        let json = self.json();
        let fields = json.as_object().unwrap_or_else(|| panic!("not an object: {self:?}"));
        for name in ["error", "message", "code", "request_id"] {
            assert!(fields.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty()), "{name}: {self:?}");
        }
        for name in fields.keys() {
            let known = ["error", "message", "code", "request_id", "expired_seconds_ago", "server_time"];
            assert!(known.contains(&name.as_str()), "an unknown field: {name}");
        }
        assert_eq!(json["request_id"], self.sure_header("x-request-id"));
        self
    }

    /// The headers of every error, with or without a body.
    #[track_caller]
    pub(crate) fn assert_error_headers(&self) -> &Self {
        let content_type = self.sure_header("content-type");
        assert!(matches!(content_type, "application/json" | "application/json; charset=utf-8"), "{content_type}");
        assert_eq!(self.sure_header("cache-control"), "no-store");
        assert_eq!(self.sure_header("access-control-allow-origin"), "*");
        assert_eq!(self.sure_header("access-control-expose-headers"), EXPOSED);
        assert!(!self.sure_header("x-request-id").is_empty());
        for name in ["etag", "last-modified", "content-disposition", "content-encoding", "location"] {
            assert_eq!(self.header(name), None, "{name} does not belong on an error");
        }
        self
    }

    /// Whether the connection ends with this answer.
    pub(crate) fn says_close(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

#[track_caller]
fn header_line(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("not a header: {line:?}"));
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    assert!(!name.is_empty() && name.bytes().all(token), "not a header name: {name:?}");
    let value = value.strip_prefix(' ').unwrap_or(value);
    assert!(!value.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f), "a control character: {line:?}");
    (name.to_ascii_lowercase(), value.to_owned())
}
