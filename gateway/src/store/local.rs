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
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{Timeout, timeout},
};

/// Bytes of one frame: what a slow client's connection holds of a file.
const FRAME: u64 = 16 * 1024;

/// An open, or a read of cold pages, may take this long: beyond it the disk or the network behind it hangs.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The folder's path. Its root is opened for each file anew, so that one mounted or replaced later is seen.
pub(crate) struct Folder {
    path: Arc<Path>,
}

/// An open regular file, in the version that the catalog knows.
#[derive(Clone)]
pub(crate) struct OpenFile {
    fd: Arc<OwnedFd>,
    etag: Arc<ETag>,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.into() }
    }

    /// Opens the row's object and compares it with the row.
    pub(crate) async fn open(&self, file: &FileEntry) -> Result<OpenFile, StorageError> {
        let (path, key) = (Arc::clone(&self.path), file.object_key.clone());
        let opening = spawn_blocking(move || {
            let fd = open_beneath(&open_root(&path)?, &key)?;
            Ok::<_, StorageError>((fstat(&fd)?, fd))
        });
        let opened = timeout(TIMEOUT, opening).await.map_err(|_| StorageError::TimedOut)?;
        let (stat, fd) = opened.map_err(|error| StorageError::Nonsense(error.to_string()))??;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(StorageError::Missing);
        }
        let etag = etag(&stat);
        if etag != file.etag || size(&stat) != file.size {
            return Err(StorageError::Changed);
        }
        Ok(OpenFile { fd: Arc::new(fd), etag: Arc::new(etag) })
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

/// A read of pages that are not in memory.
type Cold = Timeout<JoinHandle<io::Result<Vec<u8>>>>;

/// One range of an open file.
pub(crate) struct Reader {
    file: OpenFile,
    left: Range<u64>,
    cold: Option<Pin<Box<Cold>>>,
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
                let read = ready!(cold.as_mut().poll(cx));
                self.cold = None;
                match read {
                    Ok(Ok(read)) => read,
                    Ok(Err(error)) => Err(io::Error::other(error)),
                    Err(_) => Err(io::ErrorKind::TimedOut.into()),
                }
            }
            None => match self.file.read_hot(self.left.start, self.frame()) {
                Some(read) => read,
                None => {
                    let (file, start, length) = (self.file.clone(), self.left.start, self.frame());
                    let cold = spawn_blocking(move || file.read_cold(start, length));
                    self.cold = Some(Box::pin(timeout(TIMEOUT, cold)));
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
