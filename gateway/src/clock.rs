//! The one place that reads the wall clock. Everything else takes time as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// When a request's head had arrived: read once, for all that is decided about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// For ages and durations.
    pub(crate) instant: Instant,
    /// For expiry: whole Unix seconds.
    pub(crate) unix_seconds: u64,
}

impl Now {
    #[expect(clippy::disallowed_methods, reason = "the one clock of this crate")]
    pub(crate) fn read() -> Self {
        let unix_seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { instant: Instant::now(), unix_seconds }
    }
}
