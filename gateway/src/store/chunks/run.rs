//! A run fills a stretch of chunks with one GET: a task on the origin's own threads that always reads and never waits
//! for a player. A chunk is finished even if all its readers leave: it is useful, and the last that is read for them.

use super::{
    Chunks, Object, Version,
    file::{Writer, reserve},
    fill::{Failure, Fill},
    folder::{Folder, Unfinished},
    index::Chunk,
    name::ChunkId,
};
use crate::store::{
    StorageError,
    bucket::{self, Body, FRUITFUL, FRUITLESS},
};
use bytes::Bytes;
use std::{collections::VecDeque, io, iter, ops::Range, sync::Arc, time::Duration};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

/// So much of a chunk is shown as soon as it is there.
const EARLY: u64 = 64 * 1024;
/// The rest is written and shown in steps of so much: each is a system call, and wakes every reader.
const STEP: usize = 256 * 1024;
/// Or after so long.
const LATEST: Duration = Duration::from_millis(10);

/// Fills on their way.
pub(super) struct Run {
    chunks: Arc<Chunks>,
    version: Arc<Version>,
    /// Asked on behalf of the reader that began this.
    origin: bucket::Object,
    folder: Arc<Folder>,
    fill: Arc<Fill>,
    /// The chunks behind it, in order. Only a chunk alone begins elsewhere than at its start.
    later: VecDeque<Arc<Fill>>,
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
        object: &Object,
        folder: Arc<Folder>,
        (fill, later): (Arc<Fill>, VecDeque<Arc<Fill>>),
        _ahead: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let (chunks, version, origin) = (Arc::clone(&object.chunks), Arc::clone(&object.version), object.origin());
        Self { chunks, version, origin, folder, fill, later, _ahead, writing: None, pieces: Vec::new() }
    }

    /// Fills the chunks of which the first starts at `start` in the object, or tells their readers why not. First the
    /// disk gets back what had to make room.
    pub(super) async fn drive(mut self, start: u64, evicted: Vec<ChunkId>) {
        self.folder.remove(evicted);
        let outcome = self.fill(start).await;
        if matches!(outcome, Err(Failure::Disk)) {
            self.chunks.rest();
        }
        // Whoever looks from now on finds the chunk, or begins anew; whoever has the fill is told.
        if let Err(failure) = outcome.and_then(|()| self.publish()) {
            for fill in self.stretch() {
                self.count(&failure);
                self.end(fill);
                fill.fail(failure.clone());
            }
        }
    }

    /// The fills that have not ended.
    fn stretch(&self) -> impl Iterator<Item = &Arc<Fill>> {
        iter::once(&self.fill).chain(&self.later)
    }

    /// What comes before the first byte that is wanted comes last.
    async fn fill(&mut self, start: u64) -> Result<(), Failure> {
        let length: u64 = self.stretch().map(|fill| fill.length).sum();
        let begin = start + self.fill.begin;
        self.pull(begin..start + length).await?;
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
                    self.origin.origin.metrics.resumes.inc();
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
        let mut body = self.origin.get(left.clone()).await?;
        self.version.seen(self.chunks.now());
        self.stretch().for_each(|fill| fill.promise());
        while let Some(mut piece) = self.next_piece(&mut body).await? {
            left.start += piece.len() as u64;
            while let Some(rest) = self.take(piece)? {
                self.go_on()?;
                piece = rest;
            }
        }
        Ok(())
    }

    /// Takes a piece, or as much of it as lies in this chunk, and returns the rest.
    fn take(&mut self, mut piece: Bytes) -> Result<Option<Bytes>, Failure> {
        let written = self.writing.as_ref().map_or(0, |writing| writing.writer.written());
        let waiting = self.pieces.iter().map(Bytes::len).sum::<usize>();
        let room = usize::try_from(self.fill.length - written).unwrap_or(usize::MAX) - waiting;
        let rest = (piece.len() > room).then(|| piece.split_off(room));
        let waiting = waiting + piece.len();
        if !piece.is_empty() {
            self.pieces.push(piece);
        }
        if written < EARLY || waiting >= STEP || rest.is_some() {
            self.write()?;
        }
        Ok(rest)
    }

    /// Ends this chunk, which is whole, and begins the next, if anybody wants it: the bytes behind this one were for those
    /// who were reading then.
    fn go_on(&mut self) -> Result<(), Failure> {
        self.publish()?;
        self.fill = self.later.pop_front().ok_or(Failure::Abandoned)?;
        if self.fill.is_wanted() { Ok(()) } else { Err(Failure::Abandoned) }
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

    fn count(&self, failure: &Failure) {
        let unfilled = &self.chunks.metrics.unfilled;
        match failure {
            Failure::Origin(_) => unfilled.origin.inc(),
            Failure::Disk => unfilled.disk.inc(),
            Failure::Abandoned => unfilled.reader.inc(),
        }
    }

    /// Nothing comes of it.
    fn end(&self, fill: &Arc<Fill>) {
        let mut changing = self.chunks.index.change();
        changing.end(fill, None, &self.version.file);
        self.chunks.settle(&self.folder, changing);
    }

    fn on_disk<T>(&self, outcome: io::Result<T>) -> Result<T, Failure> {
        outcome.map_err(|error| {
            self.chunks.trouble("cannot keep a chunk", &error);
            Failure::Disk
        })
    }
}
