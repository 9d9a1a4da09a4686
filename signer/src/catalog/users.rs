//! The `users` table: what is known of a user that the files do not say.

use super::Catalog;
use proto::{catalog::UserStanding, id::UserId};
use sqlx::Row;

impl Catalog {
    /// What is known of the user; one without a row is in good standing.
    pub(crate) async fn standing(&self, user: &UserId) -> sqlx::Result<UserStanding> {
        let row = sqlx::query(
            "SELECT blocked_at IS NOT NULL OR banned_at IS NOT NULL AS blocked, deleted_at IS NOT NULL AS deleted, \
             urls_revoked_before_seconds FROM users WHERE id = $1",
        )
        .bind(user.as_str())
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(UserStanding::default()) };
        let revoked: Option<i64> = row.try_get("urls_revoked_before_seconds")?;
        Ok(UserStanding {
            blocked: row.try_get("blocked")?,
            deleted: row.try_get("deleted")?,
            urls_revoked_before: revoked.map(|second| u64::try_from(second).unwrap_or_default()),
        })
    }
}
