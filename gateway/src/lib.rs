//! The data plane: checks a signed URL, streams the bytes behind it. Read-only towards storage and catalog.
//!
//! The way of one request, and where each step lives:
//! `server` accepts and parses → `handler` routes → `proto::signed_url` verifies → `catalog` looks the file up
//! and admits → `response` plans (`conditional`, `range`: pure) → `store` opens → `body` streams →
//! `observe` counts and logs. Every refusal on the way is declared in `reject`.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

pub mod config;
pub mod doctor;
pub mod observe;
pub mod tools;

mod admin;
mod body;
mod catalog;
mod clock;
mod conditional;
mod cors;
mod handler;
mod in_flight;
mod lines;
mod range;
mod reject;
mod request;
mod request_id;
mod response;
mod server;
mod store;
mod zero_copy;

use arc_swap::ArcSwap;
use config::Config;
use proto::keys::KeyRing;
use std::{
    io,
    sync::{Arc, OnceLock, atomic::AtomicBool},
};
use tokio::{net::TcpListener, runtime::Handle, sync::oneshot, task::JoinSet};
use tokio_util::sync::CancellationToken;
use traces::{Service, Traces};

/// Why a gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The object store's own settings (`AWS_*`) do not fit together.
    #[error("the object store cannot be set up: {0}")]
    Storage(#[from] object_store::Error),
    /// The cache has no threads to work on.
    #[error("the cache cannot be set up: {0}")]
    Cache(#[from] io::Error),
    /// The catalog's URL cannot be used.
    #[error("the catalog cannot be set up: {0}")]
    Catalog(#[from] sqlx::Error),
    /// Traces could not be exported, wherever they go.
    #[error("the export of traces cannot be set up: {0}")]
    Traces(#[from] traces::OpenError),
    /// Metrics could not be registered.
    #[error("metrics cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// A gateway, ready to serve. Clones share everything.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    keys: ArcSwap<KeyRing>,
    catalog: Arc<catalog::Catalog>,
    store: store::Store,
    in_flight: Arc<in_flight::InFlight>,
    room: Arc<server::Room>,
    metrics: Arc<observe::Metrics>,
    traces: Traces,
    request_ids: request_id::RequestIds,
    draining: CancellationToken,
    /// Whether it has been ready since it started.
    was_ready: AtomicBool,
    /// Those that serve connections, once there are any.
    threads: OnceLock<Vec<Handle>>,
}

impl Gateway {
    /// Sets up a gateway. Neither storage nor catalog need be there yet: `/readyz` says when they are.
    ///
    /// # Errors
    /// Settings that no later moment can mend.
    pub fn open(config: Config) -> Result<Self, StartError> {
        let metrics = observe::Metrics::new()?;
        metrics.in_flight_limit.set(i64::try_from(config.max_in_flight).unwrap_or(i64::MAX));
        let catalog = Arc::new(catalog::Catalog::open(&config.catalog, config.feed_grace)?);
        let shared = Shared {
            keys: ArcSwap::from_pointee(config.keys.clone()),
            store: store::Store::open(&config, &catalog, &metrics)?,
            in_flight: in_flight::InFlight::new(config.max_in_flight),
            room: server::Room::open(),
            traces: Traces::open(config.traces.as_ref(), service(&config), &metrics.spans)?,
            request_ids: request_id::RequestIds::new(),
            draining: CancellationToken::new(),
            was_ready: AtomicBool::new(false),
            threads: OnceLock::new(),
            catalog,
            metrics,
            config,
        };
        let gateway = Self { shared: Arc::new(shared) };
        gateway.show_expiry();
        Ok(gateway)
    }

    /// Reads the certificate's files again, and shows what they hold from the next connection on, if it can be used.
    pub fn look_at_certificate(&self) {
        if self.shared.config.tls.as_ref().is_some_and(config::Tls::look) {
            self.show_expiry();
        }
    }

    fn show_expiry(&self) {
        if let Some(expires) = self.shared.config.tls.as_ref().and_then(config::Tls::expires) {
            self.shared.metrics.certificate_expires(expires);
        }
    }

    /// Verifies with another ring from the next request on.
    pub fn replace_keys(&self, keys: KeyRing) {
        self.shared.keys.store(Arc::new(keys));
    }

    /// Whether `/readyz` says 200.
    pub async fn is_ready(&self) -> bool {
        admin::not_ready(self).await.is_empty()
    }

    /// Comes to its end when every thread that serves connections has taken a turn: never, if one of them hangs.
    pub async fn take_turns(&self) {
        server::take_turns(self.shared.threads.get().map(Vec::as_slice).unwrap_or_default()).await;
    }

    /// Serves until drained. `drain` begins a graceful stop: `/readyz` says 503 at once, accepting goes on for
    /// `DRAIN_DELAY_SECONDS`, transfers finish within `DRAIN_SECONDS`; `cut` ends everything at once.
    ///
    /// # Errors
    /// The system gives no threads to serve on.
    pub async fn run(
        &self,
        listener: TcpListener,
        admin: TcpListener,
        drain: CancellationToken,
        cut: CancellationToken,
    ) -> io::Result<()> {
        // Dropped with this call, and all that it runs ends.
        let mut beside = JoinSet::new();
        beside.spawn(server::serve_admin(self.clone(), admin, cut.clone()));
        let (looked, first_look) = oneshot::channel();
        beside.spawn(follow_changes(self.clone(), looked));
        if self.shared.config.tls.is_some() {
            beside.spawn(server::watch_certificate(self.clone()));
        }
        // A stream that was admitted before the feed was read could not know what it missed, and would be cut.
        let _ = first_look.await;
        let served = server::serve_files(self.clone(), listener, drain, cut.clone()).await;
        self.shared.traces.flush(&cut).await;
        served
    }
}

/// As traces name it.
fn service(config: &Config) -> Service {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    Service { name: "t2m-gateway", version: env!("CARGO_PKG_VERSION"), scheme }
}

/// Follows what ends access. A stream that waits for its client would look only when that takes something, so it is
/// woken.
async fn follow_changes(gateway: Gateway, looked: oneshot::Sender<()>) {
    let shared = &gateway.shared;
    let mut follower = catalog::Follower::new(&shared.catalog, &shared.metrics.feed);
    follower.look().await;
    let _ = looked.send(());
    loop {
        follower.wait().await;
        if follower.look().await {
            shared.room.wake_stalled();
        }
    }
}
