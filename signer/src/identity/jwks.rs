//! Keys that are fetched: one task a source asks for them, everybody else reads what it last found.
//!
//! - A set is swapped whole, after it was read whole. One that cannot be had or cannot be used changes nothing: known
//!   keys go on through an outage.
//! - The task rests after each fetch, whatever came of it, so that no flood of unknown key ids becomes a flood of
//!   fetches.
//! - It fetches again every [`Pace::refresh`], so that a key which the provider took back is refused from then on; and
//!   at once, if it is not at rest, when a token names a key that is not known.
//!
//! Nothing is locked while a fetch runs, and a token of a known key waits for nothing.

mod fetch;

use super::{Flaw, Key, key_set::KeySet};
use crate::{clock, error::Error, observe::KeyMetrics};
use arc_swap::ArcSwapOption;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

/// Where a key set is, and how often it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksSource {
    url: Url,
    /// No setting of its own.
    pub pace: Pace,
}

/// How often a key set is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From one fetch to the next, if nothing else asks for it: a key that was taken back is refused after this.
    pub refresh: Duration,
    /// No fetch begins for this long after one has ended.
    pub rest: Duration,
    /// For one fetch, from its beginning to the last byte.
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { refresh: Duration::from_secs(300), rest: Duration::from_secs(10), patience: Duration::from_secs(5) }
    }
}

impl JwksSource {
    /// A key set at this address.
    ///
    /// # Errors
    /// Anything but `https`, or `http` on this machine: whoever can change the answer can be anybody.
    pub fn at(address: &str) -> Result<Self, &'static str> {
        let why = "must be an https URL, or http on a loopback address, without user and fragment";
        let url = Url::parse(address.trim()).map_err(|_| why)?;
        let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        if is_plain && is_safe { Ok(Self { url, pace: Pace::default() }) } else { Err(why) }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A key set as it was fetched.
#[derive(Debug)]
struct Loaded {
    keys: KeySet,
    /// Another one with each fetch: what an older set vouched for is asked again.
    generation: u64,
    at: Instant,
}

/// What the task does, for those who would ask it.
#[derive(Debug, Clone, Copy)]
struct Progress {
    phase: Phase,
    /// Fetches that have ended.
    ended: u64,
    /// Whether the last of them failed.
    failed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A fetch runs, or is about to.
    Fetching,
    /// One has just ended.
    Resting,
    /// One may be asked for.
    Waiting,
}

/// A key set that is kept up to date for as long as this lives.
pub(super) struct Jwks {
    source: JwksSource,
    keeper: Arc<Keeper>,
    _task: AbortOnDropHandle<()>,
}

struct Keeper {
    loaded: ArcSwapOption<Loaded>,
    progress: watch::Sender<Progress>,
    metrics: KeyMetrics,
}

impl Jwks {
    /// Begins the first fetch, and does not wait for it.
    pub(super) fn keep(source: JwksSource, metrics: KeyMetrics) -> Self {
        metrics.expect();
        let progress = Progress { phase: Phase::Fetching, ended: 0, failed: false };
        let keeper =
            Arc::new(Keeper { loaded: ArcSwapOption::empty(), progress: watch::Sender::new(progress), metrics });
        let task = tokio::spawn(Arc::clone(&keeper).run(source.clone()));
        Self { source, keeper, _task: AbortOnDropHandle::new(task) }
    }

    pub(super) fn source(&self) -> &JwksSource {
        &self.source
    }

    /// Stays the same for as long as the same set stands; 0 while there is none.
    pub(super) fn generation(&self) -> u64 {
        self.keeper.loaded.load().as_ref().map_or(0, |loaded| loaded.generation)
    }

    /// How long ago the present set was fetched.
    pub(super) fn age(&self) -> Option<Duration> {
        self.keeper.loaded.load().as_ref().map(|loaded| loaded.at.elapsed())
    }

    /// The key of this id and the generation it is from, after a fetch if that may help.
    pub(super) async fn key(&self, id: &str) -> Result<(Key, u64), Error> {
        if let Some(found) = self.known(id) {
            return Ok(found);
        }
        self.keeper.news().await;
        let progress = *self.keeper.progress.borrow();
        self.known(id).ok_or(match progress.failed {
            true => Error::KeysUnavailable,
            false => Error::TokenInvalid(Flaw::UnknownKey),
        })
    }

    fn known(&self, id: &str) -> Option<(Key, u64)> {
        let loaded = self.keeper.loaded.load();
        let loaded = loaded.as_ref()?;
        loaded.keys.get(id).map(|key| (key.clone(), loaded.generation))
    }
}

impl Keeper {
    async fn run(self: Arc<Self>, source: JwksSource) {
        let (mut client, pace) = (None, source.pace);
        loop {
            self.progress.send_modify(|progress| progress.phase = Phase::Fetching);
            let failed = self.fetch(&mut client, &source).await.is_err();
            self.progress.send_modify(|progress| {
                *progress = Progress { phase: Phase::Resting, ended: progress.ended + 1, failed };
            });
            sleep(pace.rest).await;
            if !failed {
                self.wait(pace.refresh.saturating_sub(pace.rest)).await;
            }
        }
    }

    async fn fetch(&self, client: &mut Option<reqwest::Client>, source: &JwksSource) -> Result<(), fetch::Failure> {
        let fetched = fetch::fetch(client, &source.url, source.pace.patience).await;
        let outcome = fetched.as_ref().map_or_else(fetch::Failure::outcome, |_| "ok");
        self.metrics.fetched(outcome, clock::unix_seconds());
        let host = source.url.host_str().unwrap_or_default();
        let keys = fetched.inspect_err(|error| tracing::warn!(host, %error, "the key set cannot be fetched"))?;
        let generation = self.progress.borrow().ended + 1;
        self.loaded.store(Some(Arc::new(Loaded { keys, generation, at: Instant::now() })));
        Ok(())
    }

    /// Until somebody asks, or it is time.
    async fn wait(&self, refresh: Duration) {
        self.progress.send_modify(|progress| progress.phase = Phase::Waiting);
        let mut changes = self.progress.subscribe();
        tokio::select! {
            _ = changes.wait_for(|progress| progress.phase == Phase::Fetching) => {}
            () = sleep(refresh) => {}
        }
    }

    /// Waits for the fetch that runs, or for one that is asked for now. Returns at once where there is nothing to
    /// wait for: one has just ended, or the last one failed and the next will come by itself.
    async fn news(&self) {
        let mut changes = self.progress.subscribe();
        let mut is_coming = false;
        let mut ended = 0;
        self.progress.send_if_modified(|progress| {
            let asks = progress.phase == Phase::Waiting;
            if asks {
                progress.phase = Phase::Fetching;
            }
            is_coming = progress.phase == Phase::Fetching && !progress.failed;
            ended = progress.ended;
            asks
        });
        if is_coming {
            // It fails only if the task is gone, and the task goes with whoever could ask.
            let _ = changes.wait_for(|progress| progress.ended > ended).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_set_comes_from_a_safe_place_only() {
        for good in ["https://clerk.example/jwks?a=b", "http://127.0.0.1:9/x", "http://localhost/x", "http://[::1]:9/x"]
        {
            assert!(JwksSource::at(good).is_ok(), "{good}");
        }
        for bad in [
            "http://clerk.example/jwks",
            "http://localhost.example/jwks",
            "ftp://clerk.example/jwks",
            "file:///etc/jwks.json",
            "https://user:secret@clerk.example/jwks",
            "https://clerk.example/jwks#keys",
            "clerk.example",
            "",
        ] {
            assert!(JwksSource::at(bad).is_err(), "{bad}");
        }
    }
}
