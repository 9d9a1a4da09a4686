//! Whose turn it is to ask again for what is known and old: one request at a time. The others go on with what is known.

use super::Key;
use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What is being asked for again.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashSet<Key>>);

/// Gives the turn back, however the asking ends.
pub(super) struct Taken<'a> {
    turns: &'a Turns,
    key: &'a Key,
}

impl Turns {
    /// `None` while somebody else has it.
    pub(super) fn take<'a>(&'a self, key: &'a Key) -> Option<Taken<'a>> {
        let is_free = self.taken().insert(key.clone());
        is_free.then(|| Taken { turns: self, key })
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.turns.taken().remove(self.key);
    }
}
