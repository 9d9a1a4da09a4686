//! How much a user's files may hold together, and who may not store any.

use super::database::{Statement, Transaction};
use proto::id::UserId;

impl Transaction {
    /// Where there is a `total`: until the commit no other transaction adds to this user's files and uploads. SQLite
    /// has one writer anyway; two of Postgres would not see each other's rows.
    pub(super) async fn take_turn(&mut self, user: &UserId, total: Option<u64>) -> sqlx::Result<()> {
        if let (Self::Postgres(_), Some(_)) = (&self, total) {
            let lock = Statement::new("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))");
            self.all(lock.bind(user.as_str())).await?;
        }
        Ok(())
    }

    /// Whether the user's ready files and open uploads, as this transaction leaves them, hold no more than `total`.
    pub(super) async fn is_within(&mut self, user: &UserId, total: Option<u64>) -> sqlx::Result<bool> {
        let Some(total) = total else { return Ok(true) };
        // The sum of BIGINTs is another type in Postgres.
        let statement = Statement::new(
            "SELECT CAST((SELECT COALESCE(SUM(size), 0) FROM files WHERE user_id = $1 AND state = 'ready') \
             + (SELECT COALESCE(SUM(COALESCE(declared_size, received)), 0) FROM uploads \
             WHERE user_id = $1 AND state = 'open') AS BIGINT) AS bytes",
        );
        let row = self.optional(statement.bind(user.as_str())).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok(row.number("bytes")? <= total)
    }

    /// Whether the user may not store anything.
    pub(super) async fn is_barred(&mut self, user: &UserId) -> sqlx::Result<bool> {
        let statement = Statement::new(
            "SELECT 1 FROM users WHERE id = $1 \
             AND (blocked_at IS NOT NULL OR banned_at IS NOT NULL OR deleted_at IS NOT NULL)",
        );
        Ok(self.optional(statement.bind(user.as_str())).await?.is_some())
    }
}
