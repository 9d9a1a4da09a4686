//! The bound on requests being answered.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// Counts the requests being answered.
pub(crate) struct InFlight {
    taken: AtomicUsize,
    most: usize,
    /// The second in which it was last said that there are too many.
    said: AtomicU64,
}

/// One request's place; given back when this is dropped.
pub(crate) struct Place(Arc<InFlight>);

impl InFlight {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), most, said: AtomicU64::new(0) })
    }

    /// `None` while as many as the bound allows are being answered.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        if self.taken.fetch_add(1, Ordering::Relaxed) < self.most {
            return Some(Place(Arc::clone(self)));
        }
        self.taken.fetch_sub(1, Ordering::Relaxed);
        None
    }

    /// Says so in the log, once a second: a line for each refusal would cost more than the refusal.
    pub(crate) fn say_full(&self, unix_seconds: u64) {
        if self.said.swap(unix_seconds, Ordering::Relaxed) != unix_seconds {
            tracing::warn!(code = "overloaded", most = self.most, "as many requests as may be are being answered");
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_bound_there_is_a_place_only_once_one_is_given_back() {
        let bound = InFlight::new(2);
        let (first, _second) = (bound.enter().unwrap(), bound.enter().unwrap());
        assert!(bound.enter().is_none());
        drop(first);
        let _third = bound.enter().unwrap();
        assert!(bound.enter().is_none());
    }
}
