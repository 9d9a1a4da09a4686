//! One suite for every storage: a folder, or the bucket that `TEST_STORAGE_URL` names.

pub(crate) mod finding;
mod in_bucket;
mod in_folder;
mod in_trouble;
mod resuming;
mod trouble;
mod writing;

use super::{Failure, Found, Key, Kind, Progress, Storage, Upload};
use bytes::Bytes;
use futures_util::TryStreamExt;
use proto::{
    id::FileId,
    storage::{Aws, StorageUrl},
};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

const MAX_OBJECT: u64 = 64 << 20;
/// Bytes of a part, as one of an object of this size has them.
const PART: usize = 6 << 20;
/// As uploads come in.
const PIECE: usize = 100_000;

/// A storage of its own for each test.
pub(crate) struct Tested {
    pub(crate) storage: Storage,
    url: StorageUrl,
    folder: TempDir,
}

impl Tested {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match environment("TEST_STORAGE_URL") {
            Some(url) => format!("{}/{}", url.trim_end_matches('/'), uuid::Uuid::now_v7()),
            None => format!("file://{}", folder.path().display()),
        };
        let url = url.parse().unwrap();
        Self { storage: open(&url).await, url, folder }
    }

    /// As another process that comes after this one, or beside it.
    async fn open_again(&self) -> Storage {
        open(&self.url).await
    }

    pub(crate) fn is_folder(&self) -> bool {
        matches!(self.url, StorageUrl::Folder(_))
    }

    pub(crate) fn at(&self, key: &str) -> PathBuf {
        self.folder.path().join(key)
    }

    /// Puts an object there that no upload of ours wrote.
    pub(crate) async fn put(&self, key: &str, bytes: &[u8]) {
        match &self.storage {
            Storage::Local(_) => {
                fs::create_dir_all(self.at(key).parent().unwrap()).unwrap();
                fs::write(self.at(key), bytes).unwrap();
            }
            Storage::Remote(bucket) => bucket.put(key, bytes).await,
        }
    }

    /// Kinds and files of all that is found, in an order of their own.
    pub(crate) async fn found(&self) -> Vec<(Kind, FileId)> {
        self.storage.settle().await;
        let found: Vec<Found> = self.storage.list().try_collect().await.unwrap();
        let mut found: Vec<_> = found.into_iter().map(|found| (found.kind, found.file)).collect();
        found.sort();
        found
    }

    pub(crate) async fn kinds(&self) -> Vec<Kind> {
        self.found().await.into_iter().map(|(kind, _)| kind).collect()
    }

    pub(crate) async fn object(&self, key: &Key) -> Vec<u8> {
        let stored = self.storage.look(key.as_str()).await.unwrap().expect("the object is there");
        self.storage.read(key, 0..stored.size).await.unwrap().to_vec()
    }

    pub(crate) async fn resume(&self, key: &Key, progress: &Progress) -> Upload {
        self.open_again().await.resume(key, progress.clone()).await.unwrap()
    }
}

async fn open(url: &StorageUrl) -> Storage {
    Storage::open(url, &aws(), MAX_OBJECT).await.unwrap()
}

/// A new file's key and its id.
pub(crate) fn new_key() -> (Key, FileId) {
    let id: FileId = uuid::Uuid::now_v7().simple().to_string().parse().unwrap();
    (Key::of(&id), id)
}

/// Bytes of which no two stretches are alike.
pub(crate) fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}

pub(crate) async fn write(upload: &mut Upload, bytes: &[u8]) {
    for piece in bytes.chunks(PIECE) {
        upload.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "what to test with is the caller's choice")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "what to test with is the caller's choice")]
fn aws() -> Aws {
    Aws(std::env::vars().filter(|(name, _)| name.starts_with("AWS_")).collect())
}
