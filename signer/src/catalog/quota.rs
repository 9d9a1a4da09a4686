//! How much a user's files may hold together.

use super::{
    Catalog, FileRow,
    database::{Statement, Transaction},
};
use crate::idempotency::Answered;
use proto::id::UserId;

impl Catalog {
    /// As [`Catalog::insert`], if the owner's ready files hold no more than `total` bytes with it; together with the
    /// answer to the request, if that has an idempotency key.
    pub(crate) async fn insert_within(
        &self,
        file: &FileRow,
        total: Option<u64>,
        answered: Option<&Answered>,
    ) -> sqlx::Result<bool> {
        let mut transaction = self.database.begin().await?;
        let mut insertion = file.insertion();
        if let Some(total) = total {
            transaction.take_turn(&file.owner).await?;
            let sum = " AND (SELECT COALESCE(SUM(size), 0) FROM files WHERE user_id = $2 AND state = 'ready') + $7 <= ";
            insertion = insertion.push_bind(sum, total);
        }
        if transaction.execute(insertion).await? == 0 {
            return Ok(false);
        }
        if let Some(answered) = answered {
            transaction.settle(answered).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

impl Transaction {
    /// Until the commit no other transaction adds to this user's files. SQLite has one writer anyway; two of Postgres
    /// would not see each other's rows.
    async fn take_turn(&mut self, user: &UserId) -> sqlx::Result<()> {
        if let Self::Postgres(_) = self {
            let lock = Statement::new("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))");
            self.all(lock.bind(user.as_str())).await?;
        }
        Ok(())
    }
}
