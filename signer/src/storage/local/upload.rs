//! An object being written: pieces are collected, and one is on its way to the disk while the next is.

use super::{Failure, Folder, Key, Progress, RunningHash, Staged, Stored, blocking};
use bytes::{Buf, Bytes};
use rustix::fs::{Advice, fadvise};
use std::{
    fs::File,
    io::{self, Write},
    iter, mem,
    num::NonZeroU64,
    ops::Range,
    sync::Arc,
};
use tokio::{
    sync::OwnedSemaphorePermit,
    task::{JoinHandle, spawn_blocking},
};

/// Bytes collected before they are handed to the disk together. One such piece is being written while the
/// next is collected, so an upload holds twice this.
const PIECE: usize = 128 << 10;
/// The same for the few uploads of [`LARGE_PLACES`]: a tenth less CPU for each byte.
const LARGE_PIECE: usize = 1 << 20;
pub(super) const LARGE_PLACES: usize = 4;
/// Bytes after which the kernel is asked to begin with their way to the disk, so that a sync finds little left to do.
const STRIDE: u64 = 8 << 20;

/// Bytes that arrived as many at once are not copied in an upload of [`LARGE_PLACES`]. Fewer would hold the whole of what
/// they were received into, which is up to three times this.
const MANY: usize = 128 << 10;

/// Bytes that are handed to the disk together: first those that were copied together, then those kept as they arrived.
#[derive(Debug, Default)]
struct Piece {
    copied: Vec<u8>,
    kept: Vec<Bytes>,
    length: usize,
}

/// A piece that was written, empty, for its buffer; and the hash behind it.
type Written = (Piece, RunningHash);

/// An object being written.
#[derive(Debug)]
pub(crate) struct Upload {
    folder: Folder,
    key: Key,
    staged: Staged,
    progress: Progress,
    /// Bytes taken, durable or not.
    taken: u64,
    /// Where the part begins that the kernel was not asked to write back yet.
    unasked: u64,
    /// Bytes of a piece.
    most: usize,
    /// Held by those with large pieces.
    large: Option<OwnedSemaphorePermit>,
    collected: Piece,
    /// The piece before, on its way to the disk; gives its buffer back, and the hash.
    writing: Option<JoinHandle<io::Result<Written>>>,
    /// Of what was written: it is with the piece that is on its way.
    hash: RunningHash,
    /// A write or a sync failed: what the file holds behind the last checkpoint is unknown from then on, and a second
    /// sync that succeeds would say nothing.
    is_broken: bool,
}

impl Upload {
    pub(super) fn of(folder: Folder, key: Key, staged: Staged, offset: u64) -> Self {
        let progress = Progress { offset, ..Progress::default() };
        let large = Arc::clone(&folder.large_places).try_acquire_owned().ok();
        let most = if large.is_some() { LARGE_PIECE } else { PIECE };
        Self {
            folder,
            key,
            staged,
            progress,
            taken: offset,
            unasked: offset,
            most,
            large,
            collected: Piece::default(),
            writing: None,
            hash: RunningHash::default(),
            is_broken: false,
        }
    }

    pub(in crate::storage) async fn write(&mut self, mut bytes: Bytes) -> Result<(), Failure> {
        let is_kept = self.large.is_some() && bytes.len() >= MANY;
        let length = self.collected.length;
        let fits = if is_kept { length + bytes.len() <= self.most } else { self.collected.kept.is_empty() };
        if !fits {
            self.flush().await?;
        }
        if is_kept {
            self.taken += bytes.len() as u64;
            self.collected.keep(bytes);
            return Ok(());
        }
        while !bytes.is_empty() {
            self.taken += self.collected.copy_from(&mut bytes, self.most) as u64;
            if self.collected.length == self.most {
                self.flush().await?;
            }
        }
        Ok(())
    }

    pub(in crate::storage) fn resume_hash(&mut self, hash: RunningHash) {
        self.hash = hash;
    }

    pub(in crate::storage) async fn hash(&mut self) -> Result<&RunningHash, Failure> {
        self.flush().await?;
        self.written().await?;
        Ok(&self.hash)
    }

    pub(in crate::storage) async fn checkpoint(&mut self) -> Result<&Progress, Failure> {
        self.flush().await?;
        self.written().await?;
        if self.taken > self.progress.offset {
            let file = Arc::clone(&self.staged.file);
            // Until it is known: whoever stops waiting may never hear of an error.
            self.is_broken = true;
            blocking(move || Ok(file.sync_data()?)).await?;
            self.is_broken = false;
            self.progress.offset = self.taken;
        }
        Ok(&self.progress)
    }

    pub(in crate::storage) async fn finish(mut self) -> Result<Stored, Failure> {
        self.flush().await?;
        self.written().await?;
        let Self { folder, key, staged, .. } = self;
        blocking(move || Ok(folder.publish(&key, &staged)?)).await
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        let spare = self.written().await?;
        if self.collected.length == 0 {
            return Ok(());
        }
        let mut full = mem::replace(&mut self.collected, spare);
        let (file, mut hash) = (Arc::clone(&self.staged.file), mem::take(&mut self.hash));
        let stride =
            (self.taken - self.unasked >= STRIDE).then(|| mem::replace(&mut self.unasked, self.taken)..self.taken);
        self.writing = Some(spawn_blocking(move || {
            for part in full.parts() {
                (&*file).write_all(part)?;
            }
            if let Some(stride) = stride {
                begin_write_back(&file, stride);
            }
            // Here, so that receiving goes on beside it.
            full.parts().for_each(|part| hash.update(part));
            full.clear();
            Ok((full, hash))
        }));
        Ok(())
    }

    /// Waits for the piece before, and returns it empty. Whoever stops waiting can wait again.
    async fn written(&mut self) -> Result<Piece, Failure> {
        if self.is_broken {
            return Err(Failure::Unavailable("an earlier write failed".into()));
        }
        let Some(writing) = &mut self.writing else { return Ok(Piece::default()) };
        let written = writing.await.unwrap_or_else(|died| Err(io::Error::other(died)));
        self.writing = None;
        self.is_broken = written.is_err();
        let (spare, hash) = written?;
        self.hash = hash;
        Ok(spare)
    }
}

impl Piece {
    fn keep(&mut self, bytes: Bytes) {
        self.length += bytes.len();
        self.kept.push(bytes);
    }

    /// As many as there is room for among `most`. Returns how many.
    fn copy_from(&mut self, bytes: &mut Bytes, most: usize) -> usize {
        let count = bytes.len().min(most - self.length);
        self.copied.reserve_exact(most - self.length);
        self.copied.extend_from_slice(&bytes[..count]);
        bytes.advance(count);
        self.length += count;
        count
    }

    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        iter::once(&self.copied[..]).chain(self.kept.iter().map(|kept| &kept[..]))
    }

    fn clear(&mut self) {
        self.copied.clear();
        self.kept.clear();
        self.length = 0;
    }
}

/// Nothing here waits for the disk. It is advice: what fails on the way is told by the sync that comes later. Linux begins
/// to write back what is dirty before it forgets what is clean, and of bytes just written none are.
fn begin_write_back(file: &File, Range { start, end }: Range<u64>) {
    let _ = fadvise(file, start, NonZeroU64::new(end - start), Advice::DontNeed);
}
