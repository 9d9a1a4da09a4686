//! A folder. An upload is staged in `<root>/managed/.staging/`, made durable, then renamed to its key: a reader
//! sees the whole object or none, and after a power cut too.

mod listing;
mod others;
mod staged;
mod upload;

pub(crate) use upload::Upload;

use super::{Failure, Key, Progress, RunningHash, Stored, key::STAGING};
use crate::durable::{make_folder, sync_folder};
use bytes::Bytes;
use proto::{etag::ETag, storage::MANAGED_PREFIX};
use staged::{NO_LINKS, Staged};
use std::{
    collections::HashSet,
    fs::{self, DirBuilder, Metadata, OpenOptions},
    io::{self, ErrorKind},
    ops::Range,
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{sync::Semaphore, task::spawn_blocking};
use upload::LARGE_PLACES;

/// The root, and what all uploads share.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    root: Arc<Path>,
    /// Shards that this process knows to be durable. Held while one is made, so that nobody uses a folder that a
    /// power cut could still undo.
    shards: Arc<Mutex<HashSet<PathBuf>>>,
    /// For uploads that may use more memory than most.
    large_places: Arc<Semaphore>,
}

impl Folder {
    pub(super) async fn open(root: PathBuf) -> Result<Self, Failure> {
        let large_places = Arc::new(Semaphore::new(LARGE_PLACES));
        let folder = Self { root: root.into(), shards: Arc::default(), large_places };
        let making = folder.clone();
        blocking(move || Ok(making.prepare()?)).await?;
        Ok(folder)
    }

    pub(super) async fn begin(&self, key: &Key) -> Result<Upload, Failure> {
        let (folder, key) = (self.clone(), key.clone());
        blocking(move || {
            let staged = Staged::create(&folder, &key)?;
            Ok(Upload::of(folder, key, staged, 0))
        })
        .await
    }

    pub(super) async fn resume(&self, key: &Key, progress: Progress) -> Result<Upload, Failure> {
        let (folder, key) = (self.clone(), key.clone());
        blocking(move || {
            let staged = Staged::reopen(&folder, &key, progress.offset)?;
            Ok(Upload::of(folder, key, staged, progress.offset))
        })
        .await
    }

    pub(super) async fn discard(&self, key: &Key) -> Result<(), Failure> {
        let path = self.at(&key.staged());
        blocking(move || remove(&path)).await
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<(), Failure> {
        let path = self.at(key.as_str());
        blocking(move || {
            remove(&path)?;
            Ok(sync_folder(path.parent().expect("a key has a shard above it")).or_else(allow_missing)?)
        })
        .await
    }

    /// Whatever of `range` is there.
    pub(super) async fn read(&self, key: &Key, range: Range<u64>) -> Result<Bytes, Failure> {
        let path = self.at(key.as_str());
        blocking(move || {
            let file = OpenOptions::new().read(true).custom_flags(NO_LINKS).open(path)?;
            let wanted = range.start..range.end.min(file.metadata()?.len());
            let length = wanted.end.saturating_sub(wanted.start);
            let mut bytes = vec![0; usize::try_from(length).map_err(|error| Failure::Nonsense(error.into()))?];
            file.read_exact_at(&mut bytes, wanted.start)?;
            Ok(bytes.into())
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
        blocking(move || Ok(fs::metadata(staging).map(drop)?)).await
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn managed(&self) -> PathBuf {
        self.at(MANAGED_PREFIX)
    }

    fn staging(&self) -> PathBuf {
        self.managed().join(STAGING)
    }

    /// Folders that an earlier process made may not be durable: it may have died in between.
    fn prepare(&self) -> io::Result<()> {
        make_folder(&self.staging())?;
        sync_folder(&self.managed())?;
        sync_folder(&self.root)
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
            sync_folder(&self.managed())?;
            durable.insert(shard.clone());
        }
        Ok(shard)
    }

    fn publish(&self, key: &Key, staged: &Staged) -> io::Result<Stored> {
        // The whole of it, not the data alone: the modification time is the validator.
        staged.file.sync_all()?;
        let path = self.at(key.as_str());
        let shard = self.shard(&path)?;
        fs::rename(&staged.path, &path)?;
        sync_folder(&shard)?;
        sync_folder(&self.staging())?;
        Ok(stored(&staged.file.metadata()?))
    }
}

fn stored(facts: &Metadata) -> Stored {
    let modified_ns = i128::from(facts.mtime()) * 1_000_000_000 + i128::from(facts.mtime_nsec());
    Stored { etag: ETag::of_local_file(modified_ns, facts.len()), modified_at: modified_at(facts), size: facts.len() }
}

fn modified_at(facts: &Metadata) -> u64 {
    u64::try_from(facts.mtime()).unwrap_or_default()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    spawn_blocking(work).await.unwrap_or_else(|died| Err(io::Error::other(died).into()))
}

/// One that is not there is removed already.
fn remove(path: &Path) -> Result<(), Failure> {
    Ok(fs::remove_file(path).or_else(allow_missing)?)
}

fn allow_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Nothing is at this path, or nothing could be: a file system bounds names more tightly than S3 its keys.
fn cannot_be_there(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename)
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Self::Full(error.into()),
            _ => Self::Unavailable(error.into()),
        }
    }
}
