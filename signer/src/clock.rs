//! The one place that reads the wall clock. Everything else takes time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in Unix milliseconds.
#[expect(clippy::disallowed_methods, reason = "the one clock of this crate")]
pub(crate) fn unix_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Now, in whole Unix seconds.
pub(crate) fn unix_seconds() -> u64 {
    u64::try_from(unix_millis() / 1000).unwrap_or_default()
}
