//! The `audit` table: what was done in somebody's name or to somebody else's things.

use super::{
    Catalog,
    database::{Statement, Transaction},
};
use serde_json::Value;

/// One line of it.
#[derive(Debug, Clone)]
pub(crate) struct Audit {
    /// A user's id, or `service:<name>`.
    pub(crate) actor: String,
    pub(crate) action: &'static str,
    /// The id of a file or user.
    pub(crate) target: String,
    pub(crate) details: Option<Value>,
}

impl Catalog {
    /// Writes lines down that stand beside no change, at `now` (Unix milliseconds).
    pub(crate) async fn write_down(&self, lines: &[Audit], now: i64) -> sqlx::Result<()> {
        let mut transaction = self.database.begin().await?;
        for line in lines {
            transaction.audit(line, now).await?;
        }
        transaction.commit().await
    }
}

impl Transaction {
    /// Writes it down at `now` (Unix milliseconds), if what it stands beside is committed.
    pub(super) async fn audit(&mut self, audit: &Audit, now: i64) -> sqlx::Result<()> {
        let details = audit.details.as_ref().map_or_else(|| "{}".into(), Value::to_string);
        let statement = Statement::new(
            "INSERT INTO audit (id, actor, action, target, at, details) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(uuid::Uuid::now_v7().simple().to_string())
        .bind(audit.actor.as_str())
        .bind(audit.action)
        .bind(audit.target.as_str())
        .bind(now)
        .bind(details);
        self.execute(statement).await.map(drop)
    }
}
