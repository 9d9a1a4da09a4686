//! The `idempotency_keys` table.

use super::{
    Catalog,
    database::{Statement, Transaction},
};
use crate::idempotency::{Answered, Key};

/// Milliseconds for which an answer is kept: a day.
const LIFETIME: i64 = 24 * 60 * 60 * 1000;
/// Milliseconds after which a claim without an answer is nobody's: its process died. One from as far ahead was made
/// before the clock was set back, and is not waited for either.
const ABANDONED: i64 = 10 * 60 * 1000;

/// What a key says to a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Do it.
    Ours,
    /// It was done.
    Answered(String),
    /// It is being done.
    UnderWay,
    /// The key belongs to another request.
    Another,
}

impl Catalog {
    /// Takes the key at `now` (Unix milliseconds), or says what it was taken for. Of many at once, one gets it.
    pub(crate) async fn claim(&self, key: &Key, fingerprint: &str, now: i64) -> sqlx::Result<Claim> {
        let statement = Statement::new(
            "INSERT INTO idempotency_keys (user_id, idempotency_key, fingerprint, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (user_id, idempotency_key) DO UPDATE SET fingerprint = excluded.fingerprint, \
             created_at = excluded.created_at, file_id = NULL, answer = NULL \
             WHERE idempotency_keys.created_at <= $5 \
             OR (idempotency_keys.answer IS NULL AND idempotency_keys.created_at NOT BETWEEN $6 AND $7)",
        );
        let statement = statement.bind(key.scope.as_str()).bind(key.key.as_str()).bind(fingerprint);
        if self
            .database
            .execute(statement.bind(now).bind(now - LIFETIME).bind(now - ABANDONED + 1).bind(now + ABANDONED))
            .await?
            == 1
        {
            return Ok(Claim::Ours);
        }
        let statement = Statement::new(
            "SELECT fingerprint, answer FROM idempotency_keys WHERE user_id = $1 AND idempotency_key = $2",
        );
        let row = self.database.optional(statement.bind(key.scope.as_str()).bind(key.key.as_str())).await?;
        // Given back in between: whoever asks again will get it.
        let Some(row) = row else { return Ok(Claim::UnderWay) };
        let (of, answer): (String, Option<String>) = (row.get("fingerprint")?, row.get("answer")?);
        Ok(match answer {
            _ if of != fingerprint => Claim::Another,
            Some(answer) => Claim::Answered(answer),
            None => Claim::UnderWay,
        })
    }

    /// Keeps the answer to a request that is done.
    pub(crate) async fn settle(&self, answered: &Answered) -> sqlx::Result<()> {
        self.database.execute(settling(answered)).await.map(drop)
    }

    /// Gives a claim back that has no answer.
    pub(crate) async fn release(&self, key: &Key) -> sqlx::Result<()> {
        let statement = Statement::new(
            "DELETE FROM idempotency_keys WHERE user_id = $1 AND idempotency_key = $2 AND answer IS NULL",
        );
        self.database.execute(statement.bind(key.scope.as_str()).bind(key.key.as_str())).await.map(drop)
    }

    /// Forgets what has outlived its day at `now` (Unix milliseconds).
    pub(crate) async fn forget_keys(&self, now: i64) -> sqlx::Result<u64> {
        let statement = Statement::new("DELETE FROM idempotency_keys WHERE created_at <= $1").bind(now - LIFETIME);
        self.database.execute(statement).await
    }
}

impl Transaction {
    /// As [`Catalog::settle`], if what it stands beside is committed.
    pub(super) async fn settle(&mut self, answered: &Answered) -> sqlx::Result<()> {
        self.execute(settling(answered)).await.map(drop)
    }
}

fn settling(Answered { key, file_id, answer }: &Answered) -> Statement {
    Statement::new("UPDATE idempotency_keys SET file_id = $1, answer = $2 WHERE user_id = $3 AND idempotency_key = $4")
        .bind(file_id.as_str())
        .bind(answer.as_str())
        .bind(key.scope.as_str())
        .bind(key.key.as_str())
}
