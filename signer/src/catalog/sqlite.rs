//! SQLite: a file of this machine, made if it is not there.

use super::{OpenError, migrate_on};
use crate::durable;
use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// How long a statement waits for another writer, and a request for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one signer waits for another to bring the schema up to date.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries to open a file that is locked.
const PAUSE: Duration = Duration::from_millis(20);
const CONNECTIONS: u32 = 8;

/// Opens the file at `path`, making and migrating it as needed.
pub(super) async fn open(path: &Path) -> Result<SqlitePool, OpenError> {
    make_private(path)?;
    migrate(options(path).busy_timeout(MIGRATION_PATIENCE)).await?;
    Ok(connect_to(path).await?)
}

/// Opens the file at `path` as it is.
pub(super) async fn connect_to(path: &Path) -> sqlx::Result<SqlitePool> {
    let pool = SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        // There is no other end that could have gone away.
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(is_usable(connection)));
    pool.connect_with(options(path)).await
}

/// SQLite takes a transaction back itself when the disk fails or is full. sqlx then goes on believing in it, and would
/// begin no other on this connection.
async fn is_usable(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    if connection.is_in_transaction() {
        // Behind a rollback that is under way.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // An acknowledged upload must survive a power cut; in WAL mode NORMAL does not promise that.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .disable_statement_logging()
}

/// In one transaction, which is the lock that two signers starting at once need.
async fn migrate(options: SqliteConnectOptions) -> Result<(), OpenError> {
    let mut connection = connect(&options).await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    migrate_on(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(connection.close().await?)
}

/// Of those that find the file new, one makes its log; SQLite tells the others that it is locked, and does not wait for it
/// as it does for a writer.
async fn connect(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let began = Instant::now();
    loop {
        match options.connect().await {
            Err(error) if is_locked(&error) && began.elapsed() < MIGRATION_PATIENCE => sleep(PAUSE).await,
            connected => return connected,
        }
    }
}

/// `SQLITE_BUSY`, for whatever reason: those are in the higher bits.
fn is_locked(error: &sqlx::Error) -> bool {
    const BUSY: u32 = 5;
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == BUSY)
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
