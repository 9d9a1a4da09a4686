//! What a service manager is told of the service that it started: `sd_notify`'s protocol, as of systemd's
//! `Type=notify`. Nobody who does not ask (`NOTIFY_SOCKET`) is told anything.

use sd_notify::NotifyState;
use std::{
    convert::Infallible,
    future::pending,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::time::sleep;

/// Between two looks whether the service is ready.
const LOOK: Duration = Duration::from_millis(200);

/// Whoever started the process and wants to know how it is.
#[derive(Debug, Default)]
pub struct Supervisor {
    is_there: bool,
    /// Without a sign of life for this long, the process is killed and started anew.
    patience: Option<Duration>,
    knows_it_is_ready: AtomicBool,
}

impl Supervisor {
    /// Who started this process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "whether to tell anybody is said by the environment")]
    pub fn of_this_process() -> Self {
        Self {
            is_there: std::env::var_os("NOTIFY_SOCKET").is_some(),
            patience: sd_notify::watchdog_enabled(),
            knows_it_is_ready: AtomicBool::new(false),
        }
    }

    /// Tells once `is_ready`, then that the service is alive, for as long as `turn` comes to its end: it is for those
    /// threads that serve to take their turn in. Polled beside what accepts connections, it vouches for that as well.
    pub async fn watch(&self, is_ready: impl AsyncFn() -> bool, turn: impl AsyncFn()) -> Infallible {
        if !self.is_there {
            return pending().await;
        }
        tell(&[NotifyState::Status("waiting for catalog and storage, see /readyz")]);
        while !is_ready().await {
            sleep(LOOK).await;
        }
        self.knows_it_is_ready.store(true, Ordering::Relaxed);
        tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
        let Some(patience) = self.patience else { return pending().await };
        loop {
            turn().await;
            tell(&[NotifyState::Watchdog]);
            sleep(patience / 3).await;
        }
    }

    /// Tells that the service stops.
    pub(crate) fn tell_of_stop(&self) {
        self.knows_it_is_ready.store(false, Ordering::Relaxed);
        if self.is_there {
            tell(&[NotifyState::Stopping, NotifyState::Status("draining")]);
        }
    }

    /// Tells that the service reloads, and when it is done. Of one that is not ready yet that would say that it is.
    pub(crate) fn tell_of_reload(&self, reload: impl Fn()) {
        let is_told = self.knows_it_is_ready.load(Ordering::Relaxed);
        if is_told {
            let now = NotifyState::monotonic_usec_now().ok();
            tell(&[Some(NotifyState::Reloading), now].into_iter().flatten().collect::<Vec<_>>());
        }
        reload();
        if is_told {
            tell(&[NotifyState::Ready]);
        }
    }
}

/// A service manager that cannot be told will find out by itself.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
