//! Which chunks there are, bounded by the bytes they take, and which object and file each belongs to.
//!
//! Reading takes no lock but that of a shard of the map. Whatever adds or removes a chunk holds the ledger's lock, so
//! that a chunk has one fill and a file's chunks are all known.

use super::{
    file::TRAILER,
    fill::Fill,
    name::{ChunkId, ObjectId},
};
use crate::store::pages::Warmth;
use arc_swap::ArcSwapOption;
use proto::id::FileId;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter, sync::Cache};
use std::{
    collections::{BTreeSet, HashMap},
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
};

/// A chunk takes whole blocks of the disk, an inode, and a place in memory: a small one weighs more than its bytes.
const BLOCK: u64 = 4096;
/// Kept free for what quick_cache's shards cannot share among each other.
const LEAST_PER_SHARD: u64 = 32;

/// A chunk's place in the index.
#[derive(Clone)]
pub(super) enum Entry {
    /// On its way; cannot be evicted, and its room is taken already.
    Filling(Arc<Fill>),
    Kept(Arc<Chunk>),
}

/// A chunk whose file is whole.
pub(super) struct Chunk {
    pub(super) id: ChunkId,
    /// Its bytes, without the trailer.
    pub(super) length: u64,
    /// Its sum was right when it was written or read by this process.
    pub(super) is_verified: AtomicBool,
    /// Its file, while that is kept open.
    pub(super) file: ArcSwapOption<OwnedFd>,
    pub(super) warmth: Option<Arc<Warmth>>,
    /// The tick of its last use.
    pub(super) used: AtomicU32,
}

impl Chunk {
    pub(super) fn new(id: ChunkId, length: u64, is_verified: bool) -> Arc<Self> {
        let is_verified = AtomicBool::new(is_verified);
        let (file, warmth) = (ArcSwapOption::empty(), Warmth::of(length).map(Arc::new));
        Arc::new(Self { id, length, is_verified, file, warmth, used: AtomicU32::new(0) })
    }
}

impl Entry {
    fn id(&self) -> ChunkId {
        match self {
            Self::Filling(fill) => fill.id,
            Self::Kept(chunk) => chunk.id,
        }
    }

    fn length(&self) -> u64 {
        match self {
            Self::Filling(fill) => fill.length,
            Self::Kept(chunk) => chunk.length,
        }
    }
}

/// What a chunk of this length takes of the bound.
fn weight(length: u64) -> u64 {
    (length + TRAILER).next_multiple_of(BLOCK)
}

#[derive(Clone)]
struct ByDisk;

impl Weighter<ChunkId, Entry> for ByDisk {
    fn weight(&self, _: &ChunkId, entry: &Entry) -> u64 {
        weight(entry.length())
    }
}

/// Collects what had to go, whose files are removed without a lock.
#[derive(Clone)]
struct Evicting;

impl Lifecycle<ChunkId, Entry> for Evicting {
    type RequestState = Vec<Entry>;

    fn is_pinned(&self, _: &ChunkId, entry: &Entry) -> bool {
        matches!(entry, Entry::Filling(_))
    }

    /// A fill that has ended comes here too, when its chunk takes its place.
    fn on_evict(&self, evicted: &mut Vec<Entry>, _: ChunkId, entry: Entry) {
        if matches!(entry, Entry::Kept(_)) {
            evicted.push(entry);
        }
    }
}

/// All chunks.
pub(super) struct Index {
    entries: Cache<ChunkId, Entry, ByDisk, DefaultHashBuilder, Evicting>,
    ledger: Mutex<Ledger>,
    bound: u64,
    filling: AtomicU64,
}

/// What belongs together.
#[derive(Default)]
struct Ledger {
    objects: HashMap<ObjectId, Parts>,
    files: HashMap<FileId, BTreeSet<ObjectId>>,
}

/// An object's chunks in the index.
struct Parts {
    file: FileId,
    chunks: BTreeSet<u32>,
}

impl Ledger {
    fn add(&mut self, id: ChunkId, file: &FileId) {
        let parts = self.objects.entry(id.object).or_insert_with(|| {
            self.files.entry(file.clone()).or_default().insert(id.object);
            Parts { file: file.clone(), chunks: BTreeSet::new() }
        });
        parts.chunks.insert(id.index);
    }

    fn remove(&mut self, id: ChunkId) {
        let Some(parts) = self.objects.get_mut(&id.object) else { return };
        parts.chunks.remove(&id.index);
        if !parts.chunks.is_empty() {
            return;
        }
        if let Some(objects) = self.files.get_mut(&parts.file) {
            objects.remove(&id.object);
            if objects.is_empty() {
                self.files.remove(&parts.file);
            }
        }
        self.objects.remove(&id.object);
    }
}

/// The index while it is being changed.
pub(super) struct Changing<'a> {
    index: &'a Index,
    ledger: MutexGuard<'a, Ledger>,
    evicted: Vec<Entry>,
}

impl Index {
    /// `bytes` of disk, in chunks of at most `chunk`.
    pub(super) fn new(bytes: u64, chunk: u64) -> Self {
        let chunks = bytes / weight(chunk);
        let shards = (chunks / LEAST_PER_SHARD).clamp(1, 64);
        let options = OptionsBuilder::new()
            .weight_capacity(bytes)
            .estimated_items_capacity(usize::try_from(chunks.max(1)).unwrap_or(usize::MAX))
            .shards(usize::try_from(shards).unwrap_or(1).next_power_of_two())
            .build()
            .expect("a capacity is set");
        Self {
            entries: Cache::with_options(options, ByDisk, DefaultHashBuilder::default(), Evicting),
            ledger: Mutex::default(),
            bound: bytes,
            filling: AtomicU64::new(0),
        }
    }

    /// For a reader: counts as a use.
    pub(super) fn find(&self, id: &ChunkId) -> Option<Entry> {
        self.entries.get(id)
    }

    /// For anyone else.
    pub(super) fn peek(&self, id: &ChunkId) -> Option<Entry> {
        self.entries.peek(id)
    }

    pub(super) fn contains(&self, id: &ChunkId) -> bool {
        self.entries.contains_key(id)
    }

    /// Disk taken, what is on its way included.
    pub(super) fn bytes(&self) -> u64 {
        self.entries.weight()
    }

    pub(super) fn change(&self) -> Changing<'_> {
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        Changing { index: self, ledger, evicted: Vec::new() }
    }

    /// The files of which there are chunks, and their objects.
    pub(super) fn files(&self) -> Vec<(FileId, Vec<ObjectId>)> {
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.files.iter().map(|(file, objects)| (file.clone(), objects.iter().copied().collect())).collect()
    }

    /// The file that an object is known to belong to.
    pub(super) fn file_of(&self, object: &ObjectId) -> Option<FileId> {
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.objects.get(object).map(|parts| parts.file.clone())
    }
}

impl Changing<'_> {
    /// Whether there is room for another fill. What is on its way cannot be evicted, so it must not fill the cache.
    pub(super) fn has_room_to_fill(&self, length: u64) -> bool {
        let filling = self.index.filling.load(Ordering::Relaxed);
        let wanted = weight(length);
        wanted <= self.index.bound && (filling == 0 || filling + wanted <= self.index.bound / 2)
    }

    pub(super) fn contains(&self, id: &ChunkId) -> bool {
        self.index.entries.contains_key(id)
    }

    /// Takes a fill's room.
    pub(super) fn begin(&mut self, fill: &Arc<Fill>, file: &FileId) {
        self.index.filling.fetch_add(weight(fill.length), Ordering::Relaxed);
        self.insert(Entry::Filling(Arc::clone(fill)), file);
    }

    /// Whether this fill's chunk is still wanted, and not forgotten since it began.
    pub(super) fn is_current(&self, fill: &Arc<Fill>) -> bool {
        let entry = self.index.entries.peek(&fill.id);
        matches!(entry, Some(Entry::Filling(current)) if Arc::ptr_eq(&current, fill))
    }

    /// A fill has ended: with a chunk in its place, or with nothing.
    pub(super) fn end(&mut self, fill: &Arc<Fill>, chunk: Option<Arc<Chunk>>, file: &FileId) {
        self.index.filling.fetch_sub(weight(fill.length), Ordering::Relaxed);
        if !self.is_current(fill) {
            return;
        }
        match chunk {
            Some(chunk) => self.insert(Entry::Kept(chunk), file),
            None => drop(self.take(fill.id)),
        }
    }

    pub(super) fn insert(&mut self, entry: Entry, file: &FileId) {
        let (id, before) = (entry.id(), self.evicted.len());
        self.ledger.add(id, file);
        self.index.entries.insert_with_lifecycle(id, entry, &mut self.evicted);
        self.evicted[before..].iter().for_each(|entry| self.ledger.remove(entry.id()));
    }

    /// Takes a chunk out, if it is this one.
    pub(super) fn take_chunk(&mut self, chunk: &Arc<Chunk>) -> bool {
        let entry = self.index.entries.peek(&chunk.id);
        let is_it = matches!(entry, Some(Entry::Kept(current)) if Arc::ptr_eq(&current, chunk));
        is_it && self.take(chunk.id).is_some()
    }

    fn take(&mut self, id: ChunkId) -> Option<Entry> {
        self.ledger.remove(id);
        self.index.entries.remove(&id).map(|(_, entry)| entry)
    }

    /// Takes an object's chunks out. One that is being filled goes on for its readers and is not kept.
    pub(super) fn take_object(&mut self, object: ObjectId) -> Vec<ChunkId> {
        let chunks: Vec<_> =
            self.ledger.objects.get(&object).map(|parts| parts.chunks.iter().copied().collect()).unwrap_or_default();
        let ids: Vec<_> = chunks.into_iter().map(|index| ChunkId { object, index }).collect();
        for id in &ids {
            self.take(*id).iter().for_each(close);
        }
        ids
    }

    /// Every object of a file.
    pub(super) fn objects_of(&self, file: &FileId) -> Vec<ObjectId> {
        self.ledger.files.get(file).map(|objects| objects.iter().copied().collect()).unwrap_or_default()
    }

    /// Takes everything out.
    pub(super) fn clear(&mut self) {
        let objects: Vec<_> = self.ledger.objects.keys().copied().collect();
        objects.into_iter().for_each(|object| drop(self.take_object(object)));
    }

    /// What had to go, to be removed once the index is let go of.
    pub(super) fn evicted(self) -> Vec<ChunkId> {
        self.evicted.iter().for_each(close);
        self.evicted.iter().map(Entry::id).collect()
    }
}

/// Readers that have the file keep it; nobody else gets it.
fn close(entry: &Entry) {
    if let Entry::Kept(chunk) = entry {
        chunk.file.store(None);
    }
}
