//! The catalog: every SQL statement of this crate lies in this folder, one file a table.
//!
//! [`Catalog::open`] applies the schema of [`proto::catalog::MIGRATIONS`]. Statements are written so that SQLite and
//! Postgres take them as they are: `$1` parameters, no function that one of them has alone. Where the two truly
//! differ it is said why: how they are opened ([`sqlite`], [`postgres`]), how a writing transaction begins
//! ([`database`]), and what keeps the feed in order ([`changes`]).

mod audit;
mod changes;
mod database;
mod files;
mod idempotency;
mod postgres;
mod provider;
mod quota;
mod registered;
mod sqlite;
#[cfg(test)]
pub(crate) mod tests;
mod upkeep;
mod uploads;
mod users;

pub(crate) use audit::Audit;
pub(crate) use files::{FileRow, Page, Position};
pub(crate) use idempotency::Claim;
pub(crate) use provider::{Effect, UserEvent, What};
pub(crate) use registered::{Candidate, Description, Registered};
pub(crate) use upkeep::{Known, Promised};
pub(crate) use uploads::{Advance, Held, Hold, Kind, State, Step, UploadRow};

use database::{Database, Statement};
use proto::{
    catalog::{MIGRATIONS, SCHEMA_VERSION},
    storage::CatalogUrl,
};
use sqlx::{
    SqlSafeStr,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
};
use std::io;

/// The catalog, open and of the schema this build needs.
#[derive(Debug, Clone)]
pub(crate) struct Catalog {
    database: Database,
}

/// Why the catalog could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its file could not be made.
    #[error("its file cannot be made: {0}")]
    File(#[from] io::Error),
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] sqlx::Error),
    /// The schema could not be applied.
    #[error("its schema cannot be applied: {0}")]
    Migrate(#[from] MigrateError),
    /// It is no catalog, where one is expected.
    #[error("it holds no schema of a signer: {0}")]
    NoCatalog(#[source] sqlx::Error),
    /// Its schema is of an earlier version.
    #[error("its schema is older than this build: start a signer of it first")]
    Older,
}

impl Catalog {
    /// Opens the catalog and brings its schema up to date; of those that start at once, one after the other.
    pub(crate) async fn open(url: &CatalogUrl) -> Result<Self, OpenError> {
        let database = match url {
            CatalogUrl::Sqlite(path) => Database::Sqlite(sqlite::open(path).await?),
            CatalogUrl::Postgres(url) => Database::Postgres(postgres::open(url.expose().parse()?).await?),
        };
        Ok(Self { database })
    }

    /// Opens a catalog that is in use, and changes nothing of its schema.
    pub(crate) async fn open_existing(url: &CatalogUrl) -> Result<Self, OpenError> {
        let database = match url {
            CatalogUrl::Sqlite(path) => Database::Sqlite(sqlite::connect_to(path).await?),
            CatalogUrl::Postgres(url) => Database::Postgres(postgres::connect_to(url.expose().parse()?).await?),
        };
        let refused = match version(&database).await {
            Ok(version) if version >= Some(SCHEMA_VERSION) => return Ok(Self { database }),
            Ok(_) => OpenError::Older,
            Err(error @ sqlx::Error::Database(_)) => OpenError::NoCatalog(error),
            Err(error) => OpenError::Open(error),
        };
        // SQLite leaves nothing beside a file that is not its own.
        database.close().await;
        Err(refused)
    }

    /// Whether the catalog can be reached.
    pub(crate) async fn ping(&self) -> sqlx::Result<()> {
        self.database.all(Statement::new("SELECT 1 FROM users WHERE id = ''")).await.map(drop)
    }

    /// SQLite writes back what is only in the log, so that one file holds all.
    pub(crate) async fn close(&self) {
        self.database.close().await;
    }
}

/// Of the schema that was applied last.
async fn version(database: &Database) -> sqlx::Result<Option<i64>> {
    let applied = Statement::new("SELECT MAX(version) AS version FROM _sqlx_migrations WHERE success");
    let row = database.optional(applied).await?;
    row.map_or(Ok(None), |row| row.get("version"))
}

/// Applies what is missing. A newer schema serves this build too, so versions it does not know are no fault.
async fn migrate_on(connection: &mut impl Migrate) -> Result<(), MigrateError> {
    let migrations = MIGRATIONS.iter().map(|step| {
        Migration::new(step.version, step.description.into(), MigrationType::Simple, step.sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    // Not `run`: what that returns cannot be sent to another thread (rust-lang/rust#96865).
    migrator.set_ignore_missing(true).run_direct(None, connection, false).await
}
