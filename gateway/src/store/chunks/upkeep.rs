//! What keeps the cache going: its threads, its clock, its disk's troubles.

use super::{
    CONFIRMED_FOR, Chunks, Version,
    file::{self, Unusable},
    folder::Folder,
    index::{Changing, Chunk},
    name::ObjectId,
    scan,
};
use crate::store::StorageError;
use rustix::io::Errno;
use std::{
    future::Future,
    io,
    os::fd::OwnedFd,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Builder, Runtime},
    time::{MissedTickBehavior, interval},
};

/// The upkeep's clock.
const TICK: Duration = Duration::from_secs(1);
/// After the disk took no chunk, none is offered to it for so many ticks.
const REST: u32 = 5;

/// The threads that read the bucket and write the disk, apart from those that serve.
pub(super) struct Threads(Option<Runtime>);

impl Threads {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("origin").enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.0 {
            runtime.spawn(task);
        }
    }

    /// For what waits for the disk longer than a write does.
    pub(super) fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) {
        if let Some(runtime) = &self.0 {
            runtime.spawn_blocking(work);
        }
    }
}

impl Drop for Threads {
    /// In the background: the last one to let go may be a thread that serves, or one of these.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A chunk's file, asked for by a reader.
pub(super) enum Opened {
    Ready(Arc<OwnedFd>),
    /// It is no chunk any more; look again.
    Gone,
    /// The disk does not give it.
    Trouble,
}

impl Chunks {
    /// Counts seconds and does what is due, for as long as the cache is used.
    pub(super) fn keep_up(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        self.threads.spawn(async move {
            let mut ticks = interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(chunks) = weak.upgrade() else { return };
                let now = chunks.tick.fetch_add(1, Ordering::Relaxed) + 1;
                chunks.open.close_idle(now);
                chunks.look_after_folder();
            }
        });
    }

    /// A folder that was deleted took its chunks with it; one that could not be used is tried again.
    fn look_after_folder(self: &Arc<Self>) {
        match self.folder.load_full() {
            Some(folder) if folder.is_there() => return,
            Some(folder) => {
                self.folder.store(None);
                let mut changing = self.index.change();
                changing.clear();
                self.settle(&folder, changing);
            }
            None => {}
        }
        self.take_folder();
    }

    /// Takes the folder, and in the background what lies in it.
    pub(super) fn take_folder(self: &Arc<Self>) {
        match Folder::open(&self.path) {
            Ok(folder) => {
                let folder = Arc::new(folder);
                self.is_scanning.store(true, Ordering::Relaxed);
                self.folder.store(Some(Arc::clone(&folder)));
                let weak = Arc::downgrade(self);
                self.threads.spawn_blocking(move || scan::scan(&weak, &folder));
            }
            Err(error) => self.trouble("cannot use the cache's folder", &error),
        }
    }

    /// Lets go of the index and gives the disk back what had to go.
    pub(super) fn settle(&self, folder: &Folder, changing: Changing<'_>) {
        let evicted = changing.evicted();
        self.count_evicted(evicted.len());
        folder.remove(evicted);
    }

    pub(super) fn count_evicted(&self, evicted: usize) {
        self.metrics.evictions.inc_by(evicted as u64);
        self.metrics.bytes.set(i64::try_from(self.index.bytes()).unwrap_or(i64::MAX));
    }

    /// The disk failed; readers go on without it.
    pub(super) fn trouble(&self, what: &'static str, error: &io::Error) {
        self.metrics.failures.inc();
        if self.quiet.is_over(Instant::now()) {
            tracing::warn!(%error, folder = %self.path.display(), "the chunk cache {what}; reading from storage instead");
        }
    }

    /// A chunk's file is not what was written.
    pub(super) fn corrupt(&self) {
        self.metrics.corrupt.inc();
        self.trouble("has a chunk that is not what was written", &io::ErrorKind::InvalidData.into());
    }

    /// A chunk's file that is open was cut under us: it is fetched again.
    pub(super) fn cut(&self, chunk: &Arc<Chunk>) {
        self.corrupt();
        self.drop_chunk(chunk);
    }

    /// Leaves the disk alone for a while.
    pub(super) fn rest(&self) {
        self.resting.store(self.now() + REST, Ordering::Relaxed);
    }

    /// Opens a chunk's file; at its first use after a restart, all of its bytes are looked at. Waits for the disk.
    pub(super) fn open_chunk(&self, chunk: &Arc<Chunk>, length: u64) -> Opened {
        let Some(folder) = self.folder.load_full() else { return Opened::Trouble };
        match load(&folder, chunk, length) {
            Ok(file) => {
                let file = Arc::new(file);
                self.open.keep(chunk, Arc::clone(&file), self.now());
                Opened::Ready(file)
            }
            Err(Unusable::Gone) => {
                self.drop_chunk(chunk);
                Opened::Gone
            }
            Err(Unusable::Corrupt) => {
                self.corrupt();
                self.drop_chunk(chunk);
                Opened::Gone
            }
            Err(Unusable::Disk(error)) => {
                self.unreadable(Some(chunk), &error);
                Opened::Trouble
            }
        }
    }

    /// A chunk that cannot be read is thrown away, unless the lack is of descriptors or memory.
    pub(super) fn unreadable(&self, chunk: Option<&Arc<Chunk>>, error: &io::Error) {
        self.trouble("cannot read a chunk", error);
        let lacks = [Errno::MFILE, Errno::NFILE, Errno::NOMEM].map(|errno| Some(errno.raw_os_error()));
        if let (Some(chunk), false) = (chunk, lacks.contains(&error.raw_os_error())) {
            self.drop_chunk(chunk);
        }
    }

    fn drop_chunk(&self, chunk: &Arc<Chunk>) {
        let mut changing = self.index.change();
        let is_ours = changing.take_chunk(chunk);
        chunk.file.store(None);
        // Still under the lock: a new fill's chunk of the same name may follow at once.
        if let (true, Some(folder)) = (is_ours, self.folder.load_full()) {
            folder.remove([chunk.id]);
        }
        drop(changing);
        self.count_evicted(0);
    }

    /// Has the bucket say whether it still has a version that is served from here, if it has not said so of late.
    pub(super) fn confirm(self: &Arc<Self>, version: &Arc<Version>) {
        let (now, confirmed) = (self.now(), version.confirmed.load(Ordering::Relaxed));
        if now < confirmed + CONFIRMED_FOR {
            return;
        }
        let claimed = version.confirmed.compare_exchange(confirmed, now, Ordering::Relaxed, Ordering::Relaxed);
        if claimed.is_err() {
            return;
        }
        let (weak, version) = (Arc::downgrade(self), Arc::clone(version));
        self.threads.spawn(async move {
            let outcome = version.origin.check().await;
            let Some(chunks) = weak.upgrade() else { return };
            if matches!(outcome, Err(StorageError::Missing | StorageError::Changed)) {
                tracing::info!("an object was changed or removed in storage; its chunks go");
                chunks.forget_object(version.id);
            }
        });
    }

    /// As [`Chunks::forget_object`], not on this thread.
    pub(super) fn forget_later(self: &Arc<Self>, object: ObjectId) {
        let chunks = Arc::clone(self);
        self.threads.spawn(async move { chunks.forget_object(object) });
    }
}

fn load(folder: &Folder, chunk: &Chunk, length: u64) -> Result<OwnedFd, Unusable> {
    if chunk.length != length {
        return Err(Unusable::Corrupt);
    }
    let file = file::open(&folder.path(chunk.id), length)?;
    if !chunk.is_verified.load(Ordering::Relaxed) {
        let trailer = file::trailer(&file, chunk.id, length + file::TRAILER)?;
        file::verify(&file, &trailer)?;
        chunk.is_verified.store(true, Ordering::Relaxed);
    }
    Ok(file)
}
