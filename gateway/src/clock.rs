//! The one place that reads the wall clock. Everything else takes time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in whole Unix seconds.
#[expect(clippy::disallowed_methods, reason = "the one clock of this crate")]
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
