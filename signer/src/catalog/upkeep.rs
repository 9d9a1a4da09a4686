//! What upkeep asks of the catalog: files that end by themselves, what storage holds for whom, and whose turn it is.

use super::{
    Catalog,
    changes::Change,
    database::{Row, Statement},
};
use proto::{etag::ETag, id::FileId};
use std::collections::{HashMap, HashSet};

/// What the catalog knows of ids that storage was found to hold something of.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Files, ready or deleted, and where their objects lie.
    pub(crate) files: HashMap<FileId, String>,
    /// Uploads of which storage may hold something.
    pub(crate) uploads: HashSet<FileId>,
}

/// What storage must hold for a ready file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Promised {
    pub(crate) id: FileId,
    pub(crate) object_key: String,
    pub(crate) size: u64,
    pub(crate) etag: ETag,
    /// Lower-case hexadecimal.
    pub(crate) sha256: Option<String>,
}

impl Catalog {
    /// As [`Catalog::mark_deleted`], for some of the files that are outlived at `now` (Unix milliseconds). How many
    /// there were.
    pub(crate) async fn mark_outlived_deleted(&self, now: i64, limit: u32) -> sqlx::Result<usize> {
        let statement = Statement::new(
            "UPDATE files SET state = 'deleted' WHERE state = 'ready' AND expires_at_seconds <= $1 AND id IN \
             (SELECT id FROM files WHERE state = 'ready' AND expires_at_seconds <= $1 LIMIT $2) RETURNING id",
        );
        let mut transaction = self.database.begin().await?;
        let rows = transaction.all(statement.bind(now.div_euclid(1000)).bind(i64::from(limit))).await?;
        for row in &rows {
            transaction.append(Change::FileDeleted(&id(row)?), now).await?;
        }
        transaction.commit().await?;
        Ok(rows.len())
    }

    /// What is known of these ids, up to a thousand. One statement sees an upload become a file: as the one, or as the
    /// other.
    pub(crate) async fn known(&self, ids: &[FileId]) -> sqlx::Result<Known> {
        if ids.is_empty() {
            return Ok(Known::default());
        }
        let statement = among(Statement::new("SELECT id, object_key FROM files WHERE id IN ("), ids);
        let statement = statement.push(
            ") UNION ALL SELECT id, NULL FROM uploads WHERE (state = 'open' OR (state = 'expired' AND gone_at IS NULL)) \
             AND id IN (",
        );
        let mut known = Known::default();
        for row in self.database.all(among(statement, ids).push(")")).await? {
            match row.get::<Option<String>>("object_key")? {
                Some(key) => drop(known.files.insert(id(&row)?, key)),
                None => drop(known.uploads.insert(id(&row)?)),
            }
        }
        Ok(known)
    }

    /// Ready files by id, from behind `after`.
    pub(crate) async fn promised(&self, after: &str, limit: u32) -> sqlx::Result<Vec<Promised>> {
        let statement = Statement::new(
            "SELECT id, object_key, size, etag, sha256 FROM files WHERE id > $1 AND state = 'ready' ORDER BY id LIMIT $2",
        );
        let rows = self.database.all(statement.bind(after).bind(i64::from(limit))).await?;
        rows.iter().map(promise).collect()
    }

    /// The same of one file, as it stands now.
    pub(crate) async fn promise_of(&self, file: &FileId) -> sqlx::Result<Option<Promised>> {
        let statement =
            Statement::new("SELECT id, object_key, size, etag, sha256 FROM files WHERE id = $1 AND state = 'ready'");
        self.database.optional(statement.bind(file.as_str())).await?.as_ref().map(promise).transpose()
    }

    /// The object of a file is a copy now: the same bytes, of which storage says this ETag and this Unix second of its last
    /// change. False if the file is not as it was promised any more; `now` is in Unix milliseconds.
    pub(crate) async fn accept_copy(
        &self,
        promised: &Promised,
        (etag, modified_at): (&ETag, u64),
        now: i64,
    ) -> sqlx::Result<bool> {
        let statement = Statement::new(
            "UPDATE files SET etag = $1, modified_at_seconds = $2 \
             WHERE id = $3 AND object_key = $4 AND size = $5 AND etag = $6 AND state = 'ready'",
        );
        let statement = statement.bind(etag.as_str()).bind(modified_at).bind(promised.id.as_str());
        let statement = statement.bind(promised.object_key.as_str()).bind(promised.size).bind(promised.etag.as_str());
        let mut transaction = self.database.begin().await?;
        let is_accepted = transaction.execute(statement).await? == 1;
        if is_accepted {
            transaction.append(Change::FileChanged(&promised.id), now).await?;
        }
        transaction.commit().await?;
        Ok(is_accepted)
    }

    /// Whether what is done every so many milliseconds is due at `now` (Unix milliseconds), and the caller's to do: of
    /// all that ask, one is told so, and nobody again before the time is up. Who asks first of all sets it going.
    pub(crate) async fn take_chore(&self, name: &str, every: i64, now: i64) -> sqlx::Result<bool> {
        let next = now.saturating_add(every);
        let begin = Statement::new("INSERT INTO chores (name, due_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");
        if self.database.execute(begin.bind(name).bind(next)).await? == 1 {
            return Ok(false);
        }
        // The interval may have become shorter since.
        let take = Statement::new("UPDATE chores SET due_at = $2 WHERE name = $1 AND (due_at <= $3 OR due_at > $2)");
        Ok(self.database.execute(take.bind(name).bind(next).bind(now)).await? == 1)
    }
}

fn among(statement: Statement, ids: &[FileId]) -> Statement {
    ids.iter()
        .enumerate()
        .fold(statement, |statement, (place, id)| statement.push_bind(if place == 0 { "" } else { ", " }, id.as_str()))
}

fn id(row: &Row) -> sqlx::Result<FileId> {
    row.get::<String>("id")?.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn promise(row: &Row) -> sqlx::Result<Promised> {
    let etag = ETag::from_storage(&row.get::<String>("etag")?);
    Ok(Promised {
        id: id(row)?,
        object_key: row.get("object_key")?,
        size: row.number("size")?,
        etag: etag.ok_or_else(|| sqlx::Error::Decode("not an ETag".into()))?,
        sha256: row.get("sha256")?,
    })
}
