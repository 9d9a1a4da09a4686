//! The `files` table.

use super::{
    Audit, Catalog,
    changes::Change,
    database::{Row, Statement},
    users::next_second,
};
use proto::{
    etag::ETag,
    id::{FileId, UserId},
};
use sqlx::error::BoxDynError;
use std::collections::BTreeMap;

/// Every column that [`FileRow::read`] wants.
pub(super) const COLUMNS: &str = "id, user_id, job_id, object_key, filename, content_type, size, etag, sha256, metadata, \
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
    /// Adds it as ready, unless its owner is blocked or deleted.
    pub(super) fn insertion(&self) -> Statement {
        let metadata = serde_json::to_string(&self.metadata).expect("strings always serialise");
        Statement::new(
            "INSERT INTO files (id, user_id, job_id, object_key, filename, content_type, size, etag, sha256, metadata, \
             state, created_at, modified_at_seconds, expires_at_seconds) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'ready', $11, $12, $13 \
             WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = $2 \
             AND (blocked_at IS NOT NULL OR banned_at IS NOT NULL OR deleted_at IS NOT NULL))",
        )
        .bind(self.id.as_str())
        .bind(self.owner.as_str())
        .bind(self.job_id.as_deref())
        .bind(self.object_key.as_str())
        .bind(self.filename.as_str())
        .bind(self.content_type.as_str())
        .bind(self.size)
        .bind(self.etag.as_str())
        .bind(self.sha256.as_deref())
        .bind(metadata)
        .bind(self.created_at)
        .bind(self.modified_at)
        .bind(self.expires_at)
    }

    pub(super) fn read(row: &Row) -> sqlx::Result<Self> {
        let decoded = |error: BoxDynError| sqlx::Error::Decode(error);
        let (metadata, etag): (String, String) = (row.get("metadata")?, row.get("etag")?);
        Ok(Self {
            id: row.get::<String>("id")?.parse().map_err(|error| decoded(Box::new(error)))?,
            owner: row.get::<String>("user_id")?.parse().map_err(|error| decoded(Box::new(error)))?,
            job_id: row.get("job_id")?,
            object_key: row.get("object_key")?,
            filename: row.get("filename")?,
            content_type: row.get("content_type")?,
            size: row.number("size")?,
            etag: ETag::from_storage(&etag).ok_or_else(|| decoded("not an ETag".into()))?,
            sha256: row.get("sha256")?,
            metadata: serde_json::from_str(&metadata).map_err(|error| decoded(Box::new(error)))?,
            created_at: row.get("created_at")?,
            modified_at: row.number("modified_at_seconds")?,
            expires_at: row.optional_number("expires_at_seconds")?,
            urls_revoked_before: row.optional_number("urls_revoked_before_seconds")?,
        })
    }
}

impl Catalog {
    /// Whether there is a row of this id, in whatever state.
    pub(crate) async fn has_row(&self, file: &FileId) -> sqlx::Result<bool> {
        let statement = Statement::new("SELECT 1 FROM files WHERE id = $1").bind(file.as_str());
        Ok(self.database.optional(statement).await?.is_some())
    }

    /// Whether there is no row at all.
    pub(crate) async fn is_empty(&self) -> sqlx::Result<bool> {
        Ok(self.database.optional(Statement::new("SELECT 1 FROM files LIMIT 1")).await?.is_none())
    }

    /// The file, if it is this user's, ready, and not outlived at `now` (Unix seconds).
    pub(crate) async fn own_file(&self, owner: &UserId, file: &FileId, now: u64) -> sqlx::Result<Option<FileRow>> {
        let statement = readable(owner, now).push_bind(" AND id = ", file.as_str());
        self.database.optional(statement).await?.as_ref().map(FileRow::read).transpose()
    }

    /// A user's files, newest first: those ready, and not outlived at `now` (Unix seconds).
    pub(crate) async fn list(&self, owner: &UserId, page: &Page, now: u64) -> sqlx::Result<Vec<FileRow>> {
        let statement = listed(owner, page, now);
        self.database.all(statement).await?.iter().map(FileRow::read).collect()
    }

    /// As [`Catalog::own_file`], for up to a hundred of them at once. In no order.
    pub(crate) async fn own_files(&self, owner: &UserId, files: &[FileId], now: u64) -> sqlx::Result<Vec<FileRow>> {
        let Some((first, others)) = files.split_first() else { return Ok(Vec::new()) };
        let first = readable(owner, now).push_bind(" AND id IN (", first.as_str());
        let statement = others.iter().fold(first, |statement, file| statement.push_bind(", ", file.as_str()));
        self.database.all(statement.push(")")).await?.iter().map(FileRow::read).collect()
    }

    /// As [`Catalog::list`], at `now` in Unix milliseconds, and writes down who asked.
    pub(crate) async fn list_by(
        &self,
        audit: &Audit,
        owner: &UserId,
        page: &Page,
        now: i64,
    ) -> sqlx::Result<Vec<FileRow>> {
        let mut transaction = self.database.begin().await?;
        transaction.audit(audit, now).await?;
        let second = u64::try_from(now.div_euclid(1000)).unwrap_or_default();
        let rows = transaction.all(listed(owner, page, second)).await?;
        transaction.commit().await?;
        rows.iter().map(FileRow::read).collect()
    }

    /// What a user has stored: bytes, and files. What is outlived counts until it is deleted.
    pub(crate) async fn usage(&self, owner: &UserId) -> sqlx::Result<(u64, u64)> {
        // The sum of BIGINTs is another type in Postgres.
        let statement = Statement::new(
            "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes, COUNT(*) AS files FROM files \
             WHERE user_id = $1 AND state = 'ready'",
        );
        let row = self.database.optional(statement.bind(owner.as_str())).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok((row.number("bytes")?, row.number("files")?))
    }

    /// Gives a ready file of this owner another name, other metadata, or both; `now` is in Unix milliseconds. `None`:
    /// there is no such file.
    pub(crate) async fn describe(
        &self,
        owner: &UserId,
        file: &FileId,
        (filename, metadata): (Option<&str>, Option<&BTreeMap<String, String>>),
        now: i64,
    ) -> sqlx::Result<Option<FileRow>> {
        let metadata = metadata.map(|map| serde_json::to_string(map).expect("strings always serialise"));
        let statement = Statement::new(
            "UPDATE files SET filename = COALESCE($1, filename), metadata = COALESCE($2, metadata) \
             WHERE id = $3 AND user_id = $4 AND state = 'ready' \
             AND (expires_at_seconds IS NULL OR expires_at_seconds > $5) RETURNING ",
        )
        .push(COLUMNS)
        .bind(filename)
        .bind(metadata.as_deref())
        .bind(file.as_str())
        .bind(owner.as_str())
        .bind(now.div_euclid(1000));
        let mut transaction = self.database.begin().await?;
        let Some(row) = transaction.optional(statement).await? else { return Ok(None) };
        // Gateways give the name with the bytes.
        if filename.is_some() {
            transaction.append(Change::FileChanged(file), now).await?;
        }
        transaction.commit().await?;
        FileRow::read(&row).map(Some)
    }

    /// As [`Catalog::mark_deleted`], whoever owns it.
    pub(crate) async fn mark_deleted_by(&self, audit: &Audit, file: &FileId, now: i64) -> sqlx::Result<Option<String>> {
        let statement =
            Statement::new("UPDATE files SET state = 'deleted' WHERE id = $1 AND state = 'ready' RETURNING object_key");
        let mut transaction = self.database.begin().await?;
        let row = transaction.optional(statement.bind(file.as_str())).await?;
        let Some(key) = row.map(|row| row.get("object_key")).transpose()? else { return Ok(None) };
        transaction.audit(audit, now).await?;
        transaction.append(Change::FileDeleted(file), now).await?;
        transaction.commit().await?;
        Ok(Some(key))
    }

    /// Takes a ready file from its owner at `now` (Unix milliseconds), and says where its object lies. From here on its
    /// URLs open nothing.
    pub(crate) async fn mark_deleted(&self, owner: &UserId, file: &FileId, now: i64) -> sqlx::Result<Option<String>> {
        let statement = Statement::new(
            "UPDATE files SET state = 'deleted' WHERE id = $1 AND user_id = $2 AND state = 'ready' RETURNING object_key",
        );
        let mut transaction = self.database.begin().await?;
        let row = transaction.optional(statement.bind(file.as_str()).bind(owner.as_str())).await?;
        let Some(key) = row.map(|row| row.get("object_key")).transpose()? else { return Ok(None) };
        transaction.append(Change::FileDeleted(file), now).await?;
        transaction.commit().await?;
        Ok(Some(key))
    }

    /// As [`Catalog::revoke_user_urls_by`], for one ready file of this owner. `None`: there is no such file.
    pub(crate) async fn revoke_file_urls(&self, owner: &UserId, file: &FileId, now: i64) -> sqlx::Result<Option<u64>> {
        let statement = Statement::new(
            "UPDATE files SET urls_revoked_before_seconds = CASE WHEN urls_revoked_before_seconds > $3 \
             THEN urls_revoked_before_seconds ELSE $3 END WHERE id = $1 AND user_id = $2 AND state = 'ready' \
             RETURNING urls_revoked_before_seconds",
        )
        .bind(file.as_str())
        .bind(owner.as_str())
        .bind(next_second(now));
        let mut transaction = self.database.begin().await?;
        let Some(row) = transaction.optional(statement).await? else { return Ok(None) };
        transaction.append(Change::FileRevoked(file), now).await?;
        transaction.commit().await?;
        Ok(Some(row.number("urls_revoked_before_seconds")?))
    }

    /// Deleted files whose object may still be there, by id, from behind `after`: id and key.
    pub(crate) async fn deleted(&self, after: &str, limit: u32) -> sqlx::Result<Vec<(String, String)>> {
        let statement =
            Statement::new("SELECT id, object_key FROM files WHERE state = 'deleted' AND id > $1 ORDER BY id LIMIT $2");
        let rows = self.database.all(statement.bind(after).bind(i64::from(limit))).await?;
        rows.iter().map(|row| Ok((row.get("id")?, row.get("object_key")?))).collect()
    }

    /// Forgets a deleted file. Its object must be gone.
    pub(crate) async fn remove(&self, file: &str) -> sqlx::Result<()> {
        let statement = Statement::new("DELETE FROM files WHERE id = $1 AND state = 'deleted'");
        self.database.execute(statement.bind(file)).await.map(drop)
    }
}

/// What its owner can see of a file: the same rule as [`proto::catalog::admit`] has for its URL.
fn readable(owner: &UserId, now: u64) -> Statement {
    Statement::new("SELECT ")
        .push(COLUMNS)
        .push_bind(" FROM files WHERE user_id = ", owner.as_str())
        .push_bind(" AND state = 'ready' AND (expires_at_seconds IS NULL OR expires_at_seconds > ", now)
        .push(")")
}

/// A page of them, newest first.
fn listed(owner: &UserId, page: &Page, now: u64) -> Statement {
    let mut statement = readable(owner, now);
    if let Some(job) = &page.job_id {
        statement = statement.push_bind(" AND job_id = ", job.as_str());
    }
    if let Some(prefix) = &page.content_type {
        statement = statement.push_bind(" AND LOWER(content_type) LIKE ", starts_with(prefix)).push(" ESCAPE '\\'");
    }
    if let Some(after) = &page.after {
        statement = statement.push_bind(" AND (created_at, id) < (", after.created_at);
        statement = statement.push_bind(", ", after.id.as_str()).push(")");
    }
    statement.push_bind(" ORDER BY created_at DESC, id DESC LIMIT ", i64::from(page.limit))
}

fn starts_with(prefix: &str) -> String {
    let escaped = prefix.to_ascii_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("{escaped}%")
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
