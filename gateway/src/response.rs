//! From a request's headers and a file's row to a plan: status, head, and what the body is made of. Pure.

use crate::{
    body::Piece,
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
    time::{Duration, UNIX_EPOCH},
};

/// A player may reuse what it has for this long, and never past the URL's life. In seconds.
const MAX_AGE: u64 = 3600;
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

/// What will be answered, once storage has opened.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Empty for HEAD, 304 and an empty file.
    pub(crate) pieces: Vec<Piece>,
    /// Of a 304: the length that its head names and nothing follows. Storage is not asked then.
    pub(crate) announced: Option<u64>,
}

/// What a plan is decided from. `now` is in Unix seconds.
pub(crate) struct Question<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) grant: &'a Grant,
    pub(crate) file: &'a FileEntry,
    pub(crate) now: u64,
}

impl Plan {
    /// Conditions first, then the range, as RFC 9110 section 13.2.2 orders them.
    pub(crate) fn decide(question: &Question<'_>) -> Result<Self, Reject> {
        let validators = Validators { etag: &question.file.etag, modified_at: question.file.modified_at };
        match validators.evaluate(question.headers) {
            Outcome::Failed => return Err(Reject::PreconditionFailed),
            Outcome::NotModified => return Ok(question.not_modified()),
            Outcome::Proceed => {}
        }
        let size = question.file.size;
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
                Cut::resolve(range, self.file.size)
            }
            _ => Cut::Whole,
        }
    }

    fn not_modified(&self) -> Plan {
        let plan = self.plan(StatusCode::NOT_MODIFIED, self.file.size, Vec::new());
        Plan { announced: Some(self.file.size), ..plan }
    }

    fn whole(&self) -> Plan {
        let is_sent = self.method == Method::GET && self.file.size > 0;
        let pieces = is_sent.then_some(Piece::Range(0..self.file.size));
        self.plan(StatusCode::OK, self.file.size, pieces.into_iter().collect())
    }

    fn part(&self, range: Range<u64>) -> Plan {
        let content_range = self.content_range(&range);
        let mut plan = self.plan(StatusCode::PARTIAL_CONTENT, range.end - range.start, vec![Piece::Range(range)]);
        plan.headers.insert(header::CONTENT_RANGE, text(&content_range));
        plan
    }

    /// Section 14.6. The boundary cannot occur in a part's headers; in a part's bytes it may, and does no harm:
    /// a reader that honours each part's Content-Range takes its length from there, and ours is unpredictable enough
    /// that a file cannot be made to hold it.
    fn parts(&self, ranges: &[Range<u64>]) -> Plan {
        let boundary = uuid::Uuid::now_v7().simple().to_string();
        let media_type = self.content_type();
        let mut pieces = Vec::with_capacity(ranges.len() * 2 + 1);
        for range in ranges {
            let line = if pieces.is_empty() { "" } else { "\r\n" };
            let content_range = self.content_range(range);
            let head =
                format!("{line}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {content_range}\r\n\r\n");
            pieces.push(Piece::Text(Bytes::from(head)));
            pieces.push(Piece::Range(range.clone()));
        }
        pieces.push(Piece::Text(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
        let length = pieces.iter().map(Piece::len).sum();
        let mut plan = self.plan(StatusCode::PARTIAL_CONTENT, length, pieces);
        plan.headers.insert(header::CONTENT_TYPE, text(&format!("multipart/byteranges; boundary={boundary}")));
        plan
    }

    fn plan(&self, status: StatusCode, length: u64, pieces: Vec<Piece>) -> Plan {
        let modified = UNIX_EPOCH + Duration::from_secs(self.file.modified_at.min(LAST_HTTP_DATE));
        let max_age = MAX_AGE.min(self.grant.expires().saturating_sub(self.now));
        let headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, text(self.content_type())),
            (header::CONTENT_LENGTH, HeaderValue::from(length)),
            (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
            (header::ETAG, text(self.file.etag.as_str())),
            (header::LAST_MODIFIED, text(&httpdate::fmt_http_date(modified))),
            (header::CACHE_CONTROL, text(&format!("private, max-age={max_age}"))),
            (header::CONTENT_DISPOSITION, text(&self.content_disposition())),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin")),
        ]);
        Plan { status, headers, pieces, announced: None }
    }

    fn content_range(&self, range: &Range<u64>) -> String {
        format!("bytes {}-{}/{}", range.start, range.end - 1, self.file.size)
    }

    fn content_type(&self) -> &str {
        match self.file.content_type.as_str() {
            stored if HeaderValue::from_str(stored).is_ok() && !stored.is_empty() => stored,
            _ => media::of_name(&self.file.filename),
        }
    }

    /// RFC 6266 with RFC 8187: a name for every client, and the true one for those that read UTF-8.
    fn content_disposition(&self) -> String {
        let inline = self.grant.disposition() == Some(Disposition::Inline) && media::may_be_inline(self.content_type());
        let disposition = if inline { Disposition::Inline } else { Disposition::Attachment };
        let name = self.grant.filename().unwrap_or(&self.file.filename);
        let ascii: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
        let utf8 = utf8_percent_encode(name, NOT_ATTR_CHAR);
        format!("{disposition}; filename=\"{ascii}\"; filename*=UTF-8''{utf8}")
    }
}

/// What every client reads alike inside a quoted string; `%` is left out because some decode it there.
fn is_plain(c: char) -> bool {
    (' '..='~').contains(&c) && !matches!(c, '"' | '\\' | '%' | '/')
}

/// Of text that was made of visible ASCII above, or checked.
fn text(ascii: &str) -> HeaderValue {
    HeaderValue::from_str(ascii).expect("made of visible ASCII")
}
