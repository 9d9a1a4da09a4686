//! Files as their owner sees them: list, look at, delete, and issue signed URLs.
//!
//! Someone else's file, a deleted one, an outlived one and an id that cannot be one are all the same 404. One thing
//! may still be done with an outlived file: its owner may delete it.

mod change;
mod link;
mod listing;
mod usage;
mod wish;

pub(crate) use change::{MAX_ENTRIES, Revoked, change, filename, is_filename, metadata, revoke_urls};
pub(crate) use link::{Batch, Link, Links, Owner, signed_url, signed_urls, video_url};
pub(crate) use listing::{Listing, list, list_of};
pub(crate) use usage::{Usage, usage};

use crate::{Signer, catalog::FileRow, clock, error::Error, identity::Caller, storage::Key};
use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use proto::id::FileId;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};
use utoipa::ToSchema;

/// In characters.
const MAX_JOB_ID: usize = 128;

/// How long a `DELETE` waits for storage. The file is gone for everybody before; the rest goes on behind it.
const DELETE_PATIENCE: Duration = Duration::from_secs(5);

/// A file as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct File {
    /// Its id.
    pub id: String,
    /// Its owner.
    pub user_id: String,
    /// The job it belongs to.
    pub job_id: Option<String>,
    /// The name as it was given, any Unicode: a label, never a path.
    pub filename: String,
    /// Media type.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// Strong entity tag, with its quotes.
    pub etag: String,
    /// Of its bytes, lower-case hexadecimal; `None` if it was never read through here.
    pub sha256: Option<String>,
    /// Whatever was given with it.
    pub metadata: BTreeMap<String, String>,
    /// RFC 3339, UTC, with milliseconds.
    pub created_at: String,
}

impl From<FileRow> for File {
    fn from(row: FileRow) -> Self {
        Self {
            id: row.id.to_string(),
            user_id: row.owner.to_string(),
            job_id: row.job_id,
            filename: row.filename,
            content_type: row.content_type,
            size: row.size,
            etag: row.etag.to_string(),
            sha256: row.sha256,
            metadata: row.metadata,
            created_at: iso_string(row.created_at),
        }
    }
}

/// `{"success": true, "data": ...}`.
#[derive(Serialize)]
pub(crate) struct Success<T> {
    success: bool,
    data: T,
}

impl<T> Success<T> {
    pub(crate) fn of(data: T) -> Self {
        Self { success: true, data }
    }
}

impl<T: Serialize> IntoResponse for Success<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

/// `{"file": ...}`.
#[derive(Serialize, ToSchema)]
pub(crate) struct OneFile {
    pub(crate) file: File,
}

/// `{"file": ..., "warnings": [...]}`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Uploaded {
    pub(crate) file: File,
    /// What its uploader should know of it, a sentence each; left out if there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) warnings: Vec<String>,
}

impl From<File> for Uploaded {
    fn from(file: File) -> Self {
        Self { file, warnings: Vec::new() }
    }
}

/// `{"id": ...}`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Deleted {
    id: String,
}

/// The file id in a path.
pub(crate) struct Named(pub(crate) FileId);

impl FromRequestParts<Signer> for Named {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, signer: &Signer) -> Result<Self, Error> {
        let Path(id) = Path::<String>::from_request_parts(parts, signer).await.map_err(|_| Error::FileNotFound)?;
        id.parse().map(Self).map_err(|_| Error::FileNotFound)
    }
}

/// `GET /files/{fileId}`.
pub(crate) async fn read(
    State(signer): State<Signer>,
    caller: Caller,
    Named(id): Named,
) -> Result<Success<OneFile>, Error> {
    let row = own_file(&signer, &caller, &id).await?;
    Ok(Success::of(OneFile { file: row.into() }))
}

/// `DELETE /files/{fileId}`: the row first, so that no URL opens it any more; then the object, then the row itself.
pub(crate) async fn delete(
    State(signer): State<Signer>,
    caller: Caller,
    Named(id): Named,
) -> Result<Success<Deleted>, Error> {
    let key = signer.catalog().mark_deleted(caller.id(), &id, clock::unix_millis()).await?;
    Ok(Success::of(signer.purge_soon(id, key.ok_or(Error::FileNotFound)?).await))
}

async fn own_file(signer: &Signer, caller: &Caller, id: &FileId) -> Result<FileRow, Error> {
    let row = signer.catalog().own_file(caller.id(), id, clock::unix_seconds()).await?;
    row.ok_or(Error::FileNotFound)
}

impl Signer {
    /// Goes on with a deletion whose row says so already, and does not wait for storage for long.
    pub(crate) async fn purge_soon(&self, id: FileId, key: String) -> Deleted {
        let (deleted, purging) = (Deleted { id: id.to_string() }, self.clone());
        let purge = self.spawn(async move {
            // It is taken up again by `Signer::finish_deletions`.
            if let Err(error) = purging.purge(id.as_str(), &key).await {
                tracing::warn!(file = %id, %error, "a deletion is unfinished");
            }
        });
        let _ = tokio::time::timeout(DELETE_PATIENCE, purge).await;
        deleted
    }

    /// Removes a deleted file's object, then its row. An object that is not ours stays where it is.
    pub(crate) async fn purge(&self, id: &str, object_key: &str) -> Result<(), Error> {
        if let Some(key) = Key::managed(object_key) {
            self.storage().delete(&key).await?;
        }
        Ok(self.catalog().remove(id).await?)
    }
}

/// The id of a file that had none.
pub(crate) fn new_id() -> FileId {
    uuid::Uuid::now_v7().simple().to_string().parse().expect("32 hexadecimal digits are a file id")
}

/// The id of a job, as an upload gives it and a listing asks for it.
pub(crate) fn job_id(text: String) -> Result<String, Error> {
    let usable = (1..=MAX_JOB_ID).contains(&text.chars().count()) && !text.contains('\0');
    usable.then_some(text).ok_or(Error::invalid("job_id", "must be 1 to 128 characters without NUL"))
}

/// As JavaScript's `toISOString()`.
pub(crate) fn iso_string(unix_millis: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(unix_millis).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_look_as_javascript_writes_them() {
        assert_eq!(iso_string(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso_string(1_767_225_600_007), "2026-01-01T00:00:00.007Z");
    }
}
