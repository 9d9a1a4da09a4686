//! The `changes` feed: everything that can end access to a file, in the order in which it was committed. Gateways
//! read it from where they were, and drop what they remember of the file or user it names.
//!
//! Numbers have no gaps, and the newest row is never trimmed. So a gateway whose next number is gone knows that it
//! fell behind, and drops everything it remembers.

use super::{
    Catalog,
    database::{Statement, Transaction},
};
use proto::{
    catalog::FEED_CHANNEL,
    id::{FileId, UserId},
};

/// Any number that no other lock of this database has.
const FEED_LOCK: i64 = 0x7432_6d66_6565_6400;

const TRIMMED_AT_ONCE: i64 = 50_000;

/// What ends access, or makes what gateways remember untrue.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change<'a> {
    FileDeleted(&'a FileId),
    FileRevoked(&'a FileId),
    /// It has other bytes, or another name.
    FileChanged(&'a FileId),
    UserBlocked(&'a UserId),
    UserUnblocked(&'a UserId),
    UserRevoked(&'a UserId),
    UserDeleted(&'a UserId),
}

impl<'a> Change<'a> {
    /// For people; gateways go by what is named.
    fn kind(self) -> &'static str {
        match self {
            Self::FileDeleted(_) => "file_deleted",
            Self::FileRevoked(_) => "file_revoked",
            Self::FileChanged(_) => "file_changed",
            Self::UserBlocked(_) => "user_blocked",
            Self::UserUnblocked(_) => "user_unblocked",
            Self::UserRevoked(_) => "user_revoked",
            Self::UserDeleted(_) => "user_deleted",
        }
    }

    fn file(self) -> Option<&'a str> {
        match self {
            Self::FileDeleted(file) | Self::FileRevoked(file) | Self::FileChanged(file) => Some(file.as_str()),
            Self::UserBlocked(_) | Self::UserUnblocked(_) | Self::UserRevoked(_) | Self::UserDeleted(_) => None,
        }
    }

    fn user(self) -> Option<&'a str> {
        match self {
            Self::UserBlocked(user) | Self::UserUnblocked(user) | Self::UserRevoked(user) | Self::UserDeleted(user) => {
                Some(user.as_str())
            }
            Self::FileDeleted(_) | Self::FileRevoked(_) | Self::FileChanged(_) => None,
        }
    }
}

impl Transaction {
    /// Appends to the feed, at `now` in Unix milliseconds. The last thing before the commit: whoever appends holds up
    /// all others that do.
    pub(super) async fn append(&mut self, change: Change<'_>, now: i64) -> sqlx::Result<()> {
        // SQLite has one writer. Postgres has many: without the lock one with a lower number could commit after a
        // reader saw a higher one. Its notice goes out with the commit.
        if let Self::Postgres(_) = self {
            let lock = Statement::new("SELECT pg_advisory_xact_lock($1), pg_notify($2, '')");
            self.all(lock.bind(FEED_LOCK).bind(FEED_CHANNEL)).await?;
        }
        let statement = Statement::new(
            "INSERT INTO changes (seq, kind, file_id, user_id, at) \
             SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3, $4 FROM changes",
        );
        self.execute(statement.bind(change.kind()).bind(change.file()).bind(change.user()).bind(now)).await.map(drop)
    }
}

impl Catalog {
    /// Forgets changes older than `before` (Unix milliseconds), but for the newest: the numbers go on from it. So many at
    /// once as are done in time, however many there are.
    pub(crate) async fn trim_changes(&self, before: i64) -> sqlx::Result<u64> {
        let statement = Statement::new(
            "DELETE FROM changes WHERE at < $1 AND seq < (SELECT MAX(seq) FROM changes) \
             AND seq < (SELECT MIN(seq) FROM changes) + $2",
        );
        self.database.execute(statement.bind(before).bind(TRIMMED_AT_ONCE)).await
    }
}
