//! What would fill a log is said now and then.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Between two lines that say the same.
const QUIET: Duration = Duration::from_secs(60);

/// Whether to say a thing that may happen often: once a minute.
#[derive(Debug, Default)]
pub struct Quiet(Mutex<Option<Instant>>);

impl Quiet {
    /// Whether it is to be said now; it is quiet again then.
    pub fn is_over(&self, now: Instant) -> bool {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = until.is_none_or(|until| now >= until);
        if is_over {
            *until = Some(now + QUIET);
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_said_at_once_and_then_once_a_minute() {
        let (quiet, began) = (Quiet::default(), Instant::now());
        let said = [0, 0, 59, 60, 61, 119, 120].map(|second| quiet.is_over(began + Duration::from_secs(second)));
        assert_eq!(said, [true, false, false, true, false, false, true]);
    }
}
