//! From a request's headers and a file's row to a plan: status, head, and what the body is made of. Pure.

use crate::{
    body::{Body, Piece},
    conditional::{Outcome, Validators},
    range::Cut,
    reject::Reject,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proto::{
    catalog::FileEntry,
    media,
    signed_url::{Disposition, Grant},
};
use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

/// A player may reuse what it has for this long, and never past the URL's life. In seconds.
const MAX_AGE: u64 = 3600;
const LONGEST: &str = "private, max-age=3600";
/// Room for those of an answer that are not its file's.
const FIELDS: usize = 8;
/// 9999-12-31, the last day that an HTTP date can name.
const LAST_HTTP_DATE: u64 = 253_402_300_799;
/// RFC 8187 section 3.2.1 `attr-char`: what `filename*` may hold as it is.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Header fields in the order in which they are written, each name once.
pub(crate) type Fields = Vec<(HeaderName, HeaderValue)>;

/// A file's row, and the headers that are the same in all its answers: made once a row, not once a request.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) entry: FileEntry,
    media_type: HeaderValue,
    /// Of a URL that says nothing about it.
    disposition: HeaderValue,
    fields: Fields,
    /// `fields` as HTTP/1.1 writes them.
    lines: Vec<u8>,
}

/// All of an answer. Its head is [`Answer::fields`], `length`, and what belongs to the connection.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Whose fields come first.
    pub(crate) file: Option<Arc<Described>>,
    pub(crate) fields: Fields,
    /// Content-Length, where the answer has one.
    pub(crate) length: Option<u64>,
    /// No request may follow on this connection, where it serves one after another.
    pub(crate) closes: bool,
    pub(crate) body: Body,
    /// Unix seconds.
    pub(crate) date: u64,
}

impl Answer {
    pub(crate) fn fields(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.file.iter().flat_map(|file| &file.fields).chain(&self.fields)
    }
}

/// What will be answered, once storage has opened.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) status: StatusCode,
    /// Beside those of the file.
    pub(crate) fields: Fields,
    /// Content-Length.
    pub(crate) length: u64,
    /// Empty for HEAD, 304 and an empty file.
    pub(crate) pieces: Vec<Piece>,
}

/// What a plan is decided from. `now` is in Unix seconds.
pub(crate) struct Question<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) grant: &'a Grant,
    pub(crate) file: &'a Described,
    pub(crate) now: u64,
}

impl Described {
    pub(crate) fn new(entry: FileEntry) -> Self {
        let modified = UNIX_EPOCH + Duration::from_secs(entry.modified_at.min(LAST_HTTP_DATE));
        let stored = HeaderValue::from_str(&entry.content_type).ok().filter(|value| !value.is_empty());
        let fields = vec![
            (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
            (header::ETAG, text(entry.etag.as_str().to_owned())),
            (header::LAST_MODIFIED, text(httpdate::fmt_http_date(modified))),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin")),
        ];
        let mut lines = Vec::new();
        write_lines(&mut lines, &fields);
        Self {
            media_type: stored.unwrap_or_else(|| HeaderValue::from_static(media::of_name(&entry.filename))),
            disposition: content_disposition(Disposition::Attachment, &entry.filename),
            fields,
            lines,
            entry,
        }
    }

    /// Those of its fields that all its answers carry, as HTTP/1.1 writes them.
    pub(crate) fn lines(&self) -> &[u8] {
        &self.lines
    }

    fn media_type(&self) -> &str {
        self.media_type.to_str().unwrap_or_default()
    }

    /// What the URL says of showing and naming the file, as far as that is safe.
    fn content_disposition(&self, grant: &Grant) -> HeaderValue {
        if grant.disposition().is_none() && grant.filename().is_none() {
            return self.disposition.clone();
        }
        let inline = grant.disposition() == Some(Disposition::Inline) && media::may_be_inline(self.media_type());
        let disposition = if inline { Disposition::Inline } else { Disposition::Attachment };
        content_disposition(disposition, grant.filename().unwrap_or(&self.entry.filename))
    }
}

impl Plan {
    /// Conditions first, then the range, as RFC 9110 section 13.2.2 orders them.
    pub(crate) fn decide(question: &Question<'_>) -> Result<Self, Reject> {
        let file = &question.file.entry;
        let validators = Validators { etag: &file.etag, modified_at: file.modified_at };
        match validators.evaluate(question.headers) {
            Outcome::Failed => return Err(Reject::PreconditionFailed),
            Outcome::NotModified => return Ok(question.not_modified()),
            Outcome::Proceed => {}
        }
        let size = file.size;
        match question.cut(validators) {
            Cut::Whole => Ok(question.whole()),
            Cut::One(range) => Ok(question.part(range)),
            Cut::Many(ranges) => Ok(question.parts(&ranges)),
            Cut::Unsatisfiable => Err(Reject::Unsatisfiable { size }),
        }
    }
}

impl Question<'_> {
    /// Section 14.2: a Range counts on GET only, and only one line of it.
    fn cut(&self, validators: Validators<'_>) -> Cut {
        let mut lines = self.headers.get_all(header::RANGE).iter();
        match (lines.next().and_then(|line| line.to_str().ok()), lines.next()) {
            (Some(range), None) if self.method == Method::GET && validators.allows_range(self.headers) => {
                Cut::resolve(range, self.size())
            }
            _ => Cut::Whole,
        }
    }

    fn size(&self) -> u64 {
        self.file.entry.size
    }

    fn not_modified(&self) -> Plan {
        self.plan(StatusCode::NOT_MODIFIED, self.size(), Vec::new(), self.media_type())
    }

    fn whole(&self) -> Plan {
        let is_sent = self.method == Method::GET && self.size() > 0;
        let pieces = is_sent.then_some(Piece::Range(0..self.size()));
        self.plan(StatusCode::OK, self.size(), pieces.into_iter().collect(), self.media_type())
    }

    fn part(&self, range: Range<u64>) -> Plan {
        let (content_range, length) = (self.content_range(&range), range.end - range.start);
        let mut plan = self.plan(StatusCode::PARTIAL_CONTENT, length, vec![Piece::Range(range)], self.media_type());
        plan.fields.push((header::CONTENT_RANGE, content_range));
        plan
    }

    fn media_type(&self) -> HeaderValue {
        self.file.media_type.clone()
    }

    /// Section 14.6. The boundary cannot occur in a part's headers; in a part's bytes it may, and does no harm:
    /// a reader that honours each part's Content-Range takes its length from there, and ours is unpredictable enough
    /// that a file cannot be made to hold it.
    fn parts(&self, ranges: &[Range<u64>]) -> Plan {
        let boundary = uuid::Uuid::now_v7().simple().to_string();
        let media_type = self.file.media_type();
        let mut pieces = Vec::with_capacity(ranges.len() * 2 + 1);
        for range in ranges {
            let line = if pieces.is_empty() { "" } else { "\r\n" };
            let content_range = self.content_range(range);
            let content_range = content_range.to_str().unwrap_or_default();
            let head =
                format!("{line}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {content_range}\r\n\r\n");
            pieces.push(Piece::Text(Bytes::from(head)));
            pieces.push(Piece::Range(range.clone()));
        }
        pieces.push(Piece::Text(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
        let length = pieces.iter().map(Piece::len).sum();
        let media_type = text(format!("multipart/byteranges; boundary={boundary}"));
        self.plan(StatusCode::PARTIAL_CONTENT, length, pieces, media_type)
    }

    fn plan(&self, status: StatusCode, length: u64, pieces: Vec<Piece>, media_type: HeaderValue) -> Plan {
        let mut fields = Vec::with_capacity(FIELDS);
        fields.push((header::CONTENT_TYPE, media_type));
        fields.push((header::CACHE_CONTROL, self.cache_control()));
        fields.push((header::CONTENT_DISPOSITION, self.file.content_disposition(self.grant)));
        Plan { status, fields, length, pieces }
    }

    fn cache_control(&self) -> HeaderValue {
        match self.grant.expires().saturating_sub(self.now) {
            MAX_AGE.. => HeaderValue::from_static(LONGEST),
            left => text(format!("private, max-age={left}")),
        }
    }

    /// Section 14.4.
    fn content_range(&self, range: &Range<u64>) -> HeaderValue {
        let (mut first, mut last, mut size) = (itoa::Buffer::new(), itoa::Buffer::new(), itoa::Buffer::new());
        let pieces =
            ["bytes ", first.format(range.start), "-", last.format(range.end - 1), "/", size.format(self.size())];
        text(pieces.concat())
    }
}

/// As HTTP/1.1 writes fields: RFC 9112 section 5.
pub(crate) fn write_lines<'a>(lines: &mut Vec<u8>, fields: impl IntoIterator<Item = &'a (HeaderName, HeaderValue)>) {
    for (name, value) in fields {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value.as_bytes());
        lines.extend_from_slice(b"\r\n");
    }
}

/// RFC 6266 with RFC 8187: a name for every client, and the true one for those that read UTF-8.
fn content_disposition(disposition: Disposition, name: &str) -> HeaderValue {
    let ascii: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let utf8 = utf8_percent_encode(name, NOT_ATTR_CHAR);
    text(format!("{disposition}; filename=\"{ascii}\"; filename*=UTF-8''{utf8}"))
}

/// What every client reads alike inside a quoted string; `%` is left out because some decode it there.
fn is_plain(c: char) -> bool {
    (' '..='~').contains(&c) && !matches!(c, '"' | '\\' | '%' | '/')
}

/// Of text that was made of visible ASCII above, or checked.
fn text(ascii: String) -> HeaderValue {
    HeaderValue::try_from(ascii).expect("made of visible ASCII")
}
