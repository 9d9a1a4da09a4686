//! One writer at a time. Who writes an upload that many requests may go on with holds it for a moment, again with
//! every byte that became durable; who stood still for so long may be displaced, and cannot go forward then.

use super::{Catalog, Statement, Step, Transaction, UploadRow, selection};
use crate::storage::Progress;
use proto::id::{FileId, UserId};

/// Milliseconds for which an upload is its holder's, without progress.
const LEASE: i64 = 10_000;

/// Values bound by one statement, well below what either database takes.
const PARTS_AT_ONCE: usize = 1_000;

/// An upload that is the caller's to write.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) upload: UploadRow,
    pub(crate) progress: Progress,
    /// Of SHA-256 behind the bytes received, as it was given last.
    pub(crate) hash_state: Option<String>,
}

/// Whether an upload may be written.
#[derive(Debug)]
pub(crate) enum Hold {
    Yes(Box<Held>),
    /// Somebody else writes it.
    Taken,
    /// There is none, or it is not open any more.
    Over,
}

/// A step forward.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Advance<'a> {
    /// `None` if nobody else can write it: one of [`super::Kind::Stream`].
    pub(crate) holder: Option<&'a str>,
    pub(crate) progress: &'a Progress,
    pub(crate) hash_state: Option<&'a str>,
    /// Unix milliseconds.
    pub(crate) expires_at: i64,
}

impl Catalog {
    /// Takes an open upload at `now` (Unix milliseconds), unless another holder has a moment left.
    pub(crate) async fn hold_upload(&self, upload: &FileId, holder: &str, now: i64) -> sqlx::Result<Hold> {
        let statement = Statement::new(
            "UPDATE uploads SET holder = $2, held_until = $3 WHERE id = $1 AND state = 'open' \
             AND (holder IS NULL OR holder = $2 OR held_until <= $4) AND (expires_at > $4 OR held_until > $4)",
        );
        let statement = statement.bind(upload.as_str()).bind(holder).bind(now + LEASE).bind(now);
        let mut transaction = self.database.begin().await?;
        if transaction.execute(statement).await? == 0 {
            return transaction.is_held(upload, now).await.map(|held| if held { Hold::Taken } else { Hold::Over });
        }
        let held = transaction.held(upload).await?;
        transaction.commit().await?;
        Ok(Hold::Yes(Box::new(held)))
    }

    /// Notes how far its holder has come at `now` (Unix milliseconds), and holds on. Where the size was not declared,
    /// `total` bounds what it may grow to.
    pub(crate) async fn advance_upload(
        &self,
        (upload, owner): (&FileId, &UserId),
        step: Advance<'_>,
        total: Option<u64>,
        now: i64,
    ) -> sqlx::Result<Step> {
        let Progress { offset, part_bytes, multipart, parts } = step.progress;
        // What was durable once stays so: an offset that was told never goes back.
        let statement = Statement::new(
            "UPDATE uploads SET received = $2, part_bytes = $3, multipart_id = $4, hash_state = $5, held_until = $6, \
             expires_at = $7 WHERE id = $1 AND state = 'open' AND received <= $2",
        )
        .bind(upload.as_str())
        .bind(*offset)
        .bind(*part_bytes)
        .bind(multipart.as_deref())
        .bind(step.hash_state)
        .bind(now + LEASE)
        .bind(step.expires_at);
        let mut transaction = self.database.begin().await?;
        transaction.take_turn(owner, total).await?;
        if transaction.is_barred(owner).await? {
            return Ok(Step::Blocked);
        }
        if transaction.execute(held_by(statement, step.holder)).await? == 0 {
            return Ok(Step::Lost);
        }
        transaction.note_parts(upload, parts).await?;
        transaction.commit_within(owner, total).await
    }

    /// Notes the size of an upload whose holder did not know it before.
    pub(crate) async fn declare_upload(
        &self,
        (upload, owner): (&FileId, &UserId),
        holder: &str,
        size: u64,
        total: Option<u64>,
    ) -> sqlx::Result<Step> {
        let statement = Statement::new(
            "UPDATE uploads SET declared_size = $2 WHERE id = $1 AND state = 'open' AND declared_size IS NULL",
        );
        let statement = held_by(statement.bind(upload.as_str()).bind(size), Some(holder));
        let mut transaction = self.database.begin().await?;
        transaction.take_turn(owner, total).await?;
        if transaction.execute(statement).await? == 0 {
            return Ok(Step::Lost);
        }
        transaction.commit_within(owner, total).await
    }

    /// Whether this holder has not been displaced. It holds on no longer for asking.
    pub(crate) async fn is_held_by(&self, upload: &FileId, holder: &str) -> sqlx::Result<bool> {
        let statement = Statement::new("SELECT 1 FROM uploads WHERE id = $1 AND state = 'open'");
        let statement = held_by(statement.bind(upload.as_str()), Some(holder));
        Ok(self.database.optional(statement).await?.is_some())
    }

    /// Lets go of it: somebody else may go on at once.
    pub(crate) async fn release_upload(&self, upload: &FileId, holder: &str) -> sqlx::Result<()> {
        let statement = Statement::new("UPDATE uploads SET holder = NULL, held_until = NULL WHERE id = $1");
        let statement = held_by(statement.bind(upload.as_str()), Some(holder));
        self.database.execute(statement).await.map(drop)
    }
}

/// Goes on with the condition that the upload is this holder's; what nobody can hold is its writer's.
pub(super) fn held_by(statement: Statement, holder: Option<&str>) -> Statement {
    match holder {
        Some(holder) => statement.push_bind(" AND holder = ", holder),
        None => statement.push(" AND holder IS NULL"),
    }
}

impl Transaction {
    async fn is_held(&mut self, upload: &FileId, now: i64) -> sqlx::Result<bool> {
        let statement = Statement::new("SELECT 1 FROM uploads WHERE id = $1 AND state = 'open' AND held_until > $2");
        Ok(self.optional(statement.bind(upload.as_str()).bind(now)).await?.is_some())
    }

    async fn held(&mut self, upload: &FileId) -> sqlx::Result<Held> {
        let statement = selection().push(", hash_state, part_bytes, multipart_id FROM uploads");
        let row = self.optional(statement.push_bind(" WHERE id = ", upload.as_str())).await?;
        let row = row.ok_or(sqlx::Error::RowNotFound)?;
        let statement = Statement::new("SELECT etag FROM upload_parts WHERE upload_id = $1 ORDER BY part_number");
        let parts = self.all(statement.bind(upload.as_str())).await?;
        let progress = Progress {
            offset: row.number("received")?,
            part_bytes: row.number("part_bytes")?,
            multipart: row.get("multipart_id")?,
            parts: parts.iter().map(|part| part.get("etag")).collect::<sqlx::Result<_>>()?,
        };
        Ok(Held { upload: UploadRow::read(&row)?, progress, hash_state: row.get("hash_state")? })
    }

    /// Adds the parts that are new; those before do not change.
    async fn note_parts(&mut self, upload: &FileId, parts: &[String]) -> sqlx::Result<()> {
        let statement = Statement::new("SELECT COUNT(*) AS known FROM upload_parts WHERE upload_id = $1");
        let row = self.optional(statement.bind(upload.as_str())).await?.ok_or(sqlx::Error::RowNotFound)?;
        let known = usize::try_from(row.number("known")?).unwrap_or(usize::MAX);
        let mut first = known + 1;
        for fresh in parts.get(known..).unwrap_or_default().chunks(PARTS_AT_ONCE) {
            let beginning = "INSERT INTO upload_parts (upload_id, part_number, etag) VALUES ";
            let insertion = (first..).zip(fresh).fold(Statement::new(beginning), |statement, (number, etag)| {
                let statement = statement.push_bind(if number == first { "(" } else { ", (" }, upload.as_str());
                statement.push_bind(", ", number as u64).push_bind(", ", etag.as_str()).push(")")
            });
            self.execute(insertion).await?;
            first += fresh.len();
        }
        Ok(())
    }
}
