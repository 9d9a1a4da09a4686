//! The `users` table: what is known of a user that the files do not say.

use super::{Audit, Catalog, changes::Change, database::Statement};
use proto::{catalog::UserStanding, id::UserId};

impl Catalog {
    /// What is known of the user; one without a row is in good standing.
    pub(crate) async fn standing(&self, user: &UserId) -> sqlx::Result<UserStanding> {
        let statement = Statement::new(
            "SELECT blocked_at IS NOT NULL OR banned_at IS NOT NULL AS blocked, deleted_at IS NOT NULL AS deleted, \
             urls_revoked_before_seconds FROM users WHERE id = $1",
        );
        let Some(row) = self.database.optional(statement.bind(user.as_str())).await? else {
            return Ok(UserStanding::default());
        };
        Ok(UserStanding {
            blocked: row.get("blocked")?,
            deleted: row.get("deleted")?,
            urls_revoked_before: row.optional_number("urls_revoked_before_seconds")?,
        })
    }

    /// Blocks the user at `now` (Unix milliseconds). One who was blocked before stays so from then.
    pub(crate) async fn block_user_by(&self, audit: &Audit, user: &UserId, now: i64) -> sqlx::Result<()> {
        let statement = Statement::new(
            "INSERT INTO users (id, blocked_at) VALUES ($1, $2) ON CONFLICT (id) \
             DO UPDATE SET blocked_at = COALESCE(users.blocked_at, excluded.blocked_at)",
        );
        let mut transaction = self.database.begin().await?;
        transaction.execute(statement.bind(user.as_str()).bind(now)).await?;
        transaction.audit(audit, now).await?;
        transaction.append(Change::UserBlocked(user), now).await?;
        transaction.commit().await
    }

    /// Takes an admin's block away; a ban at the identity provider stays.
    pub(crate) async fn unblock_user_by(&self, audit: &Audit, user: &UserId, now: i64) -> sqlx::Result<()> {
        let statement = Statement::new("UPDATE users SET blocked_at = NULL WHERE id = $1").bind(user.as_str());
        let mut transaction = self.database.begin().await?;
        transaction.execute(statement).await?;
        transaction.audit(audit, now).await?;
        transaction.append(Change::UserUnblocked(user), now).await?;
        transaction.commit().await
    }

    /// Refuses every URL that was issued to the user up to `now` (Unix milliseconds). Returns the Unix second before
    /// which a URL must not have been issued: the next one, and never an earlier one than before.
    pub(crate) async fn revoke_user_urls_by(&self, audit: &Audit, user: &UserId, now: i64) -> sqlx::Result<u64> {
        let statement = Statement::new(
            "INSERT INTO users (id, urls_revoked_before_seconds) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE \
             SET urls_revoked_before_seconds = CASE WHEN users.urls_revoked_before_seconds > \
             excluded.urls_revoked_before_seconds THEN users.urls_revoked_before_seconds \
             ELSE excluded.urls_revoked_before_seconds END RETURNING urls_revoked_before_seconds",
        );
        let mut transaction = self.database.begin().await?;
        let row = transaction.optional(statement.bind(user.as_str()).bind(next_second(now))).await?;
        let before = row.ok_or(sqlx::Error::RowNotFound)?.number("urls_revoked_before_seconds")?;
        transaction.audit(audit, now).await?;
        transaction.append(Change::UserRevoked(user), now).await?;
        transaction.commit().await?;
        Ok(before)
    }
}

/// The first whole second after `now` (Unix milliseconds): a URL of this second may be older than its revocation.
pub(super) fn next_second(now: i64) -> i64 {
    now.div_euclid(1000) + 1
}
