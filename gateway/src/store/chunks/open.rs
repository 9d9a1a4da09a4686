//! Files of chunks that are kept open: a hot chunk costs no `open(2)`. Bounded, and closed once nobody asks for them.

use super::index::Chunk;
use rustix::process::{Resource, getrlimit};
use std::{
    collections::VecDeque,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

/// Kept open at most, where the limit of open files allows it.
const MOST: u64 = 16 * 1024;
/// The part of the limit of open files that they may take: connections need the rest.
const SHARE: u64 = 8;
/// Unused for so many ticks, a file is closed.
const IDLE: u32 = 5;

/// The chunks whose files are open, in the order in which they were opened.
pub(super) struct OpenFiles {
    bound: usize,
    chunks: Mutex<VecDeque<Arc<Chunk>>>,
}

impl Chunk {
    /// Its file, if it is open: what a hot hit takes.
    pub(super) fn open_file(&self, now: u32) -> Option<Arc<OwnedFd>> {
        let file = self.file.load_full()?;
        if self.used.load(Ordering::Relaxed) != now {
            self.used.store(now, Ordering::Relaxed);
        }
        Some(file)
    }
}

impl OpenFiles {
    /// The limit is raised to its maximum before connections are accepted.
    pub(super) fn new() -> Self {
        let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        Self { bound: usize::try_from((limit / SHARE).clamp(1, MOST)).unwrap_or(1), chunks: Mutex::default() }
    }

    /// Keeps a chunk's file open; the one opened longest ago may have to be closed.
    pub(super) fn keep(&self, chunk: &Arc<Chunk>, file: Arc<OwnedFd>, now: u32) {
        chunk.used.store(now, Ordering::Relaxed);
        chunk.file.store(Some(file));
        let mut chunks = self.chunks();
        chunks.push_back(Arc::clone(chunk));
        if chunks.len() > self.bound {
            chunks.pop_front().iter().for_each(|oldest| oldest.file.store(None));
        }
    }

    pub(super) fn close_idle(&self, now: u32) {
        self.chunks().retain(|chunk| {
            let is_used = chunk.used.load(Ordering::Relaxed) + IDLE >= now;
            if !is_used {
                chunk.file.store(None);
            }
            is_used
        });
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.chunks().is_empty()
    }

    fn chunks(&self) -> MutexGuard<'_, VecDeque<Arc<Chunk>>> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
