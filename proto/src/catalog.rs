//! What the catalog says of a file and its owner, and the one decision made from it: [`admit`].

use crate::{etag::ETag, id::UserId, refusal::Refusal, signed_url::Grant};

/// A file as the gateway must know it to serve it.
#[derive(Debug, Clone)]
pub struct FileEntry {
    /// Its owner.
    pub owner: UserId,
    /// Where its bytes lie in storage.
    pub object_key: String,
    /// The name as it was given, any Unicode.
    pub filename: String,
    /// Media type as parsed at intake.
    pub content_type: String,
    /// Bytes, when the row was made.
    pub size: u64,
    /// Strong validator, when the row was made.
    pub etag: ETag,
    /// Unix seconds of the object's last change, when the row was made.
    pub modified_at: u64,
    /// False for a deleted one whose object is still to go.
    pub ready: bool,
    /// Unix second from which the file is gone.
    pub expires_at: Option<u64>,
    /// URLs issued before this Unix second are refused, and so is every version 1 URL.
    pub urls_revoked_before: Option<u64>,
}

/// What is known of a user. One without a row is in good standing.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserStanding {
    /// By an admin, or banned at the identity provider.
    pub blocked: bool,
    /// Deleted at the identity provider.
    pub deleted: bool,
    /// As [`FileEntry::urls_revoked_before`], for all files of this user.
    pub urls_revoked_before: Option<u64>,
}

/// Whether a verified URL still opens its file. `now` is in Unix seconds.
///
/// A file of another owner is not looked at further: nothing about it shows in the answer.
///
/// # Errors
/// [`Refusal::Revoked`] before [`Refusal::NotFound`], as the contract orders them.
pub fn admit<'a>(
    grant: &Grant,
    file: Option<&'a FileEntry>,
    user: UserStanding,
    now: u64,
) -> Result<&'a FileEntry, Refusal> {
    let own = file.filter(|file| file.owner == *grant.user());
    let is_revoked =
        |before: Option<u64>| before.is_some_and(|before| grant.issued_at().is_none_or(|iat| iat < before));

    if user.blocked
        || is_revoked(user.urls_revoked_before)
        || own.is_some_and(|file| is_revoked(file.urls_revoked_before))
    {
        return Err(Refusal::Revoked);
    }
    let is_there = |file: &&FileEntry| file.ready && file.expires_at.is_none_or(|end| now < end);
    own.filter(is_there).filter(|_| !user.deleted).ok_or(Refusal::NotFound)
}

/// One step of the schema, applied once, in order.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Rises by one.
    pub version: i64,
    /// In a few words.
    pub description: &'static str,
    /// Statements that SQLite and Postgres both take.
    pub sql: &'static str,
}

/// The schema's whole history. The signer applies it; a gateway waits for [`SCHEMA_VERSION`].
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        description: "files and users",
        sql: include_str!("../migrations/0001_files_and_users.sql"),
    },
    Migration {
        version: 2,
        description: "changes, audit and idempotency keys",
        sql: include_str!("../migrations/0002_changes_audit_idempotency.sql"),
    },
    Migration {
        version: 3,
        description: "what the identity provider tells",
        sql: include_str!("../migrations/0003_identity_provider.sql"),
    },
    Migration { version: 4, description: "uploads under way", sql: include_str!("../migrations/0004_uploads.sql") },
];

/// The schema this build needs. A newer one serves it too: later versions only add.
pub const SCHEMA_VERSION: i64 = 4;

/// Where Postgres tells of every commit that appended to `changes`.
pub const FEED_CHANNEL: &str = "t2m_files_changes";
