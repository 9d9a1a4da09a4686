//! From a request's headers and a file's row to a plan: status, head, and what the body is made of. Pure.

use crate::{
    body::{Body, Piece},
    conditional::{Outcome, Validators},
    lines::{Lines, write_line},
    range::Cut,
    reject::Reject,
    request::{Field, Head},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proto::{
    catalog::FileEntry,
    media,
    signed_url::{Disposition, Grant},
};
use std::{
    ops::Range,
    time::{Duration, UNIX_EPOCH},
};

/// A player may reuse what it has for this long, and never past the URL's life. In seconds.
const MAX_AGE: u64 = 3600;
const LONGEST: &str = "private, max-age=3600";
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

/// A file's row, and the lines that are the same in all its answers: made once a row, not once a request.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) entry: FileEntry,
    media_type: HeaderValue,
    /// Of all its answers.
    lines: Vec<u8>,
    /// Of those that are the file's own bytes, for a URL that says nothing about how to show it.
    usual_lines: Vec<u8>,
}

/// All of an answer. Its head is `lines`, `length`, and what belongs to the connection.
pub(crate) struct Answer {
    pub(crate) lines: Lines,
    /// Content-Length, where the answer has one.
    pub(crate) length: Option<u64>,
    /// No request may follow on this connection, where it serves one after another.
    pub(crate) closes: bool,
    pub(crate) body: Body,
    /// Unix seconds.
    pub(crate) date: u64,
}

/// What will be answered, once storage has opened.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) lines: Lines,
    /// Content-Length.
    pub(crate) length: u64,
    /// Empty for HEAD, 304 and an empty file.
    pub(crate) pieces: Vec<Piece>,
}

/// What a plan is decided from. `now` is in Unix seconds.
pub(crate) struct Question<'a> {
    pub(crate) head: &'a Head,
    pub(crate) grant: &'a Grant,
    pub(crate) file: &'a Described,
    pub(crate) now: u64,
}

impl Described {
    pub(crate) fn new(entry: FileEntry) -> Self {
        let modified = UNIX_EPOCH + Duration::from_secs(entry.modified_at.min(LAST_HTTP_DATE));
        let stored = HeaderValue::from_str(&entry.content_type).ok().filter(|value| !value.is_empty());
        let media_type = stored.unwrap_or_else(|| HeaderValue::from_static(media::of_name(&entry.filename)));
        let (mut lines, mut usual_lines) = (Vec::new(), Vec::new());
        for (name, value) in [
            (header::ACCEPT_RANGES, "bytes"),
            (header::ETAG, entry.etag.as_str()),
            (header::LAST_MODIFIED, &httpdate::fmt_http_date(modified)),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"),
        ] {
            write_line(&mut lines, &name, &[value.as_bytes()]);
        }
        write_line(&mut usual_lines, &header::CONTENT_TYPE, &[media_type.as_bytes()]);
        let disposition = content_disposition(Disposition::Attachment, &entry.filename);
        write_line(&mut usual_lines, &header::CONTENT_DISPOSITION, &[disposition.as_bytes()]);
        Self { media_type, lines, usual_lines, entry }
    }

    fn media_type(&self) -> &str {
        self.media_type.to_str().unwrap_or_default()
    }

    /// What the URL says of showing and naming the file, as far as that is safe; `None` where it says nothing.
    fn content_disposition(&self, grant: &Grant) -> Option<String> {
        if grant.disposition().is_none() && grant.filename().is_none() {
            return None;
        }
        let inline = grant.disposition() == Some(Disposition::Inline) && media::may_be_inline(self.media_type());
        let disposition = if inline { Disposition::Inline } else { Disposition::Attachment };
        Some(content_disposition(disposition, grant.filename().unwrap_or(&self.entry.filename)))
    }
}

impl Plan {
    /// Conditions first, then the range, as RFC 9110 section 13.2.2 orders them.
    pub(crate) fn decide(question: &Question<'_>) -> Result<Self, Reject> {
        let file = &question.file.entry;
        let validators = Validators { etag: &file.etag, modified_at: file.modified_at };
        match validators.evaluate(question.head) {
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
        match self.head.one(Field::Range) {
            Some(range) if self.head.method == Method::GET && validators.allows_range(self.head) => {
                Cut::resolve(range, self.size())
            }
            _ => Cut::Whole,
        }
    }

    fn size(&self) -> u64 {
        self.file.entry.size
    }

    fn not_modified(&self) -> Plan {
        self.plan(StatusCode::NOT_MODIFIED, self.size(), Vec::new(), None)
    }

    fn whole(&self) -> Plan {
        let is_sent = self.head.method == Method::GET && self.size() > 0;
        let pieces = is_sent.then_some(Piece::Range(0..self.size()));
        self.plan(StatusCode::OK, self.size(), pieces.into_iter().collect(), None)
    }

    fn part(&self, range: Range<u64>) -> Plan {
        let length = range.end - range.start;
        let mut plan = self.plan(StatusCode::PARTIAL_CONTENT, length, vec![Piece::Range(range.clone())], None);
        with_content_range(&range, self.size(), |parts| plan.lines.push_parts(&header::CONTENT_RANGE, parts));
        plan
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
            let head = format!("{line}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: ");
            let content_range = with_content_range(range, self.size(), |parts| parts.concat());
            pieces.push(Piece::Text(Bytes::from([head.as_bytes(), &content_range, b"\r\n\r\n"].concat())));
            pieces.push(Piece::Range(range.clone()));
        }
        pieces.push(Piece::Text(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
        let length = pieces.iter().map(Piece::len).sum();
        self.plan(
            StatusCode::PARTIAL_CONTENT,
            length,
            pieces,
            Some(&format!("multipart/byteranges; boundary={boundary}")),
        )
    }

    /// Of the file's own media type, unless another is given.
    fn plan(&self, status: StatusCode, length: u64, pieces: Vec<Piece>, media_type: Option<&str>) -> Plan {
        let (file, mut lines) = (self.file, Lines::new(status));
        lines.push_written(&file.lines);
        match (media_type, file.content_disposition(self.grant)) {
            (None, None) => lines.push_written(&file.usual_lines),
            (media_type, disposition) => {
                let of_file = || content_disposition(Disposition::Attachment, &file.entry.filename);
                let media_type = media_type.unwrap_or(file.media_type());
                lines.push_parts(&header::CONTENT_TYPE, &[media_type.as_bytes()]);
                let disposition = disposition.unwrap_or_else(of_file);
                lines.push_parts(&header::CONTENT_DISPOSITION, &[disposition.as_bytes()]);
            }
        }
        match self.grant.expires().saturating_sub(self.now) {
            MAX_AGE.. => lines.push_parts(&header::CACHE_CONTROL, &[LONGEST.as_bytes()]),
            left => {
                let left = itoa::Buffer::new().format(left).to_owned();
                lines.push_parts(&header::CACHE_CONTROL, &[b"private, max-age=", left.as_bytes()]);
            }
        }
        Plan { lines, length, pieces }
    }
}

/// Section 14.4, by its parts.
fn with_content_range<T>(range: &Range<u64>, size: u64, write: impl FnOnce(&[&[u8]]) -> T) -> T {
    let (mut first, mut last, mut all) = (itoa::Buffer::new(), itoa::Buffer::new(), itoa::Buffer::new());
    let numbers = [first.format(range.start), last.format(range.end - 1), all.format(size)].map(str::as_bytes);
    write(&[b"bytes ", numbers[0], b"-", numbers[1], b"/", numbers[2]])
}

/// RFC 6266 with RFC 8187: a name for every client, and the true one for those that read UTF-8.
fn content_disposition(disposition: Disposition, name: &str) -> String {
    let ascii: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let utf8 = utf8_percent_encode(name, NOT_ATTR_CHAR);
    format!("{disposition}; filename=\"{ascii}\"; filename*=UTF-8''{utf8}")
}

/// What every client reads alike inside a quoted string; `%` is left out because some decode it there.
fn is_plain(c: char) -> bool {
    (' '..='~').contains(&c) && !matches!(c, '"' | '\\' | '%' | '/')
}
