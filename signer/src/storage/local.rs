//! A folder. An upload is staged in `<root>/managed/.staging/`, made durable, then renamed to its key: a reader
//! sees the whole object or none, and after a power cut too.

use super::{Failure, Key, Stored};
use crate::{
    clock,
    durable::{make_folder, sync_folder},
};
use proto::{etag::ETag, storage::MANAGED_PREFIX};
use std::{
    collections::HashSet,
    fs::{self, DirBuilder, DirEntry, File, Metadata, OpenOptions},
    io::{self, ErrorKind, Write},
    mem,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes collected before they are handed to the disk in one write. One such piece is being written while the
/// next is collected, so an upload holds twice this.
const PIECE: usize = 1 << 20;

/// A staged file not written to for this long is nobody's. A client as slow as may be sends a piece in 17 hours.
const ABANDONED_SECONDS: u64 = 24 * 60 * 60;

/// The root, and what all uploads share.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    root: Arc<Path>,
    /// Shards that this process knows to be durable. Held while one is made, so that nobody uses a folder that a
    /// power cut could still undo.
    shards: Arc<Mutex<HashSet<PathBuf>>>,
}

impl Folder {
    pub(super) async fn open(root: PathBuf) -> Result<Self, Failure> {
        let folder = Self { root: root.into(), shards: Arc::default() };
        let making = folder.clone();
        blocking(move || making.prepare()).await?;
        Ok(folder)
    }

    pub(super) async fn begin(&self, key: &Key) -> Result<Upload, Failure> {
        let (folder, key) = (self.clone(), key.clone());
        blocking(move || {
            let path = folder.staging().join(uuid::Uuid::now_v7().simple().to_string());
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            let staged = Staged { path, file: Arc::new(file) };
            Ok(Upload { folder, key, staged, collected: Vec::with_capacity(PIECE), writing: None })
        })
        .await
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<(), Failure> {
        let path = self.root.join(key.as_str());
        blocking(move || match fs::remove_file(&path) {
            Ok(()) => sync_folder(path.parent().expect("a key has a shard above it")),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        })
        .await
    }

    pub(super) async fn look(&self, path: &str) -> Result<Option<Stored>, Failure> {
        let (root, path) = (Arc::clone(&self.root), PathBuf::from(path));
        blocking(move || {
            let whole = root.join(&path);
            let facts = match fs::symlink_metadata(&whole) {
                Err(error) if cannot_be_there(&error) => return Ok(None),
                facts => facts?,
            };
            let is_there_itself = fs::canonicalize(&whole)? == fs::canonicalize(&*root)?.join(&path);
            Ok((facts.is_file() && is_there_itself).then(|| stored(&facts)))
        })
        .await
    }

    pub(super) async fn ping(&self) -> Result<(), Failure> {
        let staging = self.staging();
        blocking(move || fs::metadata(staging).map(drop)).await
    }

    fn staging(&self) -> PathBuf {
        self.root.join(MANAGED_PREFIX).join(".staging")
    }

    /// Folders that an earlier process made may not be durable: it may have died in between.
    fn prepare(&self) -> io::Result<()> {
        make_folder(&self.staging())?;
        sync_folder(&self.root.join(MANAGED_PREFIX))?;
        sync_folder(&self.root)?;
        if let Err(error) = remove_abandoned(&self.staging(), clock::unix_seconds()) {
            tracing::warn!(%error, "abandoned uploads could not be removed");
        }
        Ok(())
    }

    /// The shard's folder, durable itself.
    fn shard(&self, path: &Path) -> io::Result<PathBuf> {
        let shard = path.parent().expect("a key has a shard above it").to_owned();
        let mut durable = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        match DirBuilder::new().mode(0o700).create(&shard) {
            Ok(()) => drop(durable.remove(&shard)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        if !durable.contains(&shard) {
            sync_folder(&self.root.join(MANAGED_PREFIX))?;
            durable.insert(shard.clone());
        }
        Ok(shard)
    }

    fn publish(&self, key: &Key, staged: &Staged) -> io::Result<Stored> {
        // The whole of it, not the data alone: the modification time is the validator.
        staged.file.sync_all()?;
        let path = self.root.join(key.as_str());
        let shard = self.shard(&path)?;
        fs::rename(&staged.path, &path)?;
        sync_folder(&shard)?;
        sync_folder(&self.staging())?;
        Ok(stored(&staged.file.metadata()?))
    }
}

fn stored(facts: &Metadata) -> Stored {
    let modified_ns = i128::from(facts.mtime()) * 1_000_000_000 + i128::from(facts.mtime_nsec());
    Stored {
        etag: ETag::of_local_file(modified_ns, facts.len()),
        modified_at: u64::try_from(facts.mtime()).unwrap_or_default(),
        size: facts.len(),
    }
}

/// A file that is not an object yet. Goes away when dropped; once renamed there is nothing left to remove.
#[derive(Debug)]
struct Staged {
    path: PathBuf,
    file: Arc<File>,
}

impl Drop for Staged {
    fn drop(&mut self) {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(%error, "a staged upload could not be removed");
            }
            _ => {}
        }
    }
}

/// An object being written.
#[derive(Debug)]
pub(crate) struct Upload {
    folder: Folder,
    key: Key,
    staged: Staged,
    collected: Vec<u8>,
    /// The piece before, on its way to the disk; gives its buffer back.
    writing: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

impl Upload {
    pub(super) async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.collected.len()));
            self.collected.extend_from_slice(now);
            bytes = later;
            if self.collected.len() == PIECE {
                self.flush().await?;
            }
        }
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<Stored, Failure> {
        self.flush().await?;
        self.written().await?;
        let Self { folder, key, staged, .. } = self;
        blocking(move || folder.publish(&key, &staged)).await
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        let spare = self.written().await?;
        let mut full = mem::replace(&mut self.collected, spare);
        let file = Arc::clone(&self.staged.file);
        self.writing = Some(spawn_blocking(move || {
            (&*file).write_all(&full)?;
            full.clear();
            Ok(full)
        }));
        Ok(())
    }

    /// Waits for the piece before, and returns its buffer.
    async fn written(&mut self) -> Result<Vec<u8>, Failure> {
        match self.writing.take() {
            None => Ok(Vec::with_capacity(PIECE)),
            Some(writing) => writing.await.unwrap_or_else(|died| Err(io::Error::other(died))).map_err(failure),
        }
    }
}

/// Removes what a killed process had staged. Others may be at work in the same folder, but none lets an upload rest
/// for so long.
fn remove_abandoned(staging: &Path, now: u64) -> io::Result<()> {
    for entry in fs::read_dir(staging)? {
        match remove_if_abandoned(&entry?, now) {
            // Another process was faster.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            done => done?,
        }
    }
    Ok(())
}

fn remove_if_abandoned(entry: &DirEntry, now: u64) -> io::Result<()> {
    let facts = entry.metadata()?;
    let modified = u64::try_from(facts.mtime()).unwrap_or_default();
    if facts.is_file() && now.saturating_sub(modified) > ABANDONED_SECONDS {
        fs::remove_file(entry.path())?;
        tracing::info!(bytes = facts.len(), "an abandoned upload was removed");
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Failure> {
    spawn_blocking(work).await.unwrap_or_else(|died| Err(io::Error::other(died))).map_err(failure)
}

/// Nothing is at this path, or nothing could be: a file system bounds names more tightly than S3 its keys.
fn cannot_be_there(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename)
}

fn failure(error: io::Error) -> Failure {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Failure::Full(error.into()),
        _ => Failure::Unavailable(error.into()),
    }
}
