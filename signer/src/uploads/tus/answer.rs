//! What an answer says of an upload.

use super::headers::{UPLOAD_DEFER_LENGTH, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET};
use crate::catalog::{State, UploadRow};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
/// The id of the file that an upload became.
const UPLOAD_FILE_ID: HeaderName = HeaderName::from_static("upload-file-id");

/// A line each.
const UPLOAD_WARNING: HeaderName = HeaderName::from_static("upload-warning");

/// How an upload stands after a request.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) offset: u64,
    /// Unix milliseconds.
    pub(super) expires_at: i64,
    /// Once it is one.
    pub(super) file: Option<String>,
    /// What its uploader should know of it, a sentence each.
    pub(super) warnings: Vec<String>,
}

impl Standing {
    pub(super) fn of(upload: &UploadRow) -> Self {
        let file = (upload.state == State::Finished).then(|| upload.id.to_string());
        Self { offset: upload.received, expires_at: upload.expires_at, file, warnings: Vec::new() }
    }

    /// What is finished does not expire as an upload, whatever becomes of the file.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(UPLOAD_OFFSET, HeaderValue::from(self.offset));
        match &self.file {
            Some(id) => set(headers, UPLOAD_FILE_ID, id),
            None => set(headers, UPLOAD_EXPIRES, &http_date(self.expires_at)),
        }
        for value in self.warnings.iter().filter_map(|warning| HeaderValue::from_str(warning).ok()) {
            headers.append(UPLOAD_WARNING, value);
        }
    }
}

/// What was said of it when it was begun.
pub(super) fn describe(upload: &UploadRow, headers: &mut HeaderMap) {
    match upload.declared_size {
        Some(length) => headers.insert(UPLOAD_LENGTH, HeaderValue::from(length)),
        None => headers.insert(UPLOAD_DEFER_LENGTH, HeaderValue::from_static("1")),
    };
    if let Some(told) = upload.description.terms.as_ref().and_then(|terms| terms.told.as_deref()) {
        set(headers, UPLOAD_METADATA, told);
    }
}

/// A text that came from a header, or from digits and letters, is one again.
fn set(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// RFC 9110 section 5.6.7.
fn http_date(unix_millis: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(unix_millis).unwrap_or_default();
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_as_http_has_it() {
        assert_eq!(http_date(784_111_777_999), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn an_upload_expires_until_it_is_a_file() {
        let lines = |file: Option<&str>| {
            let mut headers = HeaderMap::new();
            Standing { offset: 7, expires_at: 0, file: file.map(Into::into), warnings: Vec::new() }.write(&mut headers);
            let line = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap().to_owned());
            ["upload-offset", "upload-expires", "upload-file-id"].map(line)
        };
        let [offset, expires, file] = lines(None);
        assert_eq!((offset.as_deref(), file), (Some("7"), None));
        assert_eq!(expires.as_deref(), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
        assert_eq!(lines(Some("f")), [Some("7".into()), None, Some("f".into())]);
    }
}
