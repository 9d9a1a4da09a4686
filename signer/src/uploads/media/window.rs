//! Small ranges of an object that is durable, read ahead a little and not more than so often.

use crate::storage::{Failure, Key, Storage};
use bytes::Bytes;
use std::ops::Range;

/// Bytes that are read at once: an index of a short clip, whole.
const AHEAD: u64 = 64 << 10;
/// Whatever a file says of itself, no more is read of it than this many times.
const MAX_READS: u32 = 32;

/// The part of an object that was read last.
pub(super) struct Window<'a> {
    storage: &'a Storage,
    key: &'a Key,
    size: u64,
    begins: u64,
    bytes: Bytes,
    reads_left: u32,
}

impl<'a> Window<'a> {
    pub(super) fn on(storage: &'a Storage, key: &'a Key, size: u64) -> Self {
        Self { storage, key, size, begins: 0, bytes: Bytes::new(), reads_left: MAX_READS }
    }

    /// The bytes of a range; `None` if it is empty, not in the object, too long, or one read too many.
    pub(super) async fn at(&mut self, range: Range<u64>) -> Result<Option<&[u8]>, Failure> {
        if range.is_empty() || range.end > self.size || range.end - range.start > AHEAD {
            return Ok(None);
        }
        if range.start < self.begins || range.end > self.begins + self.bytes.len() as u64 {
            if self.reads_left == 0 {
                return Ok(None);
            }
            self.reads_left -= 1;
            let end = self.size.min(range.start.saturating_add(AHEAD));
            self.bytes = self.storage.read(self.key, range.start..end).await?;
            self.begins = range.start;
        }
        let within = |place: u64| usize::try_from(place - self.begins).unwrap_or(usize::MAX);
        let (from, to) = (within(range.start), within(range.end));
        self.bytes.get(from..to).map(Some).ok_or_else(|| Failure::Nonsense("fewer bytes than there are".into()))
    }
}
