//! Objects that clients put into the bucket themselves, with a URL that we signed, and what we take of them.
//!
//! The URL stays valid after that, so what it can write is never what is listed: [`Bucket::accept`] copies what was
//! looked at, and that only, to the key of the file.

use super::{Bucket, Failure, Key, Stored, requests::Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proto::{etag::ETag, storage::loggable_cause};
use reqwest::StatusCode;
use rusty_s3::Method;
use std::time::Duration;
use url::Url;

/// Bytes that a single PUT and a single copy can take.
pub(crate) const MAX_INCOMING: u64 = 5 << 30;

/// As S3 has paths encoded.
const PATH: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Bucket {
    /// A URL by which exactly `size` bytes can be put.
    pub(crate) async fn presign_put(&self, key: &Key, size: u64, expires_in: Duration) -> Result<Url, Failure> {
        let size = size.to_string();
        let headers = [("content-length", size.as_str())];
        let path = self.path(&key.incoming())?;
        let request = Request { method: Method::Put, path: &path, query: &[], headers: &headers };
        self.requests.sign(request, expires_in).await
    }

    /// What was put there, if anything was.
    pub(crate) async fn incoming(&self, key: &Key) -> Result<Option<Stored>, Failure> {
        self.look(&key.incoming()).await
    }

    /// Makes what was looked at the object; can be done again for as long as it lies there.
    ///
    /// # Errors
    /// [`Failure::Lost`] if it is another one by now, or gone.
    pub(crate) async fn accept(&self, key: &Key, etag: &ETag, size: u64) -> Result<Stored, Failure> {
        let path = self.path(key.as_str())?;
        let incoming = self.whole(&key.incoming());
        let source = format!("{}/{}", self.requests.bucket(), utf8_percent_encode(&incoming, &PATH));
        let headers = [("x-amz-copy-source", source.as_str()), ("x-amz-copy-source-if-match", etag.as_str())];
        let request = Request { method: Method::Put, path: &path, query: &[], headers: &headers };
        let (status, body) = self.requests.send(request).await?;
        match status {
            StatusCode::OK => self.confirm(&path, size).await,
            StatusCode::NOT_FOUND | StatusCode::PRECONDITION_FAILED => {
                Err(Failure::Lost("what was put there is not what was looked at".into()))
            }
            status => Err(Failure::Unavailable(
                loggable_cause(&format!("a copy was answered status {}: {body}", status.as_u16())).into(),
            )),
        }
    }
}
