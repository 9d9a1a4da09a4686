//! The bound on requests being answered.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Counts the requests being answered.
pub(crate) struct InFlight {
    taken: AtomicUsize,
    most: usize,
}

/// One request's place; given back when this is dropped.
pub(crate) struct Place(Arc<InFlight>);

impl InFlight {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), most })
    }

    /// `None` while as many as the bound allows are being answered.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        if self.taken.fetch_add(1, Ordering::Relaxed) < self.most {
            return Some(Place(Arc::clone(self)));
        }
        self.taken.fetch_sub(1, Ordering::Relaxed);
        None
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
