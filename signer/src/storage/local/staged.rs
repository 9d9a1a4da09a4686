//! A file that is not an object yet. Whoever writes it holds its lock, which the kernel gives back when a process dies.

use super::{Failure, Folder, Key, remove};
use crate::durable::sync_folder;
use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How long the lock of another is waited for: one that was dropped may have a write under way.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Fails at a symbolic link: what it leads to is not ours.
pub(super) const NO_LINKS: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// Goes away when dropped, unless it is kept; once renamed there is nothing left to remove.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    is_kept: bool,
}

impl Staged {
    /// For an upload that is not to be resumed.
    pub(super) fn create(folder: &Folder, key: &Key) -> Result<Self, Failure> {
        let path = folder.at(&key.staged());
        let file = options().create_new(true).open(&path)?;
        let staged = Self { path, file: Arc::new(file), is_kept: false };
        lock(&staged.file)?;
        Ok(staged)
    }

    /// Stands at `offset` and holds nothing behind it.
    pub(super) fn reopen(folder: &Folder, key: &Key, offset: u64) -> Result<Self, Failure> {
        let path = folder.at(&key.staged());
        let (file, is_new) = match options().open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => (options().create_new(true).open(&path)?, true),
            opened => (opened?, false),
        };
        let mut staged = Self { path, file: Arc::new(file), is_kept: !is_new };
        lock(&staged.file)?;
        staged.is_still_there()?;
        if staged.file.metadata()?.len() < offset {
            staged.refill(&folder.at(key.as_str()), offset)?;
        }
        staged.file.set_len(offset)?;
        (&*staged.file).seek(SeekFrom::Start(offset))?;
        if is_new {
            sync_folder(&folder.staging())?;
        }
        staged.is_kept = true;
        Ok(staged)
    }

    /// It may have been published or removed before its lock was ours.
    fn is_still_there(&self) -> Result<(), Failure> {
        let (ours, there) = (self.file.metadata()?, fs::symlink_metadata(&self.path));
        match there {
            Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => Ok(()),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Err(Failure::Busy),
        }
    }

    /// A process that died between publishing the object and its row left it whole under its key. A copy goes on from
    /// there: what is under a key is never written to.
    fn refill(&self, object: &Path, offset: u64) -> Result<(), Failure> {
        let lost = |what: &str| Failure::Lost(format!("{what} where {offset} bytes were durable").into());
        let object = match File::open(object) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(lost("fewer bytes")),
            opened => opened?,
        };
        self.file.set_len(0)?;
        if io::copy(&mut object.take(offset), &mut &*self.file)? < offset {
            return Err(lost("a shorter object"));
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        if let Err(error) = remove(&self.path) {
            tracing::warn!(%error, "a staged upload could not be removed");
        }
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(NO_LINKS);
    options
}

fn lock(file: &File) -> Result<(), Failure> {
    let begun = Instant::now();
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(Errno::WOULDBLOCK) if begun.elapsed() < LOCK_PATIENCE => thread::sleep(LOCK_PAUSE),
            Err(Errno::WOULDBLOCK) => return Err(Failure::Busy),
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
}
