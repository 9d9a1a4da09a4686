//! The two databases behind the gateway's few statements, both opened so that nothing can be written.

use super::sqlite::SqliteFile;
use proto::storage::CatalogUrl;
use sqlx::{
    AssertSqlSafe, ColumnIndex, ConnectOptions, Connection, Decode, Encode, IntoArguments, Postgres, Sqlite, Type,
    postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgRow},
    query::Query,
    sqlite::SqliteRow,
};
use std::{borrow::Cow, time::Duration};
use tokio::time::timeout;

/// A statement may take this long, whatever it waits for.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that was used within this is taken to be good.
const FRESH: Duration = Duration::from_secs(1);
pub(super) const CONNECTIONS: u32 = 8;

/// Where connections come from.
pub(super) enum Database {
    Sqlite(SqliteFile),
    Postgres(PgPool),
}

/// What a statement binds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(i64),
}

/// What a statement found.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a column can be read as.
pub(super) trait Column: Decodable<Sqlite> + Decodable<Postgres> {}
impl<T: Decodable<Sqlite> + Decodable<Postgres>> Column for T {}

/// See [`Column`].
pub(super) trait Decodable<D: sqlx::Database>: for<'r> Decode<'r, D> + Type<D> {}
impl<D: sqlx::Database, T: for<'r> Decode<'r, D> + Type<D>> Decodable<D> for T {}

/// A `DATABASE_URL` that can be opened. What is wrong in it is not repeated: its password would be, too.
pub(crate) fn checked_url(text: &str) -> Result<CatalogUrl, &'static str> {
    let url = text.parse()?;
    match &url {
        CatalogUrl::Postgres(url) if url.expose().parse::<PgConnectOptions>().is_err() => {
            Err("must be a URL that Postgres's own clients take: postgres://user:password@host:port/database")
        }
        _ => Ok(url),
    }
}

impl Database {
    /// Connects when first asked, so that a gateway can start before its catalog exists.
    ///
    /// # Errors
    /// A URL that Postgres's own clients would not take either.
    pub(super) fn open(url: &CatalogUrl) -> Result<Self, sqlx::Error> {
        Ok(match url {
            CatalogUrl::Sqlite(path) => Self::Sqlite(SqliteFile::at(path)),
            CatalogUrl::Postgres(url) => Self::Postgres(postgres(url.expose().parse()?)),
        })
    }

    /// Every row that the statement finds: one made of literals and numbers of parameters.
    pub(super) async fn all(
        &self,
        text: impl Into<Cow<'static, str>>,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        let text = text.into();
        let rows = async {
            Ok(match self {
                Self::Sqlite(file) => {
                    query(text, values).fetch_all(&file.pool()).await?.into_iter().map(Row::Sqlite).collect()
                }
                Self::Postgres(pool) => {
                    query(text, values).fetch_all(pool).await?.into_iter().map(Row::Postgres).collect()
                }
            })
        };
        timeout(TIMEOUT, rows).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// Whether it is another than before, from here on. Behind a server's name one that was put back from a copy is known
    /// by its feed only.
    pub(super) fn was_replaced(&self) -> bool {
        match self {
            Self::Sqlite(file) => file.reopen_if_replaced(),
            Self::Postgres(_) => false,
        }
    }

    /// Who is told of every commit on `channel`. SQLite tells nobody.
    pub(super) async fn listen(&self, channel: &str) -> Option<PgListener> {
        let Self::Postgres(pool) = self else { return None };
        let listening = async {
            let mut listener = PgListener::connect_with(pool).await?;
            listener.eager_reconnect(false);
            listener.listen(channel).await?;
            Ok::<_, sqlx::Error>(listener)
        };
        timeout(TIMEOUT, listening).await.ok()?.ok()
    }
}

/// The role need not be one that can only read, but should be.
fn postgres(options: PgConnectOptions) -> PgPool {
    let options = options.application_name("gateway").disable_statement_logging().options([
        ("statement_timeout", TIMEOUT.as_millis().to_string()),
        ("default_transaction_read_only", "on".to_owned()),
    ]);
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move { Ok(meta.idle_for < FRESH || is_good(connection.ping()).await) })
        })
        // sqlx asks every connection that comes back the same, and would wait for as long as the system goes on sending.
        .after_release(|connection, _| Box::pin(async move { Ok(is_good(connection.ping()).await) }))
        .connect_lazy_with(options)
}

async fn is_good(answer: impl Future<Output = Result<(), sqlx::Error>>) -> bool {
    matches!(timeout(TIMEOUT, answer).await, Ok(Ok(())))
}

fn query<'a, D>(text: Cow<'static, str>, values: &[Value<'a>]) -> Query<'static, D, D::Arguments>
where
    D: sqlx::Database,
    D::Arguments: IntoArguments<D>,
    &'a str: Encode<'a, D> + Type<D>,
    i64: Encode<'a, D> + Type<D>,
{
    values.iter().fold(sqlx::query(AssertSqlSafe(text)), |query, value| match *value {
        Value::Text(text) => query.bind(text),
        Value::Number(number) => query.bind(number),
    })
}

/// `$1, $2, ...`: as many as there are values.
pub(super) fn parameters(count: usize) -> String {
    (1..=count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

impl Row {
    pub(super) fn get<T: Column>(&self, column: &str) -> Result<T, sqlx::Error> {
        match self {
            Self::Sqlite(row) => read(row, column),
            Self::Postgres(row) => read(row, column),
        }
    }
}

fn read<R: sqlx::Row, T: Decodable<R::Database>>(row: &R, column: &str) -> Result<T, sqlx::Error>
where
    for<'i> &'i str: ColumnIndex<R>,
{
    row.try_get(column)
}
