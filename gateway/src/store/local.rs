//! A folder: opened beneath its root, read at positions of our own, cold pages off the threads that serve others.

use super::{ReadError, StorageError};
use bytes::Bytes;
use proto::{catalog::FileEntry, etag::ETag};
use rustix::{
    fs::{FileType, Mode, OFlags, Stat, fstat},
    io::{Errno, pread},
};
use std::{
    future::Future,
    io,
    ops::Range,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes of one frame: what a slow client's connection holds of a file.
const FRAME: u64 = 16 * 1024;

/// The root, opened once it exists.
pub(crate) struct Folder {
    path: PathBuf,
    root: Arc<OnceLock<OwnedFd>>,
}

/// An open regular file, in the version that the catalog knows.
#[derive(Clone)]
pub(crate) struct OpenFile {
    fd: Arc<OwnedFd>,
    etag: Arc<ETag>,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), root: Arc::default() }
    }

    /// Opens the row's object and compares it with the row.
    pub(crate) async fn open(&self, file: &FileEntry) -> Result<OpenFile, StorageError> {
        self.root()?;
        let (root, key) = (Arc::clone(&self.root), file.object_key.clone());
        let opening = spawn_blocking(move || open_beneath(root.get().ok_or(Errno::NOENT)?, &key));
        let fd = opening.await.map_err(|error| StorageError::Nonsense(error.to_string()))??;
        let stat = fstat(&fd)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(StorageError::Missing);
        }
        let etag = etag(&stat);
        if etag != file.etag || size(&stat) != file.size {
            return Err(StorageError::Changed);
        }
        Ok(OpenFile { fd: Arc::new(fd), etag: Arc::new(etag) })
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        self.root().map(|_| ()).map_err(|error| format!("the storage folder cannot be opened: {}", error.cause()))
    }

    fn root(&self) -> Result<&OwnedFd, StorageError> {
        if let Some(root) = self.root.get() {
            return Ok(root);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(&self.path, flags, Mode::empty())
            .map_err(|error| StorageError::Unavailable(error.to_string()))?;
        Ok(self.root.get_or_init(|| opened))
    }
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
    opened
}

/// Where the kernel has no `openat2`: one name at a time, following no link.
#[cfg(not(target_os = "linux"))]
fn open_beneath(root: &OwnedFd, key: &str) -> Result<OwnedFd, Errno> {
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

fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn etag(stat: &Stat) -> ETag {
    ETag::of_local_file(i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec), size(stat))
}

/// One range of an open file.
pub(crate) struct Reader {
    file: OpenFile,
    left: Range<u64>,
    cold: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

impl Reader {
    pub(crate) fn new(file: OpenFile, range: Range<u64>) -> Self {
        Self { file, left: range, cold: None }
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ReadError>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let read = match &mut self.cold {
            Some(cold) => {
                let read = ready!(Pin::new(cold).poll(cx));
                self.cold = None;
                read.unwrap_or_else(|error| Err(io::Error::other(error)))
            }
            None => match self.file.read_hot(self.left.start, self.frame()) {
                Some(read) => read,
                None => {
                    let (file, start, length) = (self.file.clone(), self.left.start, self.frame());
                    self.cold = Some(spawn_blocking(move || file.read_cold(start, length)));
                    return self.poll_next(cx);
                }
            },
        };
        Poll::Ready(Some(self.checked(read)))
    }

    fn frame(&self) -> usize {
        usize::try_from((self.left.end - self.left.start).min(FRAME)).unwrap_or(usize::MAX)
    }

    /// A file written in place under our open descriptor shows in its times: what was read then may be of two versions.
    fn checked(&mut self, read: io::Result<Vec<u8>>) -> Result<Bytes, ReadError> {
        let bytes = read.map_err(|error| ReadError::Failed(error.to_string()))?;
        if bytes.is_empty() {
            return Err(ReadError::Truncated);
        }
        let stat = fstat(&*self.file.fd).map_err(|error| ReadError::Failed(error.to_string()))?;
        if etag(&stat) != *self.file.etag {
            return Err(ReadError::Changed);
        }
        self.left.start += bytes.len() as u64;
        Ok(bytes.into())
    }
}

impl OpenFile {
    /// Reads what is in memory already; `None` if that means waiting for the disk.
    #[cfg(target_os = "linux")]
    fn read_hot(&self, start: u64, length: usize) -> Option<io::Result<Vec<u8>>> {
        use rustix::io::{ReadWriteFlags, preadv2};
        let mut bytes = vec![0; length];
        let read = preadv2(&*self.fd, &mut [io::IoSliceMut::new(&mut bytes)], start, ReadWriteFlags::NOWAIT);
        match read {
            Ok(read) => {
                bytes.truncate(read);
                Some(Ok(bytes))
            }
            Err(Errno::AGAIN) => None,
            // tmpfs and others know no RWF_NOWAIT: what they hold is in memory.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Some(self.read_cold(start, length)),
            Err(error) => Some(Err(error.into())),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn read_hot(&self, _start: u64, _length: usize) -> Option<io::Result<Vec<u8>>> {
        None
    }

    fn read_cold(&self, start: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length);
        loop {
            match pread(&*self.fd, rustix::buffer::spare_capacity(&mut bytes), start) {
                Ok(_) => return Ok(bytes),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
