//! The `uploads` table: what is on its way into storage, from before its first byte until it is a file or nothing.
//!
//! | step | where |
//! |---|---|
//! | begin, look up | here |
//! | hold, go forward, let go | [`writing`] |
//! | become a file | [`finish`] |
//! | end without one | [`ending`] |
//!
//! An open upload counts in its owner's total: with the size that was declared, else with the bytes received.

mod ending;
mod finish;
mod writing;

pub(crate) use writing::{Advance, Held, Hold};

use super::{
    Catalog,
    database::{Row, Statement, Transaction},
};
use crate::{storage::Progress, uploads::Description};
use proto::{
    catalog::UserStanding,
    id::{FileId, UserId},
};

/// Every column that [`UploadRow::read`] wants, whatever else is joined.
const COLUMNS: &str = "uploads.id AS id, uploads.user_id AS user_id, kind, handle, state, object_key, declared_size, \
     description, received, created_at, expires_at";

/// An upload, but for what only its writer needs.
#[derive(Debug, Clone)]
pub(crate) struct UploadRow {
    /// Of the file that is to be.
    pub(crate) id: FileId,
    pub(crate) owner: UserId,
    pub(crate) kind: Kind,
    /// SHA-256 of the secret in its URL, in hexadecimal.
    pub(crate) handle: Option<String>,
    pub(crate) state: State,
    pub(crate) object_key: String,
    /// Bytes, once that is known.
    pub(crate) declared_size: Option<u64>,
    pub(crate) description: Description,
    /// Bytes that are durable.
    pub(crate) received: u64,
    /// Unix milliseconds.
    pub(crate) created_at: i64,
    /// Unix milliseconds; moves on with progress.
    pub(crate) expires_at: i64,
}

/// How it comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One request, of one process.
    Stream,
    /// As many requests as it takes.
    Tus,
    /// Past the signer.
    Presigned,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    /// It is a file.
    Finished,
    /// It takes no more bytes and becomes no file, whatever ended it.
    Expired,
}

/// What came of a step. After all but the first, everything is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Step {
    Done,
    /// Somebody else holds the upload, or it is not open any more.
    Lost,
    /// Its owner may not store anything.
    Blocked,
    /// Its owner's total would be passed.
    NoRoom,
}

impl UploadRow {
    fn insertion(&self, progress: &Progress) -> Statement {
        let description = serde_json::to_string(&self.description).expect("texts and numbers always serialise");
        Statement::new(
            "INSERT INTO uploads (id, user_id, kind, handle, state, object_key, declared_size, description, received, \
             part_bytes, multipart_id, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(self.id.as_str())
        .bind(self.owner.as_str())
        .bind(self.kind.name())
        .bind(self.handle.as_deref())
        .bind(self.state.name())
        .bind(self.object_key.as_str())
        .bind(self.declared_size)
        .bind(description)
        .bind(progress.offset)
        .bind(progress.part_bytes)
        .bind(progress.multipart.as_deref())
        .bind(self.created_at)
        .bind(self.expires_at)
    }

    fn read(row: &Row) -> sqlx::Result<Self> {
        let (kind, state): (String, String) = (row.get("kind")?, row.get("state")?);
        let description: String = row.get("description")?;
        Ok(Self {
            id: row.get::<String>("id")?.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            owner: row.get::<String>("user_id")?.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            kind: Kind::named(&kind).ok_or_else(|| sqlx::Error::Decode("not a kind of upload".into()))?,
            handle: row.get("handle")?,
            state: State::named(&state).ok_or_else(|| sqlx::Error::Decode("not a state of an upload".into()))?,
            object_key: row.get("object_key")?,
            declared_size: row.optional_number("declared_size")?,
            description: serde_json::from_str(&description).map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            received: row.number("received")?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
        })
    }
}

impl Kind {
    /// Milliseconds for which nobody has to hear of it: a process that streams tells of itself far more often.
    pub(crate) fn lifetime(self) -> i64 {
        const HOUR: i64 = 60 * 60 * 1000;
        match self {
            Self::Stream => HOUR,
            Self::Tus | Self::Presigned => 24 * HOUR,
        }
    }

    const ALL: [Self; 3] = [Self::Stream, Self::Tus, Self::Presigned];

    fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Tus => "tus",
            Self::Presigned => "presigned",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl State {
    const ALL: [Self; 3] = [Self::Open, Self::Finished, Self::Expired];

    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Finished => "finished",
            Self::Expired => "expired",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl Catalog {
    /// Adds an upload that has come as far as `progress`, if its owner may store anything, and no more than `total`
    /// bytes with it.
    pub(crate) async fn begin_upload(
        &self,
        upload: &UploadRow,
        progress: &Progress,
        total: Option<u64>,
    ) -> sqlx::Result<Step> {
        let mut transaction = self.database.begin().await?;
        transaction.take_turn(&upload.owner, total).await?;
        if transaction.is_barred(&upload.owner).await? {
            return Ok(Step::Blocked);
        }
        transaction.execute(upload.insertion(progress)).await?;
        transaction.commit_within(&upload.owner, total).await
    }

    /// The upload whose URL holds the secret of this SHA-256, and how its owner stands.
    pub(crate) async fn upload_by_handle(&self, handle: &str) -> sqlx::Result<Option<(UploadRow, UserStanding)>> {
        let statement = selection()
            .push(
                ", blocked_at IS NOT NULL OR banned_at IS NOT NULL AS is_blocked, deleted_at IS NOT NULL AS is_deleted \
                 FROM uploads LEFT JOIN users ON users.id = uploads.user_id",
            )
            .push_bind(" WHERE handle = ", handle);
        let Some(row) = self.database.optional(statement).await? else { return Ok(None) };
        let (blocked, deleted) = (row.get("is_blocked")?, row.get("is_deleted")?);
        Ok(Some((UploadRow::read(&row)?, UserStanding { blocked, deleted, ..UserStanding::default() })))
    }

    /// The upload, if it is this user's.
    pub(crate) async fn own_upload(&self, owner: &UserId, upload: &FileId) -> sqlx::Result<Option<UploadRow>> {
        let statement = selection().push_bind(" FROM uploads WHERE id = ", upload.as_str());
        let statement = statement.push_bind(" AND user_id = ", owner.as_str());
        self.database.optional(statement).await?.as_ref().map(UploadRow::read).transpose()
    }
}

impl Transaction {
    /// Commits, unless the owner's files and open uploads hold more than `total` now.
    async fn commit_within(mut self, owner: &UserId, total: Option<u64>) -> sqlx::Result<Step> {
        if !self.is_within(owner, total).await? {
            return Ok(Step::NoRoom);
        }
        self.commit().await?;
        Ok(Step::Done)
    }
}

fn selection() -> Statement {
    Statement::new("SELECT ").push(COLUMNS)
}
