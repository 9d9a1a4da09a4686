//! The chunk cache before a bucket: objects in aligned chunks, one file each, in a folder of its own.
//!
//! The way of a read: [`Object::start`] → `reader` looks its chunk up in the `index` → a chunk that is kept leaves as its
//! `file` (the hot case: no task, nothing opened) → one that is not is begun: a `run` on the origin's threads fills it by
//! one GET, and whoever wants it streams the `fill` as it grows.
//!
//! | module | holds |
//! |---|---|
//! | `name`, `file`, `folder` | what lies on the disk |
//! | `index`, `open` | which chunks there are, and which of them are open |
//! | `fill`, `run`, `reader` | bytes on their way |
//! | `upkeep`, `scan`, `purge` | what happens beside: trouble, restart, deletion |
//!
//! A disk that fails is no reader's affair: the rest of its range comes from the bucket, as without a cache.

mod file;
mod fill;
mod folder;
mod index;
mod name;
mod open;
mod purge;
mod reader;
mod run;
mod scan;
#[cfg(test)]
mod tests;
mod upkeep;

pub(crate) use reader::Reader;

use super::{
    StorageError,
    bucket::{self, Bucket},
};
use crate::{config, observe::CacheMetrics};
use arc_swap::ArcSwapOption;
use fill::{Fill, Ticket};
use folder::Folder;
use index::Index;
use name::{ChunkId, ObjectId};
use open::OpenFiles;
use proto::{catalog::FileEntry, etag::ETag, id::FileId, quiet::Quiet, trace_context::TraceContext};
use quick_cache::sync::Cache;
use run::Run;
use std::{
    collections::VecDeque,
    io,
    ops::Range,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use upkeep::Threads;

/// A first byte deeper in its chunk than this does not wait for those before it.
const DEEP: u64 = 64 * 1024;
/// Runs under way that nobody waits for yet.
const RUNS_AHEAD: usize = 64;
/// Objects remembered: as many as rows.
const REMEMBERED: usize = 20_000;
/// A hit on an object that the bucket has not confirmed for so long has it asked. In ticks.
const CONFIRMED_FOR: u32 = 60;

/// The cache, and the bucket behind it.
pub(crate) struct Chunks {
    pub(super) bucket: Bucket,
    /// The storage's name, endpoint included.
    storage: String,
    /// Bytes of a chunk.
    chunk: u64,
    path: PathBuf,
    /// Where chunks are kept; none while the disk does not let us.
    folder: ArcSwapOption<Folder>,
    index: Index,
    open: OpenFiles,
    versions: Cache<String, Arc<Version>>,
    ahead: Arc<Semaphore>,
    /// Seconds since the start, as the upkeep counts them.
    tick: AtomicU32,
    /// The tick until which nothing is filled.
    resting: AtomicU32,
    /// Chunks of a run before may lie in the folder that the index does not know of yet.
    is_scanning: AtomicBool,
    /// Chunks of a run before were found, and the catalog has not been asked about them.
    is_unchecked: AtomicBool,
    quiet: Quiet,
    threads: Threads,
    metrics: CacheMetrics,
}

/// One version of one object.
pub(super) struct Version {
    id: ObjectId,
    file: FileId,
    origin: bucket::Object,
    /// The tick at which the bucket last said that it is there.
    confirmed: AtomicU32,
}

impl Version {
    /// The bucket has it.
    fn seen(&self, now: u32) {
        self.confirmed.store(now, Ordering::Relaxed);
    }
}

/// One version of one object, to be read through the cache.
#[derive(Clone)]
pub(crate) struct Object {
    chunks: Arc<Chunks>,
    version: Arc<Version>,
    /// Of the request that reads.
    trace: Option<Arc<TraceContext>>,
}

impl Object {
    /// The same; what it asks of the bucket is asked for this trace.
    pub(crate) fn on_behalf(self, trace: Option<Arc<TraceContext>>) -> Self {
        Self { trace, ..self }
    }

    /// As the bucket has it.
    fn origin(&self) -> bucket::Object {
        self.version.origin.clone().on_behalf(self.trace.clone())
    }

    /// Begins to read a range; when this returns, its first bytes are there or were promised by the bucket.
    pub(crate) async fn start(&self, range: Range<u64>) -> Result<Reader, StorageError> {
        Reader::start(self.clone(), range).await
    }

    /// Begins to read a range, to learn only from its body how that went.
    pub(crate) fn read(&self, range: Range<u64>) -> Reader {
        Reader::new(self.clone(), range)
    }

    /// Whether the object is there in this version. If it is not, its chunks go.
    pub(crate) async fn check(&self) -> Result<(), StorageError> {
        let outcome = self.origin().check().await;
        match &outcome {
            Ok(()) => self.version.seen(self.chunks.now()),
            Err(StorageError::Missing | StorageError::Changed) => self.chunks.forget_later(self.version.id),
            Err(_) => {}
        }
        outcome
    }
}

/// What became of an attempt to begin a fill.
enum Begun {
    /// Its chunk, and those behind it that come by the same GET.
    Filling(Ticket, VecDeque<Ticket>),
    /// Another was faster; look again.
    Raced,
    /// The cache has no room, no disk, or no turn for it.
    Refused,
}

impl Chunks {
    /// Sets the cache up. A disk that does not let us is tried again later.
    ///
    /// # Errors
    /// The system gives no threads.
    pub(crate) fn open(
        config: &config::Cache,
        storage: &str,
        bucket: Bucket,
        metrics: CacheMetrics,
    ) -> io::Result<Arc<Self>> {
        let chunks = Arc::new(Self {
            bucket,
            storage: storage.to_owned(),
            chunk: config.chunk,
            path: config.folder.clone(),
            folder: ArcSwapOption::empty(),
            index: Index::new(config.bytes, config.chunk),
            open: OpenFiles::new(),
            versions: Cache::new(REMEMBERED),
            ahead: Arc::new(Semaphore::new(RUNS_AHEAD)),
            tick: AtomicU32::new(CONFIRMED_FOR),
            resting: AtomicU32::new(0),
            is_scanning: AtomicBool::new(false),
            is_unchecked: AtomicBool::new(false),
            quiet: Quiet::default(),
            threads: Threads::start()?,
            metrics,
        });
        chunks.metrics.bytes_limit.set(i64::try_from(config.bytes).unwrap_or(i64::MAX));
        chunks.take_folder();
        chunks.keep_up();
        Ok(chunks)
    }

    /// The row's object.
    pub(crate) fn object(self: &Arc<Self>, file: &FileId, row: &FileEntry) -> Result<Object, StorageError> {
        let known = self.versions.get(row.object_key.as_str());
        let is_it = |known: &Arc<Version>| {
            known.origin.etag == row.etag && known.origin.size == row.size && known.file == *file
        };
        let version = match known.filter(is_it) {
            Some(version) => version,
            None => self.remember(file, row)?,
        };
        Ok(Object { chunks: Arc::clone(self), version, trace: None })
    }

    fn remember(&self, file: &FileId, row: &FileEntry) -> Result<Arc<Version>, StorageError> {
        let version = Arc::new(Version {
            id: self.object_id(&row.object_key, &row.etag, row.size),
            file: file.clone(),
            origin: self.bucket.object(row)?,
            confirmed: AtomicU32::new(0),
        });
        self.versions.insert(row.object_key.clone(), Arc::clone(&version));
        Ok(version)
    }

    fn object_id(&self, key: &str, etag: &ETag, size: u64) -> ObjectId {
        ObjectId::new(&self.storage, key, etag, size, self.chunk)
    }

    fn now(&self) -> u32 {
        self.tick.load(Ordering::Relaxed)
    }

    /// The tick until which nothing is filled.
    fn resting(&self) -> u32 {
        self.resting.load(Ordering::Relaxed)
    }

    /// Begins to fill the chunk in which a byte lies, with that byte first; and up to so many in all, unless it lies deep in
    /// its own.
    fn begin(self: &Arc<Self>, object: &Object, at: u64, count: u64) -> Begun {
        let start = at - at % self.chunk;
        match at - start {
            ..=DEEP => self.begin_stretch(object, (start, 0), count, None),
            depth => self.begin_stretch(object, (start, depth), 1, None),
        }
    }

    /// Begins to fill up to so many chunks, from the one at `start` up to the first that is there already; `begin` is where
    /// in it its first bytes lie.
    fn begin_stretch(
        self: &Arc<Self>,
        object: &Object,
        (start, begin): (u64, u64),
        count: u64,
        ahead: Option<OwnedSemaphorePermit>,
    ) -> Begun {
        let folder = self.folder.load_full().filter(|_| self.resting() <= self.now());
        let (Some(folder), Ok(first)) = (folder, u32::try_from(start / self.chunk)) else { return Begun::Refused };
        let version = &object.version;
        let mut changing = self.index.change();
        let mut fills = VecDeque::new();
        for index in (first..).take_while(|index| u64::from(index - first) < count) {
            let range = ChunkId::range(index, version.origin.size, self.chunk);
            let fill = Fill::new(ChunkId { object: version.id, index }, range.end - range.start, begin);
            let is_there = changing.contains(&fill.id);
            if is_there || !changing.has_room_to_fill(fill.length) {
                match fills.is_empty() {
                    true if is_there => return Begun::Raced,
                    true => return Begun::Refused,
                    false => break,
                }
            }
            changing.begin(&fill, &version.file);
            fills.push_back(fill);
        }
        let evicted = changing.evicted();
        self.metrics.misses.inc_by(fills.len() as u64);
        self.count_evicted(evicted.len());
        let mut tickets: VecDeque<_> = fills.iter().map(Fill::join).collect();
        let (Some(fill), Some(ticket)) = (fills.pop_front(), tickets.pop_front()) else { return Begun::Refused };
        let run = Run::new(object, folder, (fill, fills), ahead);
        self.threads.spawn(run.drive(start, evicted));
        Begun::Filling(ticket, tickets)
    }
}
