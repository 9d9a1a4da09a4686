//! Whose turn it is to ask again for what is known and old: one request at a time. The others go on with what is known.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Belongs to what was found; its clones are one.
#[derive(Debug, Clone, Default)]
pub(super) struct Turn(Arc<AtomicBool>);

/// Gives the turn back, however the asking ends.
pub(super) struct Taken(Arc<AtomicBool>);

impl Turn {
    /// `None` while somebody else has it.
    pub(super) fn take(&self) -> Option<Taken> {
        let was_taken = self.0.swap(true, Ordering::AcqRel);
        (!was_taken).then(|| Taken(Arc::clone(&self.0)))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
