//! The whole service in one process, on embedded defaults: gateway and signer, a folder, SQLite.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | one command line for everything, and what the data folder stands in for |
//! | [`folder`] | the data folder: what a first start makes and every later one keeps |
//! | [`development`] | the development identity, and the layer that keeps it on this machine |
//! | `host` | which `Host` names this machine |
//! | `page` | the page at `/` |
//! | `exchange` | requests that are answered here instead of in the signer |
//! | `refusal` | what is refused here instead of in the signer |
//! | [`banner`] | what a start prints |
//!
//! [`Standalone`] puts them together; `main` has the listeners and the signals.
#![forbid(unsafe_code)]

pub mod banner;
pub mod config;
pub mod development;
pub mod folder;
pub mod tools;

mod exchange;
mod host;
mod page;
mod refusal;

use axum::{Router, body::Bytes};
use banner::{Banner, Demo};
use config::Config;
use development::Development;
use futures_util::stream;
use gateway::Gateway;
use proto::keys::KeyRing;
use signer::{Signer, identity::Identity, internal::ServiceTokens};
use std::io;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The clip that a first start stores: ten seconds of H.264 baseline and AAC, index first, a clock to seek by. Made
/// with ffmpeg from its own test sources, so that no one else has a right in it.
const CLIP: &[u8] = include_bytes!("../assets/sample.mp4");
const CLIP_NAME: &str = "sample clip.mp4";

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The gateway could not.
    #[error(transparent)]
    Gateway(#[from] gateway::StartError),
    /// The signer could not.
    #[error(transparent)]
    Signer(#[from] signer::StartError),
    /// The clip could not be stored.
    #[error("the sample clip cannot be stored: {0}")]
    Clip(#[from] signer::Error),
    /// `PUBLIC_FILES_URL` cannot stand in the page's policy.
    #[error("PUBLIC_FILES_URL has no origin that a page could name: {0}")]
    FilesUrl(String),
}

/// Both services, ready to serve.
pub struct Standalone {
    gateway: Gateway,
    signer: Signer,
    router: Router,
    api: String,
    files: String,
    demo: Option<Demo>,
}

/// Bound sockets, as the settings name them.
#[derive(Debug)]
pub struct Listeners {
    /// `GATEWAY_LISTEN`.
    pub files: TcpListener,
    /// `GATEWAY_ADMIN_LISTEN`.
    pub admin: TcpListener,
    /// `SIGNER_LISTEN`.
    pub api: TcpListener,
    /// `SIGNER_INTERNAL_LISTEN`.
    pub internal: TcpListener,
}

impl Standalone {
    /// Opens catalog and storage; with the development identity, adds the page, and the clip if there is no file.
    ///
    /// # Errors
    /// A part that could not be opened.
    pub async fn open(config: Config) -> Result<Self, StartError> {
        let api = format!("http://{}", banner::reachable(config.signer.listen));
        let files = config.signer.public_files_url.clone();
        let signer = Signer::open(config.signer).await?;
        let gateway = Gateway::open(config.gateway)?;
        let mut started = Self { router: signer.router(), gateway, signer, api, files, demo: None };
        if let Some(development) = config.development {
            started.develop(development).await?;
        }
        Ok(started)
    }

    async fn develop(&mut self, development: Development) -> Result<(), StartError> {
        if self.signer.is_empty().await? {
            let clip = stream::iter([Bytes::from_static(CLIP)]);
            self.signer.store(Development::user(), CLIP_NAME, "video/mp4", clip).await?;
        }
        let token = development.token().clone();
        let page = page::route(&self.files).ok_or_else(|| StartError::FilesUrl(self.files.clone()))?;
        self.router = development.protect(self.signer.router().merge(page));
        let newest = development::newest(self.router.clone(), &token).await;
        self.demo = Some(Demo { token, newest });
        Ok(())
    }

    /// What to tell whoever started it.
    #[must_use]
    pub fn banner(&self) -> Banner<'_> {
        Banner { api: &self.api, files: &self.files, demo: self.demo.as_ref() }
    }

    /// Trusts this identity provider from the next request on.
    pub fn replace_identity(&self, identity: Identity) {
        self.signer.replace_identity(identity);
    }

    /// Lets the services of these tokens in from the next request on, and no others.
    pub fn replace_service_tokens(&self, tokens: ServiceTokens) {
        self.signer.replace_service_tokens(tokens);
    }

    /// Signs and verifies with another ring from the next request on.
    pub fn replace_keys(&self, keys: KeyRing) {
        self.gateway.replace_keys(keys.clone());
        self.signer.replace_keys(keys);
    }

    /// Reads the gateway's certificate again, if it has one.
    pub fn look_at_certificate(&self) {
        self.gateway.look_at_certificate();
    }

    /// Whether both services are ready.
    pub async fn is_ready(&self) -> bool {
        self.gateway.is_ready().await && self.signer.is_ready().await
    }

    /// Comes to its end when those threads that serve have taken a turn: never, if the service hangs.
    pub async fn take_turns(&self) {
        tokio::join!(self.gateway.take_turns(), self.signer.take_turn());
    }

    /// Serves until drained, as the two services do: `drain` begins a graceful stop, `cut` ends everything.
    ///
    /// # Errors
    /// The system gives no threads to serve on.
    pub async fn run(&self, listeners: Listeners, drain: CancellationToken, cut: CancellationToken) -> io::Result<()> {
        let gateway = self.gateway.run(listeners.files, listeners.admin, drain.clone(), cut.clone());
        let signer = self.signer.run(listeners.api, listeners.internal, self.router.clone(), drain, cut);
        tokio::join!(gateway, signer).0
    }
}
