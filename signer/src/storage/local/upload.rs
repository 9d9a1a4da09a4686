//! An object being written: pieces are collected, and one is on its way to the disk while the next is.

use super::{Failure, Folder, Key, Progress, RunningHash, Staged, Stored, blocking};
use rustix::fs::{Advice, fadvise};
use std::{
    fs::File,
    io::{self, Write},
    mem,
    num::NonZeroU64,
    ops::Range,
    sync::Arc,
};
use tokio::{
    sync::OwnedSemaphorePermit,
    task::{JoinHandle, spawn_blocking},
};

/// Bytes collected before they are handed to the disk in one write. One such piece is being written while the
/// next is collected, so an upload holds twice this.
const PIECE: usize = 128 << 10;
/// The same for the few uploads of [`LARGE_PLACES`]: a tenth less CPU for each byte.
const LARGE_PIECE: usize = 1 << 20;
pub(super) const LARGE_PLACES: usize = 4;
/// Bytes after which the kernel is asked to begin with their way to the disk, so that a sync finds little left to do.
const STRIDE: u64 = 8 << 20;

/// The buffer of a piece that was written, empty, and the hash behind it.
type Written = (Vec<u8>, RunningHash);

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
    piece: usize,
    /// Held by those with large pieces.
    _large: Option<OwnedSemaphorePermit>,
    collected: Vec<u8>,
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
        let piece = if large.is_some() { LARGE_PIECE } else { PIECE };
        Self {
            folder,
            key,
            staged,
            progress,
            taken: offset,
            unasked: offset,
            piece,
            _large: large,
            collected: Vec::with_capacity(piece),
            writing: None,
            hash: RunningHash::default(),
            is_broken: false,
        }
    }

    pub(in crate::storage) async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(self.piece - self.collected.len()));
            self.collected.extend_from_slice(now);
            self.taken += now.len() as u64;
            bytes = later;
            if self.collected.len() == self.piece {
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
        if self.collected.is_empty() {
            return Ok(());
        }
        let mut full = mem::replace(&mut self.collected, spare);
        let (file, mut hash) = (Arc::clone(&self.staged.file), mem::take(&mut self.hash));
        let stride =
            (self.taken - self.unasked >= STRIDE).then(|| mem::replace(&mut self.unasked, self.taken)..self.taken);
        self.writing = Some(spawn_blocking(move || {
            (&*file).write_all(&full)?;
            if let Some(stride) = stride {
                begin_write_back(&file, stride);
            }
            // Here, so that receiving goes on beside it.
            hash.update(&full);
            full.clear();
            Ok((full, hash))
        }));
        Ok(())
    }

    /// Waits for the piece before, and returns its buffer. Whoever stops waiting can wait again.
    async fn written(&mut self) -> Result<Vec<u8>, Failure> {
        if self.is_broken {
            return Err(Failure::Unavailable("an earlier write failed".into()));
        }
        let Some(writing) = &mut self.writing else { return Ok(Vec::with_capacity(self.piece)) };
        let written = writing.await.unwrap_or_else(|died| Err(io::Error::other(died)));
        self.writing = None;
        self.is_broken = written.is_err();
        let (spare, hash) = written?;
        self.hash = hash;
        Ok(spare)
    }
}

/// Nothing here waits for the disk. It is advice: what fails on the way is told by the sync that comes later. Linux begins
/// to write back what is dirty before it forgets what is clean, and of bytes just written none are.
fn begin_write_back(file: &File, Range { start, end }: Range<u64>) {
    let _ = fadvise(file, start, NonZeroU64::new(end - start), Advice::DontNeed);
}
