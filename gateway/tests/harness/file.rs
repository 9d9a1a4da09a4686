//! A file: an object in storage, its row in the catalog, and links to it.

use super::{
    Gateway, LinkV1, LinkV2,
    storage::{Stored, seconds_ago, unique},
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The owner of a file that names no other.
pub(crate) const OWNER: &str = "user_2abcDEF";

/// A file as its row describes it.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) id: String,
    pub(crate) user: String,
    pub(crate) object_key: String,
    pub(crate) filename: String,
    pub(crate) content_type: String,
    pub(crate) etag: String,
    pub(crate) modified_at: u64,
    pub(crate) bytes: Vec<u8>,
    size: u64,
}

impl File {
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// A version 1 link, valid for an hour, to be changed.
    pub(crate) fn link(&self) -> LinkV1 {
        LinkV1::new(&self.id, &self.user)
    }

    /// A version 2 link, valid for an hour, to be changed.
    pub(crate) fn link_v2(&self) -> LinkV2 {
        LinkV2::new(&self.id, &self.user)
    }

    /// A version 1 URL, valid for an hour.
    pub(crate) fn url(&self) -> String {
        self.link().url()
    }

    /// As the `Last-Modified` header says it.
    pub(crate) fn last_modified(&self) -> String {
        http_date(self.modified_at)
    }
}

/// Unix seconds as RFC 9110 section 5.6.7 writes them.
pub(crate) fn http_date(second: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second))
}

/// A file to be made.
#[must_use]
pub(crate) struct NewFile<'g> {
    gateway: &'g Gateway,
    file: File,
    modified: SystemTime,
}

impl<'g> NewFile<'g> {
    /// Of the usual owner, a video, changed a day ago.
    pub(crate) fn named(gateway: &'g Gateway, filename: &str) -> Self {
        let id = format!("file_{}", unique());
        let file = File {
            user: OWNER.into(),
            object_key: format!("objects/{id}"),
            filename: filename.into(),
            content_type: "video/mp4".into(),
            etag: String::new(),
            modified_at: 0,
            bytes: Vec::new(),
            size: 0,
            id,
        };
        Self { gateway, file, modified: seconds_ago(86_400) }
    }

    pub(crate) fn id(mut self, id: &str) -> Self {
        self.file.id = id.into();
        self
    }

    pub(crate) fn owner(mut self, user: &str) -> Self {
        self.file.user = user.into();
        self
    }

    pub(crate) fn content_type(mut self, content_type: &str) -> Self {
        self.file.content_type = content_type.into();
        self
    }

    pub(crate) fn object_key(mut self, key: &str) -> Self {
        self.file.object_key = key.into();
        self
    }

    /// Puts the object and the row.
    pub(crate) fn store(mut self, bytes: &[u8]) -> File {
        let stored = self.gateway.storage().put(&self.file.object_key, bytes, self.modified);
        self.file.bytes = bytes.to_vec();
        self.register(stored, bytes.len() as u64)
    }

    /// Puts only the row: for an object that is there already, or is not.
    pub(crate) fn register(mut self, stored: Stored, size: u64) -> File {
        self.file.etag = stored.etag;
        self.file.modified_at = stored.modified_at;
        self.file.size = size;
        self.gateway.catalog().insert(&self.file);
        self.file
    }
}

impl Gateway {
    /// A file of the usual owner, a video.
    pub(crate) fn store(&self, filename: &str, bytes: &[u8]) -> File {
        self.file(filename).store(bytes)
    }

    /// A file to be described further.
    pub(crate) fn file(&self, filename: &str) -> NewFile<'_> {
        NewFile::named(self, filename)
    }

    /// Puts other bytes under the file's key. The row still tells of the old ones; the file returned, of the new.
    pub(crate) fn replace_object(&self, file: &File, bytes: &[u8]) -> File {
        let stored = self.storage().put(&file.object_key, bytes, seconds_ago(3600));
        File {
            etag: stored.etag,
            modified_at: stored.modified_at,
            bytes: bytes.to_vec(),
            size: bytes.len() as u64,
            ..file.clone()
        }
    }
}
