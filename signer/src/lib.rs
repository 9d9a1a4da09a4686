//! The control plane: checks who is calling and what is theirs, takes uploads, issues signed URLs.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | the settings |
//! | `router` | every route, on one page |
//! | `boundary` | request ids, common headers, error bodies, the one log line |
//! | [`identity`] | who is calling: the only way a handler gets a user id |
//! | `admin` | what an admin may do, each use written down |
//! | [`internal`] | what services ask for, with their tokens |
//! | `registration`, [`import`] | objects that lie in storage already and become files: one, and many |
//! | `idempotency` | a request that is repeated is done once |
//! | `files` | list, look at, delete, issue signed URLs |
//! | `uploads` | forms and plain bodies into files: object durable first, row second |
//! | [`webhooks`] | what the identity provider tells of its users |
//! | [`upkeep`] | storage beside the catalog: what is missing, and what belongs to nothing |
//! | `storage` | a folder or a bucket, as the side that writes |
//! | `catalog` | every SQL statement |
//! | [`tiers`], [`rate_limit`] | what a user may have, and how often |
//! | `csrf`, `cors`, [`origin`] | which pages may call, and read the answer |
//! | [`proxies`] | who is at the other end |
//! | `durable` | folders that a power cut leaves in place |
//! | `body` | request bodies, at the client's pace but not at any |
//! | `error` | every refusal, declared once |
//! | `openapi` | what the API says of itself |
//! | `server` | listeners, connections, drain |
//! | `health`, [`observe`] | what operators see |
//! | [`tools`] | the subcommands |
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

mod admin;
mod body;
mod boundary;
mod catalog;
mod clock;
pub mod config;
mod cors;
mod csrf;
mod durable;
mod error;
mod files;
mod health;
mod idempotency;
pub mod identity;
pub mod import;
pub mod internal;
pub mod observe;
mod openapi;
pub mod origin;
pub mod proxies;
pub mod rate_limit;
mod registration;
mod router;
mod server;
mod storage;
mod sweep;
pub mod tiers;
pub mod tools;
pub mod upkeep;
mod uploads;
pub mod webhooks;

pub use catalog::OpenError as CatalogOpenError;
pub use error::Error;
pub use files::File;
pub use storage::{Failure as StorageFailure, OpenError as StorageOpenError};

use arc_swap::ArcSwap;
use axum::Router;
use bytes::Bytes;
use catalog::Catalog;
use config::Config;
use futures_util::{Stream, StreamExt};
use health::LastReach;
use identity::{Identity, Verifier};
use internal::ServiceTokens;
use observe::Metrics;
use proto::{id::UserId, keys::KeyRing};
use rate_limit::RateLimit;
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use storage::Storage;
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinHandle,
};
use tokio_util::task::TaskTracker;
use traces::{Service, Traces};
use uploads::{Description, Intake, Place};

/// As traces name it. It stands behind a proxy.
const SERVICE: Service = Service { name: "t2m-signer", version: env!("CARGO_PKG_VERSION"), scheme: "http" };

/// The service. A clone is the same one.
#[derive(Clone)]
pub struct Signer(Arc<Parts>);

struct Parts {
    config: Config,
    keys: ArcSwap<KeyRing>,
    identity: ArcSwap<Verifier>,
    service_tokens: ArcSwap<ServiceTokens>,
    catalog: Catalog,
    storage: Storage,
    metrics: Metrics,
    traces: Traces,
    rate_limit: RateLimit,
    last_reach: LastReach,
    draining: AtomicBool,
    /// Whether it has been ready since it started.
    was_ready: AtomicBool,
    upload_places: Arc<Semaphore>,
    sweep_wanted: Notify,
    /// What must run to its end whether or not the client waits for it.
    tasks: TaskTracker,
}

/// Why a signer could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The catalog could not be opened.
    #[error("the catalog cannot be opened: {0}")]
    Catalog(#[from] CatalogOpenError),
    /// Storage could not be opened.
    #[error("storage cannot be opened: {0}")]
    Storage(#[from] StorageFailure),
    /// Traces could not be exported, wherever they go.
    #[error("the export of traces cannot be set up: {0}")]
    Traces(#[from] traces::OpenError),
    /// Metrics could not be set up.
    #[error("metrics cannot be set up: {0}")]
    Metrics(#[from] prometheus::Error),
}

impl Signer {
    /// Opens storage and catalog, and brings the schema up to date. What an earlier process left undone is finished
    /// by [`Signer::run`], beside its requests; the identity provider's keys are fetched meanwhile.
    ///
    /// # Errors
    /// Storage or catalog that cannot be opened.
    pub async fn open(config: Config) -> Result<Self, StartError> {
        if config.keys.has_short_secret() {
            tracing::warn!("a signing secret is shorter than {} bytes", proto::keys::MIN_SECRET_LEN);
        }
        let storage = Storage::open(&config.storage, &config.aws, config.tiers.largest_upload()).await?;
        let catalog = Catalog::open(&config.catalog).await?;
        let metrics = Metrics::new()?;
        metrics.uploads.bounded(config.max_uploads);
        Ok(Self(Arc::new(Parts {
            keys: ArcSwap::from_pointee(config.keys.clone()),
            identity: ArcSwap::from_pointee(Verifier::new(config.identity.clone(), None, &metrics)),
            service_tokens: ArcSwap::from_pointee(config.service_tokens.clone()),
            upload_places: Arc::new(Semaphore::new(config.max_uploads)),
            rate_limit: RateLimit::open(config.redis.as_ref(), config.redis_patience).await,
            traces: Traces::open(config.traces.as_ref(), SERVICE, &metrics.spans)?,
            config,
            catalog,
            storage,
            metrics,
            last_reach: LastReach::default(),
            draining: AtomicBool::new(false),
            was_ready: AtomicBool::new(false),
            sweep_wanted: Notify::new(),
            tasks: TaskTracker::new(),
        })))
    }

    /// Whether `/readyz` says 200.
    pub async fn is_ready(&self) -> bool {
        health::readiness(self).await.is_ok()
    }

    /// Comes to its end when a thread that answers requests has taken a turn: never, if all of them hang.
    pub async fn take_turn(&self) {
        // It neither panics nor is aborted.
        let _ = tokio::spawn(async {}).await;
    }

    /// The public API, with all its layers.
    pub fn router(&self) -> Router {
        router::public(self)
    }

    /// Signs with this ring from now on.
    pub fn replace_keys(&self, keys: KeyRing) {
        self.0.keys.store(Arc::new(keys));
    }

    /// Judges tokens by this from now on. Keys that were fetched from the same place go on.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn replace_identity(&self, identity: Identity) {
        let verifier = Verifier::new(identity, Some(&self.identity()), self.metrics());
        self.0.identity.store(Arc::new(verifier));
    }

    /// Lets the services of these tokens in from now on, and no others.
    pub fn replace_service_tokens(&self, tokens: ServiceTokens) {
        self.0.service_tokens.store(Arc::new(tokens));
    }

    /// Whether the catalog holds no file at all.
    ///
    /// # Errors
    /// A catalog that cannot be reached.
    pub async fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.catalog().is_empty().await?)
    }

    /// Stores a file as if `owner` had uploaded it.
    ///
    /// # Errors
    /// As an upload: too large, too many under way, the owner blocked, storage or catalog away.
    pub async fn store(
        &self,
        owner: UserId,
        name: &str,
        content_type: &str,
        bytes: impl Stream<Item = Bytes> + Send,
    ) -> Result<File, Error> {
        let (limits, place) = (self.config().tiers.of(None), Place::take(self)?);
        let mut intake = Intake::begin(self, owner, limits, place, None).await?;
        let mut pieces = pin!(bytes);
        while let Some(piece) = pieces.next().await {
            intake.write(piece).await?;
        }
        let content_type = proto::media::parse(content_type);
        let description = Description { filename: name.into(), content_type, ..Description::default() };
        Ok(intake.complete(description).await?.file)
    }

    fn config(&self) -> &Config {
        &self.0.config
    }

    fn identity(&self) -> Arc<Verifier> {
        self.0.identity.load_full()
    }

    fn service_tokens(&self) -> Arc<ServiceTokens> {
        self.0.service_tokens.load_full()
    }

    fn keys(&self) -> Arc<KeyRing> {
        self.0.keys.load_full()
    }

    fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    fn storage(&self) -> &Storage {
        &self.0.storage
    }

    fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    fn traces(&self) -> &Traces {
        &self.0.traces
    }

    fn rate_limit(&self) -> &RateLimit {
        &self.0.rate_limit
    }

    fn last_reach(&self) -> &LastReach {
        &self.0.last_reach
    }

    fn upload_places(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.upload_places)
    }

    fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// Runs `work` to its end, even if nobody waits for it; a drain waits.
    fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.0.tasks.spawn(traces::carried(work))
    }
}
