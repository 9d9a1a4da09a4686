//! The catalog as the gateway reads it: one statement a file, remembered for a second, asked once however many wait.

use crate::{clock::Now, reject::Reject, response::Described};
use proto::{
    catalog::{FileEntry, SCHEMA_VERSION, UserStanding, admit},
    etag::ETag,
    id::{FileId, UserId},
    signed_url::Grant,
};
use quick_cache::{Equivalent, sync::Cache};
use sqlx::{
    ConnectOptions, QueryBuilder, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow},
};
use std::{
    collections::HashMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// How long a row is believed. A deletion or a block reaches this gateway within it, inside the contract's 2 s.
const BELIEVED: Duration = Duration::from_secs(1);
/// Rows remembered at most.
const REMEMBERED: usize = 20_000;
/// A look-up may take this long, whatever it waits for.
const TIMEOUT: Duration = Duration::from_secs(2);
const CONNECTIONS: u32 = 4;

const LOOK_UP: &str = "SELECT f.user_id, f.object_key, f.filename, f.content_type, f.size, f.etag, f.modified_at_seconds, \
     f.state, f.expires_at_seconds, f.urls_revoked_before_seconds AS file_revoked_before, \
     u.blocked_at, u.banned_at, u.deleted_at, u.urls_revoked_before_seconds AS user_revoked_before \
     FROM (SELECT CAST($1 AS TEXT) AS file_id, CAST($2 AS TEXT) AS user_id) AS asked \
     LEFT JOIN files f ON f.id = asked.file_id LEFT JOIN users u ON u.id = asked.user_id";

/// What is there and not expired.
const KEPT: &str = "SELECT id, object_key, size, etag FROM files WHERE state = 'ready' \
     AND (expires_at_seconds IS NULL OR expires_at_seconds > ";

const SCHEMA: &str = "SELECT MAX(version) FROM _sqlx_migrations WHERE success";

/// Proof that a verified URL opens this file now. Only [`Catalog::admit`] makes one, and storage opens nothing else.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    grant: Grant,
    file: Arc<Described>,
}

impl Admitted {
    pub(crate) fn grant(&self) -> &Grant {
        &self.grant
    }

    pub(crate) fn file(&self) -> &FileEntry {
        &self.file.entry
    }

    pub(crate) fn described(&self) -> &Described {
        &self.file
    }
}

/// What one look-up found, and when it was asked for.
#[derive(Clone)]
struct Found {
    file: Option<Arc<Described>>,
    user: UserStanding,
    asked: Instant,
}

/// What was asked for, owned by the cache.
type Key = (FileId, UserId);

/// The same, borrowed from a grant.
#[derive(Hash)]
struct Asked<'a>(&'a FileId, &'a UserId);

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, (file, user): &Key) -> bool {
        self.0 == file && self.1 == user
    }
}

/// A file's object, as its ready row has it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) object_key: String,
    pub(crate) etag: ETag,
    pub(crate) size: u64,
}

/// A connection that is kept to see others' commits, and what it saw last.
pub(crate) struct Watch {
    connection: SqliteConnection,
    seen: i64,
}

/// The catalog behind `DATABASE_URL`, opened for reading only.
pub(crate) struct Catalog {
    options: SqliteConnectOptions,
    pool: SqlitePool,
    found: Cache<Key, Found>,
}

impl Catalog {
    /// Connects when first asked, so that a gateway can start before its catalog exists.
    pub(crate) fn open(path: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(TIMEOUT);
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(TIMEOUT);
        Self { pool: pool.connect_lazy_with(options.clone()), options, found: Cache::new(REMEMBERED) }
    }

    /// Looks the granted file and user up and lets them in, or says why not.
    pub(crate) async fn admit(&self, grant: Grant, now: Now) -> Result<Admitted, Reject> {
        let found = self.find(&grant, now.instant).await.map_err(Reject::Catalog)?;
        admit(&grant, found.file.as_ref().map(|file| &file.entry), found.user, now.unix_seconds)?;
        let file = found.file.ok_or(proto::refusal::Refusal::NotFound)?;
        Ok(Admitted { grant, file })
    }

    /// Whether the catalog can be read and holds the schema this build needs.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let version = sqlx::query_scalar::<_, Option<i64>>(SCHEMA).fetch_one(&self.pool);
        match timeout(TIMEOUT, version).await {
            Err(_) => Err("the catalog does not answer".into()),
            Ok(Err(error)) => Err(format!("the catalog cannot be read: {error}")),
            Ok(Ok(version)) if version.unwrap_or(0) < SCHEMA_VERSION => {
                Err("the catalog's schema is older than this gateway".into())
            }
            Ok(Ok(_)) => Ok(()),
        }
    }

    /// Whether anything was committed since the last call with this `watch`. Without an answer, nothing was; the first
    /// one is a change.
    pub(crate) async fn has_changed(&self, watch: &mut Option<Watch>) -> bool {
        match timeout(TIMEOUT, self.look_for_change(watch.take())).await {
            Ok(Ok((now, has_changed))) => {
                *watch = Some(now);
                has_changed
            }
            Ok(Err(_)) | Err(_) => false,
        }
    }

    async fn look_for_change(&self, watch: Option<Watch>) -> Result<(Watch, bool), sqlx::Error> {
        let (mut connection, before) = match watch {
            Some(watch) => (watch.connection, Some(watch.seen)),
            None => (self.options.connect().await?, None),
        };
        let seen = sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut connection).await?;
        Ok((Watch { connection, seen }, before != Some(seen)))
    }

    /// Those of the files that have a ready row.
    pub(crate) async fn kept(&self, ids: &[&FileId]) -> Result<HashMap<String, Kept>, sqlx::Error> {
        let mut query = QueryBuilder::new(KEPT);
        query.push_bind(i64::try_from(Now::read().unix_seconds).unwrap_or(i64::MAX)).push(") AND id IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(id.as_str());
        }
        query.push(")");
        let rows = timeout(TIMEOUT, query.build().fetch_all(&self.pool)).await;
        rows.unwrap_or(Err(sqlx::Error::PoolTimedOut))?.iter().map(kept).collect()
    }

    async fn find(&self, grant: &Grant, now: Instant) -> Result<Found, sqlx::Error> {
        let remembered = self.found.get(&Asked(grant.file(), grant.user()));
        if let Some(found) = remembered.filter(|found| found.is_believed(now)) {
            return Ok(found);
        }
        // On the heap, so that a request that finds what it needs carries nothing of this about.
        Box::pin(self.ask(grant, now)).await
    }

    async fn ask(&self, grant: &Grant, now: Instant) -> Result<Found, sqlx::Error> {
        let key = (grant.file().clone(), grant.user().clone());
        self.found.remove_if(&key, |found| !found.is_believed(now));
        // Bounds the wait for another's query too: when that fails, those who waited for it try one after the other.
        let found = timeout(TIMEOUT, self.found.get_or_insert_async(&key, self.look_up(&key.0, &key.1)));
        found.await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    async fn look_up(&self, file: &FileId, user: &UserId) -> Result<Found, sqlx::Error> {
        // Taken before the query, so that a change made during it is not believed for longer than one made after.
        let asked = Instant::now();
        let row = sqlx::query(LOOK_UP).bind(file.as_str()).bind(user.as_str()).fetch_one(&self.pool).await?;
        Ok(Found { file: file_entry(&row)?.map(Described::new).map(Arc::new), user: standing(&row)?, asked })
    }
}

impl Found {
    fn is_believed(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.asked) < BELIEVED
    }
}

fn file_entry(row: &SqliteRow) -> Result<Option<FileEntry>, sqlx::Error> {
    let Some(owner) = row.try_get::<Option<String>, _>("user_id")? else { return Ok(None) };
    let unusable = |what: &str| sqlx::Error::Decode(format!("the row's {what} is not usable").into());
    let etag: String = row.try_get("etag")?;
    let state: String = row.try_get("state")?;
    Ok(Some(FileEntry {
        owner: owner.parse().map_err(|_| unusable("user_id"))?,
        object_key: row.try_get("object_key")?,
        filename: row.try_get("filename")?,
        content_type: row.try_get("content_type")?,
        size: u64::try_from(row.try_get::<i64, _>("size")?).map_err(|_| unusable("size"))?,
        etag: ETag::from_storage(&etag).ok_or_else(|| unusable("etag"))?,
        modified_at: seconds(row.try_get("modified_at_seconds")?),
        ready: state == "ready",
        expires_at: row.try_get::<Option<i64>, _>("expires_at_seconds")?.map(seconds),
        urls_revoked_before: row.try_get::<Option<i64>, _>("file_revoked_before")?.map(seconds),
    }))
}

fn kept(row: &SqliteRow) -> Result<(String, Kept), sqlx::Error> {
    let etag: String = row.try_get("etag")?;
    let etag = ETag::from_storage(&etag).ok_or_else(|| sqlx::Error::Decode("the row's etag is not usable".into()))?;
    let size = u64::try_from(row.try_get::<i64, _>("size")?).unwrap_or(0);
    Ok((row.try_get("id")?, Kept { object_key: row.try_get("object_key")?, etag, size }))
}

fn standing(row: &SqliteRow) -> Result<UserStanding, sqlx::Error> {
    let is_set = |column| row.try_get::<Option<i64>, _>(column).map(|at| at.is_some());
    Ok(UserStanding {
        blocked: is_set("blocked_at")? || is_set("banned_at")?,
        deleted: is_set("deleted_at")?,
        urls_revoked_before: row.try_get::<Option<i64>, _>("user_revoked_before")?.map(seconds),
    })
}

fn seconds(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(0)
}
