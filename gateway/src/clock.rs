//! The one place that reads the wall clock. Everything else takes time as an argument.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// When a request's head had arrived: read once, for all that is decided about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// For ages and durations.
    pub(crate) instant: Instant,
    /// For expiry: whole Unix seconds.
    pub(crate) unix_seconds: u64,
}

impl Now {
    pub(crate) fn read() -> Self {
        Self { instant: Instant::now(), unix_seconds: since_epoch().as_secs() }
    }
}

/// The wall clock, since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the one clock of this crate")]
pub(crate) fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
