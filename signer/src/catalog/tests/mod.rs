//! What a catalog does, whichever database it is: SQLite, or the Postgres that `TEST_DATABASE_URL` names, where each
//! test has a schema of its own.

mod audit;
mod changes;
mod files;
mod idempotency;
mod opening;
mod provider;
mod registered;
mod trouble;
mod upkeep;
mod uploads;
mod users;

use super::{Audit, Catalog, FileRow, Statement};
use proto::{
    id::{FileId, UserId},
    storage::CatalogUrl,
};
use std::collections::BTreeMap;
use tempfile::TempDir;

/// Unix milliseconds and seconds of the tests' own clock.
pub(crate) const NOW: i64 = 1_800_000_000_500;
const SECOND: u64 = 1_800_000_000;

/// A database of one test. It goes with the folder; a schema of Postgres stays behind.
pub(crate) struct Fresh {
    url: CatalogUrl,
    _folder: TempDir,
}

impl Fresh {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match environment("TEST_DATABASE_URL") {
            Some(server) => schema(&server).await,
            None => format!("sqlite://{}", folder.path().join("catalog.db").display()),
        };
        Self { url: url.parse().unwrap(), _folder: folder }
    }

    async fn open(&self) -> Catalog {
        Catalog::open(&self.url).await.unwrap()
    }

    fn is_sqlite(&self) -> bool {
        matches!(self.url, CatalogUrl::Sqlite(_))
    }
}

impl Catalog {
    /// A ready file without an upload before it. False, and nothing done, if its owner may not store any.
    pub(crate) async fn insert(&self, file: &FileRow) -> sqlx::Result<bool> {
        Ok(self.database.execute(file.insertion()).await? == 1)
    }
}

async fn schema(server: &str) -> String {
    use sqlx::{AssertSqlSafe, Connection, Executor};
    let name = format!("catalog_{}", uuid::Uuid::now_v7().simple());
    let mut connection = sqlx::PgConnection::connect(server).await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE SCHEMA {name}"))).await.unwrap();
    format!("{server}?options[search_path]={name}")
}

#[expect(clippy::disallowed_methods, reason = "which database to test is the caller's choice")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A catalog, and what it lies in.
pub(crate) async fn fresh() -> (Catalog, Fresh) {
    let fresh = Fresh::new().await;
    (fresh.open().await, fresh)
}

pub(crate) fn user(id: &str) -> UserId {
    id.parse().unwrap()
}

pub(crate) fn id(id: &str) -> FileId {
    id.parse().unwrap()
}

/// A ready file of this owner.
pub(crate) fn file(owner: &str, id: &str) -> FileRow {
    FileRow {
        id: id.parse().unwrap(),
        owner: user(owner),
        job_id: None,
        object_key: format!("managed/{id}"),
        filename: "film é.mp4".into(),
        content_type: "video/mp4".into(),
        size: 1 << 40,
        etag: proto::etag::ETag::from_storage("\"abc\"").unwrap(),
        sha256: Some("00ff".into()),
        metadata: BTreeMap::from([("title".into(), "ünïcode \u{0} and \"quotes\"".into())]),
        created_at: NOW,
        modified_at: SECOND,
        expires_at: None,
        urls_revoked_before: None,
    }
}

/// Who does it in these tests.
fn by(action: &'static str) -> Audit {
    Audit { actor: "user_admin".into(), action, target: "target".into(), details: None }
}

impl Catalog {
    async fn block_user(&self, user: &UserId, now: i64) -> sqlx::Result<()> {
        self.block_user_by(&by("block_user"), user, now).await
    }

    async fn unblock_user(&self, user: &UserId, now: i64) -> sqlx::Result<()> {
        self.unblock_user_by(&by("unblock_user"), user, now).await
    }

    async fn revoke_user_urls(&self, user: &UserId, now: i64) -> sqlx::Result<u64> {
        self.revoke_user_urls_by(&by("revoke_user_urls"), user, now).await
    }

    /// The feed's kind and subject, in order; its numbers are checked.
    async fn feed(&self) -> Vec<(String, String)> {
        let statement = Statement::new("SELECT seq, kind, file_id, user_id FROM changes ORDER BY seq");
        let rows = self.database.all(statement).await.unwrap();
        let numbers: Vec<i64> = rows.iter().map(|row| row.get("seq").unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
        let subject = |row: &super::database::Row| {
            let (file, user): (Option<String>, Option<String>) =
                (row.get("file_id").unwrap(), row.get("user_id").unwrap());
            assert!(file.is_none() || user.is_none());
            file.or(user).unwrap()
        };
        rows.iter().map(|row| (row.get("kind").unwrap(), subject(row))).collect()
    }
}
