//! What lies in the folder at start. Names and sizes are taken as they are, and one trailer an object tells its file; a
//! chunk's bytes are looked at when it is first used. What has not our exact form of name is not ours.

use super::{
    Chunks,
    file::{self, TRAILER, Unusable},
    folder::Folder,
    index::{Chunk, Entry},
    name::ChunkId,
};
use proto::id::FileId;
use std::{
    fs::{self, DirEntry},
    io,
    path::Path,
    sync::{Weak, atomic::Ordering},
};

/// The largest chunk of any setting.
const LARGEST: u64 = 8 * 1024 * 1024;

/// Takes in what a process before this one left. Stops when the cache does.
pub(super) fn scan(chunks: &Weak<Chunks>, folder: &Folder) {
    let mut found = 0_u64;
    for shelf in folder.shelves() {
        let Some(chunks) = chunks.upgrade() else { return };
        let entries = fs::read_dir(&shelf).into_iter().flatten().flatten();
        found += entries.filter(|entry| chunks.take_in(folder, entry)).count() as u64;
    }
    if let Some(chunks) = chunks.upgrade() {
        chunks.is_scanning.store(false, Ordering::Relaxed);
        chunks.count_evicted(0);
        chunks.is_unchecked.store(true, Ordering::Relaxed);
        if found > 0 {
            tracing::info!(chunks = found, bytes = chunks.index.bytes(), "took over the chunks of a run before");
        }
    }
}

impl Chunks {
    /// Takes one file in, if it is a chunk and new.
    fn take_in(&self, folder: &Folder, entry: &DirEntry) -> bool {
        let (name, path) = (entry.file_name(), entry.path());
        let Some(name) = name.to_str() else { return false };
        if folder.is_leftover(name) {
            file::remove(&path);
        }
        let Some(id) = ChunkId::parse(name) else { return false };
        if path == folder.path(id) {
            return self.take_in_chunk(folder, id, &path);
        }
        // A name of ours where we never look for it.
        file::remove(&path);
        false
    }

    fn take_in_chunk(&self, folder: &Folder, id: ChunkId, path: &Path) -> bool {
        if self.index.contains(&id) {
            return false;
        }
        match self.describe(id, path) {
            Ok((length, file)) => {
                let mut changing = self.index.change();
                let is_new = !changing.contains(&id);
                if is_new {
                    changing.insert(Entry::Kept(Chunk::new(id, length, false)), &file);
                }
                self.settle(folder, changing);
                is_new
            }
            Err(Unusable::Corrupt) => {
                self.corrupt();
                // A reader may have found the same, and put a whole chunk in its place.
                let changing = self.index.change();
                if !changing.contains(&id) {
                    file::remove(path);
                }
                false
            }
            Err(Unusable::Gone | Unusable::Disk(_)) => false,
        }
    }

    /// Whether a chunk may lie in the folder that the index does not know of yet.
    pub(super) fn is_scanning(&self) -> bool {
        self.is_scanning.load(Ordering::Relaxed)
    }

    /// Looks for one chunk before the scan comes to it. Waits for the disk.
    pub(super) fn look_for(&self, id: ChunkId) {
        if let Some(folder) = self.folder.load_full() {
            self.take_in_chunk(&folder, id, &folder.path(id));
        }
    }

    /// A chunk's length, and the file it is a part of.
    fn describe(&self, id: ChunkId, path: &Path) -> Result<(u64, FileId), Unusable> {
        let meta = fs::symlink_metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Unusable::Gone,
            _ => Unusable::Disk(error),
        })?;
        let length = meta.len().checked_sub(TRAILER).filter(|length| (1..=LARGEST).contains(length));
        let length = length.filter(|_| meta.is_file()).ok_or(Unusable::Corrupt)?;
        if let Some(file) = self.index.file_of(&id.object) {
            return Ok((length, file));
        }
        let trailer = file::trailer(&file::open(path, length)?, id, meta.len())?;
        Ok((length, trailer.file))
    }
}
