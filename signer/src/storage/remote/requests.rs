//! What S3 can do and the object store cannot be asked for: requests signed by URL, sent with a client of their own.

use super::{CONNECT_TIMEOUT, Failure, RETRIES, RETRY_TIMEOUT};
use crate::clock;
use jiff::Timestamp;
use object_store::{
    aws::{AmazonS3, AwsCredential},
    path::Path,
    signer::Signer,
};
use proto::storage::loggable_cause;
use reqwest::{Client, Response, StatusCode, header::HeaderMap, redirect};
use rusty_s3::{Method, signing};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use url::Url;

/// How long a URL that we use ourselves is valid.
const OWN_USE: Duration = Duration::from_secs(60 * 15);
const PAUSE: Duration = Duration::from_millis(200);
/// Bytes of an answer; a page of multipart uploads has a thousand, some 500 bytes each.
const MAX_ANSWER: usize = 4 << 20;

/// One request: what it is of, and every query parameter and header that is signed, sorted by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) path: &'a Path,
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) headers: &'a [(&'static str, &'a str)],
    /// For one try.
    pub(super) patience: Duration,
}

#[derive(Debug, Clone)]
pub(super) struct Requests {
    store: Arc<AmazonS3>,
    bucket: Arc<str>,
    client: Client,
}

impl Requests {
    pub(super) fn to(store: Arc<AmazonS3>, bucket: &str) -> Result<Self, Failure> {
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("t2m-files-signer/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::Unavailable(error.into()))?;
        Ok(Self { store, bucket: bucket.into(), client })
    }

    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// A URL by which anybody may send this request until `expires_in` from now.
    pub(super) async fn sign(&self, request: Request<'_>, expires_in: Duration) -> Result<Url, Failure> {
        let credential = self.store.credentials().get_credential().await?;
        let (url, region) = self.place_of(request.path).await?;
        let now = Timestamp::from_millisecond(clock::unix_millis()).map_err(|error| Failure::Nonsense(error.into()))?;
        let AwsCredential { key_id, secret_key, token } = &*credential;
        Ok(signing::sign(
            &now,
            request.method,
            url,
            key_id,
            secret_key,
            token.as_deref(),
            &region,
            expires_in.as_secs(),
            request.query.iter().copied(),
            request.headers.iter().copied(),
        ))
    }

    /// Where a path is in the style that is set, and the region it is in. The object store tells neither, but signs
    /// URLs that hold both.
    async fn place_of(&self, path: &Path) -> Result<(Url, String), Failure> {
        let mut url = self.store.signed_url(reqwest::Method::GET, path, OWN_USE).await?;
        let scope = url.query_pairs().find(|(name, _)| name == "X-Amz-Credential").map(|(_, scope)| scope.into_owned());
        // <key id>/<date>/<region>/s3/aws4_request
        let region = scope.and_then(|scope| scope.rsplit('/').nth(2).map(str::to_owned));
        url.set_query(None);
        Ok((url, region.ok_or_else(|| Failure::Nonsense("a signed URL without a region".into()))?))
    }

    /// The status and the body of the answer, neither of which is a failure of storage itself: those are tried again.
    /// Only for what does no harm if it is done twice.
    pub(super) async fn send(&self, request: Request<'_>) -> Result<(StatusCode, String), Failure> {
        let (begun, mut pause) = (Instant::now(), PAUSE);
        for _ in 0..RETRIES {
            match self.try_once(request).await {
                Err(error) if begun.elapsed() < RETRY_TIMEOUT => tracing::debug!(%error, "storage is asked again"),
                done => return done,
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.try_once(request).await
    }

    async fn try_once(&self, request: Request<'_>) -> Result<(StatusCode, String), Failure> {
        let url = self.sign(request, OWN_USE).await?;
        let method = request.method.to_str().parse().expect("a method that HTTP has too");
        let asked = self.client.request(method, url).timeout(request.patience);
        let mut forwarded = HeaderMap::new();
        traces::write(&mut forwarded);
        let asked = asked.headers(forwarded);
        let asked = request.headers.iter().fold(asked, |asked, (name, value)| asked.header(*name, *value));
        let response = asked.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = text_of(response).await?;
        // S3 begins to answer before a copy is done: an error can come after the status.
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || says_error(status, &body) {
            let cause = format!("{} answered status {}: {body}", request.method.to_str(), status.as_u16());
            return Err(Failure::Unavailable(loggable_cause(&cause).into()));
        }
        Ok((status, body))
    }
}

fn says_error(status: StatusCode, body: &str) -> bool {
    status.is_success() && body.contains("<Error>")
}

async fn text_of(mut response: Response) -> Result<String, Failure> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(unreachable)? {
        body.extend_from_slice(&piece);
        if body.len() > MAX_ANSWER {
            return Err(Failure::Nonsense(format!("an answer of more than {MAX_ANSWER} bytes").into()));
        }
    }
    String::from_utf8(body).map_err(|error| Failure::Nonsense(error.utf8_error().into()))
}

/// The address holds a signature.
fn unreachable(error: reqwest::Error) -> Failure {
    Failure::Unavailable(error.without_url().into())
}
