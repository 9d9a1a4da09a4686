//! Storage, as the side that writes sees it: one conversation for a folder and for S3.
//!
//! [`Storage::begin`] opens an [`Upload`]; [`Upload::write`] takes pieces of any size; [`Upload::finish`] returns
//! once the object is durable under its final key, with what storage itself says of it. An upload that is dropped
//! before that leaves nothing behind; a `finish` that fails may, and whoever called it deletes the key. Memory is
//! bounded by the buffers of one upload, whatever its size.

mod local;
mod remote;

use bytes::Bytes;
use proto::{
    etag::ETag,
    id::FileId,
    storage::{Aws, MANAGED_PREFIX, StorageUrl},
};

/// The key of an object that is ours: `managed/<two hex>/<file id>`. Nothing else is ever written or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key(String);

impl Key {
    /// Where the file of this id lies. The last two characters spread the files: UUIDv7 is random there.
    pub(crate) fn of(file: &FileId) -> Self {
        let id = file.as_str();
        Self(format!("{MANAGED_PREFIX}{}/{id}", &id[id.len().saturating_sub(2)..]))
    }

    /// A key as the catalog holds it; `None` if the object is not ours.
    pub(crate) fn managed(key: &str) -> Option<Self> {
        let (shard, id) = key.strip_prefix(MANAGED_PREFIX)?.split_once('/')?;
        let is_word = |text: &str| text.parse::<FileId>().is_ok();
        (is_word(shard) && is_word(id)).then(|| Self(key.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What storage says of an object that is durable.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) etag: ETag,
    /// Unix seconds of its last change.
    pub(crate) modified_at: u64,
    /// Bytes.
    pub(crate) size: u64,
}

/// How far an upload has come, as the catalog keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Bytes that are durable.
    pub(crate) offset: u64,
    /// S3: bytes of each part but the last, fixed at the start. A folder: 0.
    pub(crate) part_bytes: u64,
    /// S3: its id, once begun.
    pub(crate) multipart: Option<String>,
    /// S3: ETags; part n is `parts[n - 1]`.
    pub(crate) parts: Vec<String>,
}

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why storage did not do as asked. The cause may name endpoints and folders: it is for the log only.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No room left.
    #[error("storage is full: {0}")]
    Full(#[source] Source),
    /// Away, or not letting us in.
    #[error("storage is unavailable: {0}")]
    Unavailable(#[source] Source),
    /// An answer that cannot be used.
    #[error("storage answered nonsense: {0}")]
    Nonsense(#[source] Source),
}

/// A folder, or a bucket of anything that speaks S3.
#[derive(Debug)]
pub(crate) enum Storage {
    Local(local::Folder),
    Remote(remote::Bucket),
}

impl Storage {
    /// `max_object` is the size in bytes of the largest object that will be written.
    pub(crate) async fn open(url: &StorageUrl, aws: &Aws, max_object: u64) -> Result<Self, Failure> {
        match url {
            StorageUrl::Folder(root) => Ok(Self::Local(local::Folder::open(root.clone()).await?)),
            StorageUrl::S3 { bucket, prefix } => {
                Ok(Self::Remote(remote::Bucket::open(bucket, prefix, aws, max_object)?))
            }
        }
    }

    pub(crate) async fn begin(&self, key: &Key) -> Result<Upload, Failure> {
        match self {
            Self::Local(folder) => Ok(Upload::Local(folder.begin(key).await?)),
            Self::Remote(bucket) => Ok(Upload::Remote(bucket.begin(key)?)),
        }
    }

    /// Removes the object. One that is not there is removed already.
    pub(crate) async fn delete(&self, key: &Key) -> Result<(), Failure> {
        match self {
            Self::Local(folder) => folder.delete(key).await,
            Self::Remote(bucket) => bucket.delete(key).await,
        }
    }

    /// What is known of any object below the prefix; `None` if there is none. It must be there as it is named: no link
    /// is followed.
    pub(crate) async fn look(&self, path: &str) -> Result<Option<Stored>, Failure> {
        match self {
            Self::Local(folder) => folder.look(path).await,
            Self::Remote(bucket) => bucket.look(path).await,
        }
    }

    /// Whether storage can be reached.
    pub(crate) async fn ping(&self) -> Result<(), Failure> {
        match self {
            Self::Local(folder) => folder.ping().await,
            Self::Remote(bucket) => bucket.ping().await,
        }
    }

    /// Returns when the clean-up of every dropped upload is done.
    pub(crate) async fn settle(&self) {
        match self {
            Self::Local(_) => {}
            Self::Remote(bucket) => bucket.settle().await,
        }
    }
}

/// An object on its way. Dropped before [`Upload::finish`] is called, it leaves nothing behind.
#[derive(Debug)]
pub(crate) enum Upload {
    Local(local::Upload),
    Remote(remote::Upload),
}

impl Upload {
    pub(crate) async fn write(&mut self, piece: Bytes) -> Result<(), Failure> {
        match self {
            Self::Local(upload) => upload.write(&piece).await,
            Self::Remote(upload) => upload.write(piece).await,
        }
    }

    /// Makes the object durable under its key. A failure does not say that nothing is there.
    pub(crate) async fn finish(self) -> Result<Stored, Failure> {
        match self {
            Self::Local(upload) => upload.finish().await,
            Self::Remote(upload) => upload.finish().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_from_the_end_of_the_id() {
        let id: FileId = "0192f3a4b5c67d8e9fa0b1c2d3e4f5a6".parse().unwrap();
        assert_eq!(Key::of(&id).as_str(), "managed/a6/0192f3a4b5c67d8e9fa0b1c2d3e4f5a6");
        assert_eq!(Key::managed(Key::of(&id).as_str()), Some(Key::of(&id)));
    }

    #[test]
    fn objects_of_others_are_never_ours() {
        for foreign in
            ["videos/a.mp4", "managed/", "managed/a6", "managed/../x", "managed/a6/../../x", "managed//x", "x"]
        {
            assert_eq!(Key::managed(foreign), None, "{foreign}");
        }
    }
}
