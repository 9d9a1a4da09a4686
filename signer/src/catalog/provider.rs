//! What the identity provider tells of users: the `webhook_events` table, and what an event does to `users`.

use super::{
    Catalog,
    changes::Change,
    database::{Row, Statement, Transaction},
};
use proto::id::{FileId, UserId};

/// Something that happened to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserEvent {
    pub(crate) user: UserId,
    pub(crate) what: What,
    /// When, in Unix milliseconds of the provider's clock.
    pub(crate) at: i64,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// The user is as this says. `None`: of that nothing is said.
    Standing {
        banned: Option<bool>,
    },
    Deleted,
}

/// What an event did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Applied,
    /// It was applied before.
    Repeated,
    /// Something newer is known, or the user is deleted, which nothing undoes.
    Stale,
    /// Of no matter here.
    Ignored,
}

impl What {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Standing { banned: Some(true) } => "banned",
            Self::Standing { .. } => "standing",
            Self::Deleted => "deleted",
        }
    }
}

impl Effect {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Repeated => "repeated",
            Self::Stale => "stale",
            Self::Ignored => "ignored",
        }
    }
}

impl Catalog {
    /// Applies the event in this message at `now` (Unix milliseconds): once, and in the order of the provider's time.
    pub(crate) async fn apply(&self, message: &str, event: &UserEvent, now: i64) -> sqlx::Result<Effect> {
        let statement =
            Statement::new("INSERT INTO webhook_events (id, received_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING");
        let mut transaction = self.database.begin().await?;
        if transaction.execute(statement.bind(message).bind(now)).await? == 0 {
            return Ok(Effect::Repeated);
        }
        let is_news = match event.what {
            What::Standing { banned } => transaction.stands(event, banned, now).await?,
            What::Deleted => transaction.is_deleted(event, now).await?,
        };
        transaction.commit().await?;
        Ok(if is_news { Effect::Applied } else { Effect::Stale })
    }

    /// Deleted users who may still have files, by id, from behind `after`; and whether they were deleted before
    /// `settled` (Unix milliseconds), so that no upload which began earlier can still be on its way into the catalog.
    pub(crate) async fn users_with_files_to_go(
        &self,
        after: &str,
        settled: i64,
        limit: u32,
    ) -> sqlx::Result<Vec<(UserId, bool)>> {
        let statement = Statement::new(
            "SELECT id, deleted_at < $2 AS is_settled FROM users \
             WHERE deleted_at IS NOT NULL AND files_gone_at IS NULL AND id > $1 ORDER BY id LIMIT $3",
        );
        let rows = self.database.all(statement.bind(after).bind(settled).bind(i64::from(limit))).await?;
        let read = |row: &Row| {
            let id = row.get::<String>("id")?.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            Ok((id, row.get("is_settled")?))
        };
        rows.iter().map(read).collect()
    }

    /// As [`Catalog::mark_deleted`], for some files of a deleted user, whatever is left of them. How many there were.
    pub(crate) async fn mark_files_deleted(&self, user: &UserId, now: i64, limit: u32) -> sqlx::Result<usize> {
        let statement = Statement::new(
            "UPDATE files SET state = 'deleted' WHERE state = 'ready' AND id IN (SELECT f.id FROM files f JOIN users u \
             ON u.id = f.user_id WHERE f.user_id = $1 AND f.state = 'ready' AND u.deleted_at IS NOT NULL LIMIT $2) \
             RETURNING id",
        );
        let mut transaction = self.database.begin().await?;
        let rows = transaction.all(statement.bind(user.as_str()).bind(i64::from(limit))).await?;
        for row in &rows {
            let id: FileId = row.get::<String>("id")?.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            transaction.append(Change::FileDeleted(&id), now).await?;
        }
        transaction.commit().await?;
        Ok(rows.len())
    }

    /// Remembers that a deleted user has no file any more.
    pub(crate) async fn files_are_gone(&self, user: &UserId, now: i64) -> sqlx::Result<()> {
        let statement = Statement::new("UPDATE users SET files_gone_at = $2 WHERE id = $1 AND deleted_at IS NOT NULL");
        self.database.execute(statement.bind(user.as_str()).bind(now)).await.map(drop)
    }

    /// Forgets messages that came before `before` (Unix milliseconds).
    pub(crate) async fn forget_messages(&self, before: i64) -> sqlx::Result<u64> {
        let statement = Statement::new("DELETE FROM webhook_events WHERE received_at < $1");
        self.database.execute(statement.bind(before)).await
    }
}

impl Transaction {
    /// Whether this was news. Two events of one time are taken in the order in which they come.
    async fn stands(&mut self, event: &UserEvent, banned: Option<bool>, now: i64) -> sqlx::Result<bool> {
        let statement = Statement::new(
            "INSERT INTO users (id, told_at) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET told_at = excluded.told_at \
             WHERE users.deleted_at IS NULL AND (users.told_at IS NULL OR users.told_at <= excluded.told_at) \
             RETURNING banned_at IS NOT NULL AS is_banned",
        );
        let Some(row) = self.optional(statement.bind(event.user.as_str()).bind(event.at)).await? else {
            return Ok(false);
        };
        let is_banned: bool = row.get("is_banned")?;
        if let Some(banned) = banned.filter(|banned| *banned != is_banned) {
            self.ban(&event.user, banned, now).await?;
        }
        Ok(true)
    }

    /// A flag of its own: an admin's block is neither set nor cleared by it.
    async fn ban(&mut self, user: &UserId, banned: bool, now: i64) -> sqlx::Result<()> {
        let since = banned.then(|| now.unsigned_abs());
        let statement = Statement::new("UPDATE users SET banned_at = $2 WHERE id = $1");
        self.execute(statement.bind(user.as_str()).bind(since)).await?;
        self.append(if banned { Change::UserBlocked(user) } else { Change::UserUnblocked(user) }, now).await
    }

    /// Whether this was news. It wins whatever its time, and stays.
    async fn is_deleted(&mut self, event: &UserEvent, now: i64) -> sqlx::Result<bool> {
        let statement = Statement::new(
            "INSERT INTO users (id, deleted_at, told_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE \
             SET deleted_at = excluded.deleted_at, told_at = excluded.told_at WHERE users.deleted_at IS NULL",
        );
        let done = self.execute(statement.bind(event.user.as_str()).bind(now).bind(event.at)).await?;
        if done == 1 {
            self.append(Change::UserDeleted(&event.user), now).await?;
        }
        Ok(done == 1)
    }
}
