//! One range of an open file, in the one version that was opened.

use super::{OpenFile, Version};
use crate::store::{Part, ReadError, pages::Pages};
use rustix::{fs::fstat, io::Errno};
use std::{
    ops::Range,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// A file system's clock ticks no faster than this: two versions within one tick cannot be told apart, so looking more
/// often would tell no more.
const TICK: Duration = Duration::from_millis(4);

/// One range of an open file.
pub(crate) struct Reader {
    file: OpenFile,
    pages: Pages,
    /// For as long as nothing was waited for.
    now: Option<Instant>,
}

impl Reader {
    pub(crate) fn new(file: OpenFile, range: Range<u64>, now: Option<Instant>) -> Self {
        let pages = Pages::new(Arc::clone(&file.0.fd), file.0.warmth.clone(), range);
        Self { pages, file, now }
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>, most: u64) -> Poll<Option<Result<Part, ReadError>>> {
        let Poll::Ready(part) = self.pages.poll_next(cx, most) else {
            self.now = None;
            return Poll::Pending;
        };
        let now = self.now.take();
        Poll::Ready(part.map(|part| {
            let part = part.map_err(|error| ReadError::Failed(error.to_string()))?;
            match self.file.is_unchanged(now) {
                Ok(true) => Ok(part),
                Ok(false) => Err(ReadError::Changed),
                Err(error) => Err(ReadError::Failed(error.to_string())),
            }
        }))
    }
}

impl OpenFile {
    /// Whether the file is still the version that was opened: one written in place under our descriptor shows in its
    /// times. Of many who ask at once, one looks.
    pub(super) fn is_unchanged(&self, now: Option<Instant>) -> Result<bool, Errno> {
        let open = &self.0;
        let age = now.map(|now| open.age(now));
        let seen = Duration::from_nanos(open.seen.load(Ordering::Relaxed));
        if age.is_some_and(|age| age.saturating_sub(seen) < TICK) {
            return Ok(true);
        }
        let is_unchanged = Version::of(&fstat(&*open.fd)?) == open.version;
        if is_unchanged && let Some(age) = age {
            open.seen.store(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        Ok(is_unchanged)
    }
}
