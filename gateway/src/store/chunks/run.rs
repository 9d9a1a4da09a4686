//! A run fills one chunk with one GET: a task on the origin's own threads that always reads and never waits for a
//! player. The chunk is finished even if all its readers leave: it is useful, and the last that is read for them.

use super::{
    Chunks, Version,
    file::{Writer, reserve},
    fill::{Failure, Fill},
    folder::{Folder, Unfinished},
    index::Chunk,
    name::ChunkId,
};
use crate::store::{
    StorageError,
    bucket::{Body, FRUITFUL, FRUITLESS},
};
use bytes::Bytes;
use std::{io, ops::Range, sync::Arc, time::Duration};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

/// So much of a chunk is shown as soon as it is there.
const EARLY: u64 = 64 * 1024;
/// The rest is written and shown in steps of so much: each is a system call, and wakes every reader.
const STEP: usize = 256 * 1024;
/// Or after so long.
const LATEST: Duration = Duration::from_millis(10);

/// A fill on its way.
pub(super) struct Run {
    chunks: Arc<Chunks>,
    version: Arc<Version>,
    folder: Arc<Folder>,
    fill: Arc<Fill>,
    /// Held while nobody may be waiting for it.
    _ahead: Option<OwnedSemaphorePermit>,
    writing: Option<Writing>,
    /// Read and not written yet.
    pieces: Vec<Bytes>,
}

/// The chunk's file.
struct Writing {
    unfinished: Unfinished,
    writer: Writer,
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Origin(error)
    }
}

impl Run {
    pub(super) fn new(
        chunks: &Arc<Chunks>,
        version: &Arc<Version>,
        folder: Arc<Folder>,
        fill: Arc<Fill>,
        _ahead: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let (chunks, version) = (Arc::clone(chunks), Arc::clone(version));
        Self { chunks, version, folder, fill, _ahead, writing: None, pieces: Vec::new() }
    }

    /// Fills the chunk that starts at `start` in the object, or tells its readers why not. First the disk gets back what
    /// had to make room.
    pub(super) async fn drive(mut self, start: u64, evicted: Vec<ChunkId>) {
        self.folder.remove(evicted);
        let outcome = self.fill(start).await;
        if matches!(outcome, Err(Failure::Disk)) {
            self.chunks.rest();
        }
        // Whoever looks from now on finds the chunk, or begins anew; whoever has the fill is told.
        match outcome.and_then(|()| self.publish()) {
            Ok(()) => {}
            Err(failure) => {
                self.end();
                self.fill.fail(failure);
            }
        }
    }

    /// What comes before the first byte that is wanted comes last.
    async fn fill(&mut self, start: u64) -> Result<(), Failure> {
        let (begin, end) = (start + self.fill.begin, start + self.fill.length);
        self.pull(begin..end).await?;
        self.pull(start..begin).await
    }

    /// Reads a range, and what is missing of it again if the body breaks off.
    async fn pull(&mut self, mut left: Range<u64>) -> Result<(), Failure> {
        let mut fruitless = 0;
        while !left.is_empty() {
            let before = left.start;
            let outcome = self.pull_once(&mut left).await;
            self.write()?;
            let Err(failure) = outcome else { continue };
            fruitless = if left.start - before >= FRUITFUL { 0 } else { fruitless + 1 };
            match &failure {
                Failure::Origin(error) if error.is_passing() && self.fill.is_promised() && fruitless < FRUITLESS => {
                    self.version.origin.origin.metrics.resumes.inc();
                }
                _ => return Err(failure),
            }
        }
        Ok(())
    }

    async fn pull_once(&mut self, left: &mut Range<u64>) -> Result<(), Failure> {
        if !self.fill.is_wanted() && self.writing.is_none() {
            return Err(Failure::Abandoned);
        }
        let mut body = self.version.origin.get(left.clone()).await?;
        self.version.seen(self.chunks.now());
        self.fill.promise();
        while let Some(piece) = self.next_piece(&mut body).await? {
            left.start += piece.len() as u64;
            self.pieces.push(piece);
            let written = self.writing.as_ref().map_or(0, |writing| writing.writer.written());
            let waiting: usize = self.pieces.iter().map(Bytes::len).sum();
            if written < EARLY || waiting >= STEP {
                self.write()?;
            }
        }
        Ok(())
    }

    /// The next piece. One that is late keeps nothing from the readers that is there already.
    async fn next_piece(&mut self, body: &mut Body) -> Result<Option<Bytes>, Failure> {
        if !self.pieces.is_empty() {
            match timeout(LATEST, body.next()).await {
                Ok(piece) => return Ok(piece?),
                Err(_) => self.write()?,
            }
        }
        Ok(body.next().await?)
    }

    /// Writes what was read, and shows it.
    fn write(&mut self) -> Result<(), Failure> {
        if self.pieces.is_empty() {
            return Ok(());
        }
        let pieces = std::mem::take(&mut self.pieces);
        let written = self.writing().and_then(|writing| {
            writing.writer.write(&pieces)?;
            Ok((Arc::clone(&writing.writer.file), writing.writer.written()))
        });
        let (file, written) = self.on_disk(written)?;
        self.fill.show(&file, written);
        Ok(())
    }

    /// The chunk's file, made when its first bytes are there.
    fn writing(&mut self) -> io::Result<&mut Writing> {
        if self.writing.is_none() {
            let (unfinished, file) = self.folder.create(self.fill.id)?;
            reserve(&file, self.fill.length)?;
            let writer = Writer::new(file, self.fill.length, self.fill.begin);
            self.writing = Some(Writing { unfinished, writer });
        }
        self.writing.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The whole chunk gets its name, unless it was forgotten meanwhile. Its readers have all of it either way.
    fn publish(&mut self) -> Result<(), Failure> {
        let Some(Writing { mut unfinished, writer }) = self.writing.take() else { return Ok(()) };
        let published = writer.finish(self.fill.id, &self.version.file).and_then(|()| {
            let mut changing = self.chunks.index.change();
            let chunk = Chunk::new(self.fill.id, self.fill.length, true);
            if changing.is_current(&self.fill) {
                self.folder.publish(&mut unfinished, chunk.id)?;
                self.chunks.open.keep(&chunk, Arc::clone(&writer.file), self.chunks.now());
            }
            changing.end(&self.fill, Some(chunk), &self.version.file);
            self.chunks.settle(&self.folder, changing);
            Ok(())
        });
        if published.is_err() {
            self.chunks.rest();
        }
        self.on_disk(published)
    }

    /// Nothing comes of it.
    fn end(&self) {
        let mut changing = self.chunks.index.change();
        changing.end(&self.fill, None, &self.version.file);
        self.chunks.settle(&self.folder, changing);
    }

    fn on_disk<T>(&self, outcome: io::Result<T>) -> Result<T, Failure> {
        outcome.map_err(|error| {
            self.chunks.trouble("cannot keep a chunk", &error);
            Failure::Disk
        })
    }
}
