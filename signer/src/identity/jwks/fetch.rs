//! One fetch of a key set: bounded in size and time, from the one host that settings name.

use crate::identity::key_set::{KeySet, Unusable};
use reqwest::{Client, StatusCode, redirect, retry};
use std::{error::Error, fmt::Write, time::Duration};
use url::Url;

/// Bytes of a document; Clerk's has about 500 a key.
const MAX_LEN: usize = 256 << 10;

/// Why there is no new key set.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{}", with_causes(.0))]
    Unreachable(reqwest::Error),
    /// A redirect is one too: what another host says is not what settings ask for.
    #[error("status {0}")]
    Status(StatusCode),
    #[error("more than {MAX_LEN} bytes")]
    TooLarge,
    #[error(transparent)]
    Unusable(#[from] Unusable),
}

impl Failure {
    /// As a metric's label.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Unreachable(error) if error.is_timeout() => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::Status(_) => "status",
            Self::TooLarge => "too_large",
            Self::Unusable(_) => "unusable",
        }
    }
}

/// An address may hold what no log may hold.
impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(error.without_url())
    }
}

/// Fetches the set at `url`; `client` is made at the first need.
pub(super) async fn fetch(client: &mut Option<Client>, url: &Url, patience: Duration) -> Result<KeySet, Failure> {
    let client = match client {
        Some(client) => client,
        none => none.insert(new_client(url, patience)?),
    };
    let mut response = client.get(url.clone()).header("accept", "application/json").send().await?;
    if response.status() != StatusCode::OK {
        return Err(Failure::Status(response.status()));
    }
    let mut document = Vec::new();
    while let Some(piece) = response.chunk().await? {
        document.extend_from_slice(&piece);
        if document.len() > MAX_LEN {
            return Err(Failure::TooLarge);
        }
    }
    Ok(KeySet::read(&document)?)
}

/// One request is one connection, so that the bound on fetches is one on connections too.
fn new_client(url: &Url, patience: Duration) -> reqwest::Result<Client> {
    let client = Client::builder()
        .timeout(patience)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .pool_max_idle_per_host(0)
        .user_agent(concat!("t2m-files-signer/", env!("CARGO_PKG_VERSION")));
    // Plain http is for this machine only, and no proxy is a part of it.
    if url.scheme() == "http" { client.no_proxy().build() } else { client.build() }
}

fn with_causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
