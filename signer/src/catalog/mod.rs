//! The catalog: every SQL statement of this crate lies in this folder, one file a table.
//!
//! [`Catalog::open`] applies the schema of [`proto::catalog::MIGRATIONS`]. Statements are written so that another
//! database takes them as they are: `$1` parameters, no function of SQLite's own.

mod files;
mod users;

pub(crate) use files::{FileRow, Page, Position};

use crate::durable;
use proto::catalog::MIGRATIONS;
use sqlx::{
    ConnectOptions, SqlSafeStr, SqlitePool,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt, path::Path, time::Duration};

/// How long a statement waits for another writer, and a request for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
const CONNECTIONS: u32 = 8;

/// The catalog, open and of the schema this build needs.
#[derive(Debug, Clone)]
pub(crate) struct Catalog {
    pool: SqlitePool,
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
}

impl Catalog {
    /// Opens the catalog in the file at `path`, making and migrating it as needed.
    pub(crate) async fn open(path: &Path) -> Result<Self, OpenError> {
        make_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged upload must survive a power cut; in WAL mode NORMAL does not promise that.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .connect_with(options)
            .await?;
        migrator().run(&pool).await?;
        Ok(Self { pool })
    }

    /// Whether the catalog can be reached.
    pub(crate) async fn ping(&self) -> sqlx::Result<()> {
        sqlx::query("SELECT 1 FROM users WHERE id = ''").fetch_optional(&self.pool).await.map(drop)
    }

    /// Writes back what is only in the log, so that one file holds all.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// SQLite gives its other files the mode of this one, and syncs no folder that it finds.
fn make_private(path: &Path) -> io::Result<()> {
    let folder = durable::holder(path);
    durable::make_folder(folder)?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => durable::sync_folder(folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// A newer schema serves this build too, so versions it does not know are no fault.
fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|step| {
        Migration::new(step.version, step.description.into(), MigrationType::Simple, step.sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_ignore_missing(true);
    migrator
}
