//! Postgres: beyond one machine, so every wait for it has an end.

use super::{OpenError, database::STATEMENT_PATIENCE, migrate_on};
use sqlx::{
    ConnectOptions, Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::time::Duration;
use tokio::time::timeout;

/// How long a request waits for a connection, and whoever looks whether one is still good for the answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// A connection that was used within this is taken to be good.
const FRESH: Duration = Duration::from_secs(1);
/// Postgres ends a transaction that nobody goes on with, and with it the locks that others wait for.
const ABANDONED: Duration = Duration::from_secs(10);
const CONNECTIONS: u32 = 16;

/// Connects, and brings the schema up to date.
pub(super) async fn open(options: PgConnectOptions) -> Result<PgPool, OpenError> {
    migrate(&named(options.clone())).await?;
    Ok(connect_to(options).await?)
}

/// Connects to the database as it is.
pub(super) async fn connect_to(options: PgConnectOptions) -> sqlx::Result<PgPool> {
    let milliseconds = |bound: Duration| bound.as_millis().to_string();
    let options = named(options).options([
        ("statement_timeout", milliseconds(STATEMENT_PATIENCE)),
        ("idle_in_transaction_session_timeout", milliseconds(ABANDONED)),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move { Ok(meta.idle_for < FRESH || is_good(connection.ping()).await) })
        })
        // sqlx asks the same of every connection that comes back, without a bound: a network that swallows packets
        // would keep its place in the pool for as long as the system goes on sending.
        .after_release(|connection, _| Box::pin(async move { Ok(is_good(connection.ping()).await) }));
    pool.connect_with(options).await
}

fn named(options: PgConnectOptions) -> PgConnectOptions {
    options.application_name("signer").disable_statement_logging()
}

/// Without a bound on the wait: the lock that sqlx takes is held by another signer doing the same.
async fn migrate(options: &PgConnectOptions) -> Result<(), OpenError> {
    let connecting = timeout(PATIENCE, options.connect());
    let mut connection = connecting.await.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
    migrate_on(&mut connection).await?;
    Ok(connection.close().await?)
}

async fn is_good(answer: impl Future<Output = sqlx::Result<()>>) -> bool {
    matches!(timeout(PATIENCE, answer).await, Ok(Ok(())))
}
