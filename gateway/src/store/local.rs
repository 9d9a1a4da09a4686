//! A folder: files opened beneath its root, and kept open for a second.

mod reader;

pub(crate) use reader::Reader;

use super::{
    StorageError,
    pages::{TIMEOUT, Warmth},
};
use proto::{catalog::FileEntry, etag::ETag};
use quick_cache::sync::Cache;
use rustix::{
    fs::{FileType, Mode, OFlags, Stat, fstat},
    io::Errno,
};
use std::{
    os::fd::OwnedFd,
    path::Path,
    sync::{Arc, Weak, atomic::AtomicU64},
    time::{Duration, Instant},
};
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};

/// Open files kept at most. Each is a descriptor.
const KEPT: usize = 512;
/// And for how long: a file replaced in storage shows within the bound that a change of its row has.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// The folder's path, and the files opened last. Its root is opened for each file anew, so that one mounted or replaced
/// later is seen.
pub(crate) struct Folder {
    path: Arc<Path>,
    kept: Arc<Cache<String, OpenFile>>,
}

/// An open regular file, in one version.
#[derive(Clone)]
pub(crate) struct OpenFile(Arc<Open>);

struct Open {
    fd: Arc<OwnedFd>,
    warmth: Option<Arc<Warmth>>,
    version: Version,
    etag: ETag,
    since: Instant,
    /// Nanoseconds after `since` at which it was last seen to be this version.
    seen: AtomicU64,
}

/// What changes whenever the file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    modified_ns: i128,
    size: u64,
}

impl Open {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.age(now) < KEPT_FOR
    }
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        let kept = Arc::new(Cache::new(KEPT));
        tokio::spawn(let_go(Arc::downgrade(&kept)));
        Self { path: path.into(), kept }
    }

    /// Opens the row's object, or takes the one still open, and compares it with the row.
    pub(crate) async fn open(&self, row: &FileEntry, now: Instant) -> Result<OpenFile, StorageError> {
        let kept = self.kept.get(row.object_key.as_str()).filter(|file| file.0.is_fresh(now));
        let file = match kept {
            Some(kept) => kept,
            None => Box::pin(self.open_anew(&row.object_key)).await?,
        };
        if file.0.etag != row.etag || file.0.version.size != row.size || !file.is_unchanged(Some(now))? {
            self.kept.remove(row.object_key.as_str());
            return Err(StorageError::Changed);
        }
        Ok(file)
    }

    async fn open_anew(&self, key: &str) -> Result<OpenFile, StorageError> {
        let since = Instant::now();
        let (path, object_key) = (Arc::clone(&self.path), key.to_owned());
        let opening = spawn_blocking(move || {
            let fd = open_beneath(&open_root(&path)?, &object_key)?;
            Ok::<_, StorageError>((fstat(&fd)?, fd))
        });
        let opened = timeout(TIMEOUT, opening).await.map_err(|_| StorageError::TimedOut)?;
        let (stat, fd) = opened.map_err(|error| StorageError::Nonsense(error.to_string()))??;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(StorageError::Missing);
        }
        let version = Version::of(&stat);
        let etag = ETag::of_local_file(version.modified_ns, version.size);
        let warmth = Warmth::of(version.size).map(Arc::new);
        let file = OpenFile(Arc::new(Open { fd: Arc::new(fd), warmth, version, etag, since, seen: AtomicU64::new(0) }));
        self.kept.insert(key.to_owned(), file.clone());
        Ok(file)
    }

    pub(crate) async fn check(&self) -> Result<(), String> {
        let path = Arc::clone(&self.path);
        let opening = timeout(TIMEOUT, spawn_blocking(move || open_root(&path).map(drop)));
        match opening.await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => Err(format!("the storage folder cannot be opened: {}", error.cause())),
            Ok(Err(_)) | Err(_) => Err("the storage folder does not answer".into()),
        }
    }
}

/// Closes what nobody has asked for of late: a deleted file's bytes are the disk's again.
async fn let_go(kept: Weak<Cache<String, OpenFile>>) {
    loop {
        sleep(KEPT_FOR).await;
        let Some(kept) = kept.upgrade() else { return };
        let now = Instant::now();
        kept.retain(|_, file| file.0.is_fresh(now));
    }
}

fn open_root(path: &Path) -> Result<OwnedFd, StorageError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|error| StorageError::Unavailable(error.to_string()))
}

/// `NONBLOCK`, so that a FIFO or a device put there does not hold us.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// No path, link or mount of names leads out of the root: the kernel resolves beneath it.
#[cfg(target_os = "linux")]
fn open_beneath(root: &OwnedFd, key: &str) -> Result<OwnedFd, Errno> {
    use rustix::fs::{ResolveFlags, openat2};
    const RENAMES_OUTLASTED: usize = 8;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut opened = Err(Errno::AGAIN);
    for _ in 0..RENAMES_OUTLASTED {
        opened = openat2(root, key, FLAGS, Mode::empty(), resolve);
        if !matches!(opened, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    // An older kernel, or a container's filter that does not know the call.
    if opened.as_ref().is_err_and(|error| *error == Errno::NOSYS) { open_by_name(root, key) } else { opened }
}

#[cfg(not(target_os = "linux"))]
fn open_beneath(root: &OwnedFd, key: &str) -> Result<OwnedFd, Errno> {
    open_by_name(root, key)
}

/// Without `openat2`: one name at a time, following no link.
fn open_by_name(root: &OwnedFd, key: &str) -> Result<OwnedFd, Errno> {
    use rustix::fs::openat;
    let mut names = key.split('/').peekable();
    let mut folder = root.try_clone().map_err(|_| Errno::MFILE)?;
    while let Some(name) = names.next() {
        if matches!(name, "" | "." | "..") {
            return Err(Errno::NOENT);
        }
        let folder_only = if names.peek().is_some() { OFlags::DIRECTORY } else { OFlags::empty() };
        folder = openat(&folder, name, FLAGS | OFlags::NOFOLLOW | folder_only, Mode::empty())?;
    }
    Ok(folder)
}

impl From<Errno> for StorageError {
    fn from(error: Errno) -> Self {
        match error {
            // EXDEV: the path led out of the root. ENXIO: a socket, or a device with nothing behind it.
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::LOOP
            | Errno::XDEV
            | Errno::NXIO
            | Errno::NAMETOOLONG
            | Errno::INVAL => Self::Missing,
            Errno::MFILE | Errno::NFILE | Errno::NOMEM => Self::Unavailable(error.to_string()),
            _ => Self::Nonsense(error.to_string()),
        }
    }
}

impl Version {
    fn of(stat: &Stat) -> Self {
        let modified_ns = i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec);
        Self { modified_ns, size: u64::try_from(stat.st_size).unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::symlink};

    #[test]
    fn without_openat2_no_name_leads_out_of_the_root_either() {
        let home = tempfile::tempdir().unwrap();
        let root_path = home.path().join("root");
        fs::create_dir_all(root_path.join("a")).unwrap();
        fs::write(root_path.join("a/b"), "bytes").unwrap();
        fs::write(home.path().join("outside"), "secret").unwrap();
        symlink(home.path(), root_path.join("up")).unwrap();
        symlink(home.path().join("outside"), root_path.join("link")).unwrap();
        let root = open_root(&root_path).unwrap();
        assert!(open_by_name(&root, "a/b").is_ok());
        for bad in ["../outside", "a/../../outside", "up/outside", "link", "/a/b", "a//b", "a/./b", "a/b/c", "", "a/"] {
            assert!(open_by_name(&root, bad).is_err(), "{bad:?}");
        }
    }
}
