//! The cache's folder: ours alone, locked by one process, with chunks in 256 sub-folders, the unfinished ones beside them.

use super::{
    file::{self, remove},
    name::ChunkId,
};
use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, fstat},
    io::Errno,
};
use std::{
    fs::{self, DirBuilder},
    io,
    os::{fd::OwnedFd, unix::fs::DirBuilderExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};
use uuid::Uuid;

const PRIVATE_FOLDER: u32 = 0o700;
const SUFFIX: &str = ".part";

/// A folder that this process alone uses, for as long as it holds the lock in it.
pub(super) struct Folder {
    path: PathBuf,
    lock: OwnedFd,
    /// Of this use of the folder: what is unfinished under another number is a leftover.
    number: u32,
    next: AtomicU32,
}

/// A file on its way to be a chunk's.
pub(super) struct Unfinished {
    path: PathBuf,
    is_published: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_published {
            remove(&self.path);
        }
    }
}

impl Folder {
    /// Makes it if need be, and takes it over from whoever used it last.
    ///
    /// # Errors
    /// It cannot be made, belongs to someone else, or another process uses it now.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        make(path)?;
        refuse_shared(path)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let lock = rustix::fs::open(path.join("lock"), flags, Mode::RUSR | Mode::WUSR)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            Errno::WOULDBLOCK => io::Error::other("another process uses the folder"),
            error => error.into(),
        })?;
        spread_shelves(path);
        let number = Uuid::now_v7().as_u64_pair().1 as u32;
        Ok(Self { path: path.to_owned(), lock, number, next: AtomicU32::new(0) })
    }

    /// Whether it is still the folder that was opened, and not deleted or replaced.
    pub(super) fn is_there(&self) -> bool {
        fstat(&self.lock).is_ok_and(|stat| stat.st_nlink > 0)
    }

    /// Where a chunk's file lies, or would.
    pub(super) fn path(&self, id: ChunkId) -> PathBuf {
        self.path.join(id.path())
    }

    /// The 256 sub-folders, those that are not there included.
    pub(super) fn shelves(&self) -> impl Iterator<Item = PathBuf> + '_ {
        (0..=255_u8).map(|number| self.path.join(format!("{number:02x}")))
    }

    /// A new, empty file, to become this chunk's.
    pub(super) fn create(&self, id: ChunkId) -> io::Result<(Unfinished, OwnedFd)> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.path(id).with_file_name(format!("{:08x}{next:08x}{SUFFIX}", self.number));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let open = || rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR);
        let file = match open() {
            // Only a shelf is made: without the folder itself, there is no lock in it either.
            Err(Errno::NOENT) if self.is_there() => {
                path.parent().map_or(Ok(()), make)?;
                open()
            }
            other => other,
        };
        let file = file?;
        Ok((Unfinished { path, is_published: false }, file))
    }

    /// Whether a name is one that [`Folder::create`] gave in an earlier use of the folder.
    pub(super) fn is_leftover(&self, name: &str) -> bool {
        let Some(number) = name.strip_suffix(SUFFIX) else { return false };
        let is_ours = number.len() == 16 && number.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        is_ours && !number.starts_with(&format!("{:08x}", self.number))
    }

    /// Gives a whole file its name.
    pub(super) fn publish(&self, unfinished: &mut Unfinished, id: ChunkId) -> io::Result<()> {
        fs::rename(&unfinished.path, self.path(id))?;
        unfinished.is_published = true;
        Ok(())
    }

    pub(super) fn remove(&self, ids: impl IntoIterator<Item = ChunkId>) {
        ids.into_iter().for_each(|id| file::remove(&self.path(id)));
    }
}

/// Asks ext4 to put the sub-folders, and so the chunks, far apart. Else all lie in one group of inodes, and a new file has
/// to step over each that was deleted there of late: after some evictions that costs more than all the rest of a fill.
#[cfg(target_os = "linux")]
fn spread_shelves(path: &Path) {
    use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let spread = rustix::fs::open(path, flags, Mode::empty())
        .and_then(|folder| ioctl_setflags(&folder, ioctl_getflags(&folder)? | IFlags::TOPDIR));
    if let Err(error) = spread {
        tracing::debug!(%error, "the file system does not spread folders");
    }
}

#[cfg(not(target_os = "linux"))]
fn spread_shelves(_path: &Path) {}

fn make(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(PRIVATE_FOLDER).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Others could put chunks of their own into a folder of theirs, or into one that anybody may write to. What we make in
/// it is private whatever the folder itself is.
fn refuse_shared(path: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let stat = fstat(rustix::fs::open(path, flags, Mode::empty())?)?;
    let is_ours = stat.st_uid == rustix::process::geteuid().as_raw();
    if is_ours && !Mode::from_raw_mode(stat.st_mode).contains(Mode::WOTH) {
        return Ok(());
    }
    Err(io::Error::other("the folder belongs to another user, or anybody may write to it"))
}
