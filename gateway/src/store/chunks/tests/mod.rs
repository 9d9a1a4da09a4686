//! The cache as a whole, before a bucket of its own on this machine.

mod counting;
mod disk;
mod origin;
mod sharing;

use super::{Chunks, Reader};
use crate::{
    config,
    observe::{CacheMetrics, OriginMetrics},
    store::{Part, ReadError, StorageError, bucket::Bucket},
};
use origin::Origin;
use proto::{catalog::FileEntry, etag::ETag, id::FileId};
use rustix::io::pread;
use std::{
    collections::BTreeMap,
    fs,
    future::poll_fn,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const CHUNK: u64 = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(20);

struct Stage {
    origin: Origin,
    home: TempDir,
    chunks: Arc<Chunks>,
}

/// An object and its row.
struct File {
    id: FileId,
    row: FileEntry,
    bytes: Vec<u8>,
}

#[derive(Debug)]
enum Failed {
    Refused(StorageError),
    Cut(ReadError),
}

impl Stage {
    async fn new() -> Self {
        Self::bounded(1 << 30).await
    }

    /// With a cache of so many bytes.
    async fn bounded(bytes: u64) -> Self {
        Self::with(bytes, CHUNK).await
    }

    async fn with(bytes: u64, chunk: u64) -> Self {
        let (origin, home) = (Origin::start().await, tempfile::tempdir().unwrap());
        let chunks = open_with(&origin, home.path(), bytes, chunk);
        eventually("the folder is known", || (!chunks.is_scanning()).then_some(())).await;
        Self { origin, home, chunks }
    }

    /// Ends the cache, lets `meddle` have its files, and opens it again.
    async fn restart_after(&mut self, meddle: impl FnOnce(&Path)) {
        let elsewhere = self.home.path().join("elsewhere");
        self.chunks = open(&self.origin, &elsewhere, 1 << 30);
        eventually("the lock is free", || super::Folder::open(&self.folder()).ok()).await;
        meddle(&self.folder());
        self.chunks = open(&self.origin, self.home.path(), 1 << 30);
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("cache")
    }

    /// An object of so many bytes, in a version that no other has.
    fn file(&self, key: &str, length: u64, version: u8) -> File {
        let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8 ^ version).collect();
        let etag = format!("version-{version}");
        self.origin.put(key, &etag, bytes.clone());
        let row = FileEntry {
            owner: "user".parse().unwrap(),
            object_key: key.to_owned(),
            filename: key.to_owned(),
            content_type: "video/mp4".to_owned(),
            size: length,
            etag: ETag::from_storage(&etag).unwrap(),
            modified_at: 0,
            ready: true,
            expires_at: None,
            urls_revoked_before: None,
        };
        File { id: key.parse().unwrap(), row, bytes }
    }

    async fn start(&self, file: &File, range: Range<u64>) -> Result<Reader, Failed> {
        let object = self.chunks.object(&file.id, &file.row).map_err(Failed::Refused)?;
        object.start(range).await.map_err(Failed::Refused)
    }

    async fn read(&self, file: &File, range: Range<u64>) -> Result<Vec<u8>, Failed> {
        rest(&mut self.start(file, range).await?).await
    }

    /// Reads a range and compares it.
    #[track_caller]
    fn assert_read(&self, file: &File, range: Range<u64>) -> impl Future<Output = ()> {
        let wanted = file.bytes[range.start as usize..range.end as usize].to_vec();
        async move {
            let read = self.read(file, range.clone()).await.unwrap();
            assert!(read == wanted, "other bytes than {range:?} of the file");
        }
    }

    async fn assert_whole(&self, file: &File) {
        self.assert_read(file, 0..file.row.size).await;
    }

    /// The chunks on the disk, once so many are there.
    async fn chunk_files(&self, count: usize) -> Vec<PathBuf> {
        let what = format!("{count} chunks on the disk");
        let files = eventually(&what, || {
            let files: Vec<_> = files_below(&self.folder()).into_keys().filter(|path| is_chunk(path)).collect();
            (files.len() == count).then_some(files)
        });
        let files = files.await;
        // Under this lock a file gets its name and the index its chunk.
        drop(self.chunks.index.change());
        files
    }
}

fn open(origin: &Origin, home: &Path, bytes: u64) -> Arc<Chunks> {
    open_with(origin, home, bytes, CHUNK)
}

fn open_with(origin: &Origin, home: &Path, bytes: u64, chunk: u64) -> Arc<Chunks> {
    let registry = prometheus::Registry::new();
    let (bucket_metrics, metrics) =
        (OriginMetrics::register(&registry).unwrap(), CacheMetrics::register(&registry).unwrap());
    let bucket = Bucket::new("bucket", "", &origin.aws(), bucket_metrics).unwrap();
    let config = config::Cache { folder: home.join("cache"), bytes, chunk };
    Chunks::open(&config, "s3://bucket", bucket, metrics).unwrap()
}

fn is_chunk(path: &Path) -> bool {
    path.file_name().and_then(|name| super::ChunkId::parse(name.to_str()?)).is_some()
}

fn files_below(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => files.append(&mut files_below(&entry.path())),
            Ok(meta) => drop(files.insert(entry.path(), meta.len())),
            Err(_) => {}
        }
    }
    files
}

async fn next(reader: &mut Reader) -> Option<Result<Vec<u8>, ReadError>> {
    let part = poll_fn(|cx| reader.poll_next(cx, 16 << 10)).await?;
    Some(part.map(|part| match part {
        Part::Bytes(bytes) => bytes.to_vec(),
        Part::File(file, range) => {
            let mut bytes = vec![0; (range.end - range.start) as usize];
            assert_eq!(pread(&file, &mut bytes, range.start).unwrap(), bytes.len(), "a part that is not there");
            bytes
        }
    }))
}

async fn rest(reader: &mut Reader) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    while let Some(part) = next(reader).await {
        bytes.extend(part.map_err(Failed::Cut)?);
    }
    Ok(bytes)
}

async fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
