//! The statements, and what their rows mean.

use super::database::{Database, Row, Value, parameters};
use proto::{
    catalog::{FileEntry, UserStanding},
    etag::ETag,
    id::{FileId, UserId},
};
use std::time::Duration;

/// What a [`FileEntry`] is made of.
const FILE: &str = "f.user_id, f.object_key, f.filename, f.content_type, f.size, f.etag, f.modified_at_seconds, \
     f.state, f.expires_at_seconds, f.urls_revoked_before_seconds AS file_revoked_before";

/// What a [`UserStanding`] is made of.
const USER: &str = "u.blocked_at, u.banned_at, u.deleted_at, u.urls_revoked_before_seconds AS user_revoked_before";

const SCHEMA: &str = "SELECT MAX(version) AS version FROM _sqlx_migrations WHERE success";

/// The last row that was read is asked for again: if it is not there as it was, this is not the feed that it was read from.
const CHANGES: &str = "SELECT seq, file_id, user_id, at FROM changes WHERE seq >= $1 ORDER BY seq LIMIT $2";

const NEWEST_CHANGE: &str = "SELECT seq, file_id, user_id, at FROM changes ORDER BY seq DESC LIMIT 1";

/// One row of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) number: i64,
    /// When it was written, since the Unix epoch. After a catalog was put back from a copy, its numbers come again, and its
    /// times do not.
    pub(super) at: Duration,
    pub(super) file: Option<FileId>,
    pub(super) user: Option<UserId>,
}

impl Database {
    /// A file and a user at once.
    pub(super) async fn file_and_user(
        &self,
        file: &FileId,
        user: &UserId,
    ) -> Result<(Option<FileEntry>, UserStanding), sqlx::Error> {
        let text = format!(
            "SELECT {FILE}, {USER} FROM (SELECT CAST($1 AS TEXT) AS file_id, CAST($2 AS TEXT) AS user_id) AS asked \
             LEFT JOIN files f ON f.id = asked.file_id LEFT JOIN users u ON u.id = asked.user_id"
        );
        let rows = self.all(text, &[Value::Text(file.as_str()), Value::Text(user.as_str())]).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        Ok((file_entry(row)?, standing(row)?))
    }

    /// Those of the files that there are, in whatever state. A row that cannot be used opens nothing, and is none here:
    /// it must not keep a reader from the others.
    pub(super) async fn files(&self, ids: &[&FileId]) -> Result<Vec<(FileId, FileEntry)>, sqlx::Error> {
        let text = format!("SELECT f.id, {FILE} FROM files f WHERE f.id IN ({})", parameters(ids.len()));
        let ids: Vec<_> = ids.iter().map(|id| Value::Text(id.as_str())).collect();
        let rows = self.all(text, &ids).await?;
        let usable = |row: &Row| id(row, "id").ok().flatten().zip(file_entry(row).ok().flatten());
        Ok(rows.iter().filter_map(usable).collect())
    }

    /// Those of the users of whom anything is known.
    pub(super) async fn users(&self, ids: &[&UserId]) -> Result<Vec<(UserId, UserStanding)>, sqlx::Error> {
        let text = format!("SELECT u.id, {USER} FROM users u WHERE u.id IN ({})", parameters(ids.len()));
        let ids: Vec<_> = ids.iter().map(|id| Value::Text(id.as_str())).collect();
        let rows = self.all(text, &ids).await?;
        let standings = rows.iter().map(|row| Ok(id(row, "id")?.zip(Some(standing(row)?))));
        standings.filter_map(Result::transpose).collect()
    }

    /// The feed from the row `from` on, that row too.
    pub(super) async fn changes(&self, from: i64, limit: i64) -> Result<Vec<Change>, sqlx::Error> {
        let rows = self.all(CHANGES, &[Value::Number(from), Value::Number(limit)]).await?;
        rows.iter().map(change).collect()
    }

    /// The feed's newest row, if there is any.
    pub(super) async fn newest_change(&self) -> Result<Option<Change>, sqlx::Error> {
        self.all(NEWEST_CHANGE, &[]).await?.first().map(change).transpose()
    }

    /// The schema's version; 0 before there is one.
    pub(super) async fn schema(&self) -> Result<i64, sqlx::Error> {
        let rows = self.all(SCHEMA, &[]).await?;
        Ok(rows.first().ok_or(sqlx::Error::RowNotFound)?.get::<Option<i64>>("version")?.unwrap_or(0))
    }
}

/// An id; `None` for none, and for one that no URL can name.
fn id<T: std::str::FromStr>(row: &Row, column: &str) -> Result<Option<T>, sqlx::Error> {
    Ok(row.get::<Option<String>>(column)?.and_then(|id| id.parse().ok()))
}

fn change(row: &Row) -> Result<Change, sqlx::Error> {
    let at = Duration::from_millis(u64::try_from(row.get::<i64>("at")?).unwrap_or(0));
    Ok(Change { number: row.get("seq")?, at, file: id(row, "file_id")?, user: id(row, "user_id")? })
}

fn file_entry(row: &Row) -> Result<Option<FileEntry>, sqlx::Error> {
    let Some(owner) = row.get::<Option<String>>("user_id")? else { return Ok(None) };
    let unusable = |what: &str| sqlx::Error::Decode(format!("the row's {what} is not usable").into());
    let (etag, state): (String, String) = (row.get("etag")?, row.get("state")?);
    Ok(Some(FileEntry {
        owner: owner.parse().map_err(|_| unusable("user_id"))?,
        object_key: row.get("object_key")?,
        filename: row.get("filename")?,
        content_type: row.get("content_type")?,
        size: u64::try_from(row.get::<i64>("size")?).map_err(|_| unusable("size"))?,
        etag: ETag::from_storage(&etag).ok_or_else(|| unusable("etag"))?,
        modified_at: seconds(row.get("modified_at_seconds")?),
        ready: state == "ready",
        expires_at: row.get::<Option<i64>>("expires_at_seconds")?.map(seconds),
        urls_revoked_before: row.get::<Option<i64>>("file_revoked_before")?.map(seconds),
    }))
}

fn standing(row: &Row) -> Result<UserStanding, sqlx::Error> {
    let is_set = |column| row.get::<Option<i64>>(column).map(|at| at.is_some());
    Ok(UserStanding {
        blocked: is_set("blocked_at")? || is_set("banned_at")?,
        deleted: is_set("deleted_at")?,
        urls_revoked_before: row.get::<Option<i64>>("user_revoked_before")?.map(seconds),
    })
}

fn seconds(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(0)
}
