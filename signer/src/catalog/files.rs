//! The `files` table.

use super::Catalog;
use proto::{
    etag::ETag,
    id::{FileId, UserId},
};
use sqlx::{QueryBuilder, Row, Sqlite, error::BoxDynError, sqlite::SqliteRow};
use std::collections::BTreeMap;

/// Every column that [`FileRow::read`] wants.
const COLUMNS: &str = "id, user_id, job_id, object_key, filename, content_type, size, etag, sha256, metadata, \
     created_at, modified_at_seconds, expires_at_seconds, urls_revoked_before_seconds";

/// A file that is ready.
#[derive(Debug, Clone)]
pub(crate) struct FileRow {
    pub(crate) id: FileId,
    pub(crate) owner: UserId,
    pub(crate) job_id: Option<String>,
    pub(crate) object_key: String,
    pub(crate) filename: String,
    pub(crate) content_type: String,
    /// Bytes.
    pub(crate) size: u64,
    pub(crate) etag: ETag,
    /// Lower-case hexadecimal.
    pub(crate) sha256: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// Unix milliseconds.
    pub(crate) created_at: i64,
    /// Unix seconds; the object's last change.
    pub(crate) modified_at: u64,
    /// Unix second from which it is gone.
    pub(crate) expires_at: Option<u64>,
    /// URLs issued before this Unix second are refused.
    pub(crate) urls_revoked_before: Option<u64>,
}

/// A place in a listing: the file before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// Unix milliseconds.
    pub(crate) created_at: i64,
    pub(crate) id: FileId,
}

/// What is listed of a user's files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) limit: u32,
    pub(crate) after: Option<Position>,
    /// Beginning of the media type, in any case.
    pub(crate) content_type: Option<String>,
    pub(crate) job_id: Option<String>,
}

impl FileRow {
    fn read(row: &SqliteRow) -> sqlx::Result<Self> {
        let decoded = |error: BoxDynError| sqlx::Error::Decode(error);
        let number = |name| row.try_get::<i64, _>(name).map(|number| u64::try_from(number).unwrap_or_default());
        let optional = |name| {
            let second: Option<i64> = row.try_get(name)?;
            Ok::<_, sqlx::Error>(second.map(|second| u64::try_from(second).unwrap_or_default()))
        };
        let metadata: String = row.try_get("metadata")?;
        let etag: String = row.try_get("etag")?;
        Ok(Self {
            id: row.try_get::<String, _>("id")?.parse().map_err(|error| decoded(Box::new(error)))?,
            owner: row.try_get::<String, _>("user_id")?.parse().map_err(|error| decoded(Box::new(error)))?,
            job_id: row.try_get("job_id")?,
            object_key: row.try_get("object_key")?,
            filename: row.try_get("filename")?,
            content_type: row.try_get("content_type")?,
            size: number("size")?,
            etag: ETag::from_storage(&etag).ok_or_else(|| decoded("not an ETag".into()))?,
            sha256: row.try_get("sha256")?,
            metadata: serde_json::from_str(&metadata).map_err(|error| decoded(Box::new(error)))?,
            created_at: row.try_get("created_at")?,
            modified_at: number("modified_at_seconds")?,
            expires_at: optional("expires_at_seconds")?,
            urls_revoked_before: optional("urls_revoked_before_seconds")?,
        })
    }
}

impl Catalog {
    /// Adds a ready file. False, and nothing done, if its owner was blocked or deleted in the meantime.
    pub(crate) async fn insert(&self, file: &FileRow) -> sqlx::Result<bool> {
        let metadata = serde_json::to_string(&file.metadata).expect("strings always serialise");
        let done = sqlx::query(
            "INSERT INTO files (id, user_id, job_id, object_key, filename, content_type, size, etag, sha256, metadata, \
             state, created_at, modified_at_seconds, expires_at_seconds) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'ready', $11, $12, $13 \
             WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = $2 \
             AND (blocked_at IS NOT NULL OR banned_at IS NOT NULL OR deleted_at IS NOT NULL))",
        )
        .bind(file.id.as_str())
        .bind(file.owner.as_str())
        .bind(file.job_id.as_deref())
        .bind(&file.object_key)
        .bind(&file.filename)
        .bind(&file.content_type)
        .bind(signed(file.size))
        .bind(file.etag.as_str())
        .bind(file.sha256.as_deref())
        .bind(metadata)
        .bind(file.created_at)
        .bind(signed(file.modified_at))
        .bind(file.expires_at.map(signed))
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Whether there is a row of this id, in whatever state.
    pub(crate) async fn has_row(&self, file: &FileId) -> sqlx::Result<bool> {
        let row = sqlx::query("SELECT 1 FROM files WHERE id = $1").bind(file.as_str());
        Ok(row.fetch_optional(&self.pool).await?.is_some())
    }

    /// Whether there is no row at all.
    pub(crate) async fn is_empty(&self) -> sqlx::Result<bool> {
        Ok(sqlx::query("SELECT 1 FROM files LIMIT 1").fetch_optional(&self.pool).await?.is_none())
    }

    /// The file, if it is this user's, ready, and not outlived at `now` (Unix seconds).
    pub(crate) async fn own_file(&self, owner: &UserId, file: &FileId, now: u64) -> sqlx::Result<Option<FileRow>> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        query.push(COLUMNS).push(" FROM files WHERE id = ").push_bind(file.as_str());
        readable(&mut query, owner, now);
        query.build().fetch_optional(&self.pool).await?.as_ref().map(FileRow::read).transpose()
    }

    /// A user's files, newest first: those ready, and not outlived at `now` (Unix seconds).
    pub(crate) async fn list(&self, owner: &UserId, page: &Page, now: u64) -> sqlx::Result<Vec<FileRow>> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        query.push(COLUMNS).push(" FROM files WHERE 1 = 1");
        readable(&mut query, owner, now);
        if let Some(job) = &page.job_id {
            query.push(" AND job_id = ").push_bind(job);
        }
        if let Some(prefix) = &page.content_type {
            query.push(" AND LOWER(content_type) LIKE ").push_bind(starts_with(prefix)).push(" ESCAPE '\\'");
        }
        if let Some(after) = &page.after {
            query.push(" AND (created_at, id) < (").push_bind(after.created_at);
            query.push(", ").push_bind(after.id.as_str()).push(")");
        }
        query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(i64::from(page.limit));
        query.build().fetch_all(&self.pool).await?.iter().map(FileRow::read).collect()
    }

    /// Takes a ready file from its owner, and says where its object lies. From here on its URLs open nothing.
    pub(crate) async fn mark_deleted(&self, owner: &UserId, file: &FileId) -> sqlx::Result<Option<String>> {
        sqlx::query_scalar(
            "UPDATE files SET state = 'deleted' WHERE id = $1 AND user_id = $2 AND state = 'ready' RETURNING object_key",
        )
        .bind(file.as_str())
        .bind(owner.as_str())
        .fetch_optional(&self.pool)
        .await
    }

    /// Deleted files whose object may still be there, by id, from behind `after`: id and key.
    pub(crate) async fn deleted(&self, after: &str, limit: u32) -> sqlx::Result<Vec<(String, String)>> {
        sqlx::query_as("SELECT id, object_key FROM files WHERE state = 'deleted' AND id > $1 ORDER BY id LIMIT $2")
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
    }

    /// Forgets a deleted file. Its object must be gone.
    pub(crate) async fn remove(&self, file: &str) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM files WHERE id = $1 AND state = 'deleted'")
            .bind(file)
            .execute(&self.pool)
            .await
            .map(drop)
    }
}

/// What its owner can see of a file: the same rule as [`proto::catalog::admit`] has for its URL.
fn readable(query: &mut QueryBuilder<Sqlite>, owner: &UserId, now: u64) {
    query.push(" AND user_id = ").push_bind(owner.as_str().to_owned());
    query.push(" AND state = 'ready' AND (expires_at_seconds IS NULL OR expires_at_seconds > ");
    query.push_bind(signed(now)).push(")");
}

fn starts_with(prefix: &str) -> String {
    let escaped = prefix.to_ascii_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("{escaped}%")
}

/// Sizes and seconds as SQL has them. Past 2^63 there is neither.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_matches_itself_only() {
        assert_eq!(starts_with("Video/"), "video/%");
        assert_eq!(starts_with("%_\\"), "\\%\\_\\\\%");
    }
}
