//! The two databases behind one set of statements: what is bound is one of a few kinds of [`Value`], what comes back
//! is read by column, and neither says which database it is.

use sqlx::{
    AssertSqlSafe, ColumnIndex, Decode, Encode, IntoArguments, PgConnection, PgPool, Postgres, Sqlite,
    SqliteConnection, SqlitePool, Type, pool::PoolConnection, postgres::PgRow, query::Query, sqlite::SqliteRow,
};
use std::{borrow::Cow, fmt::Write, time::Duration};
use tokio::time::timeout;

/// How long Postgres may work on a statement. It says so itself when the time is up.
pub(super) const STATEMENT_PATIENCE: Duration = Duration::from_secs(3);
/// How long its answer is waited for: longer than it works, so that silence means that it cannot be reached.
const ANSWER_PATIENCE: Duration = Duration::from_secs(4);

/// A pool of connections.
#[derive(Debug, Clone)]
pub(super) enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Statements that are done together, or not at all if this is dropped without [`Transaction::commit`].
pub(super) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// Where a statement runs.
enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// A statement that both databases take, and what it binds.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    text: Cow<'static, str>,
    values: Vec<Value>,
}

/// What a statement can bind. A number past 2^63 is as large as SQL has it.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(Option<String>),
    Number(Option<i64>),
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

impl Statement {
    pub(super) fn new(text: &'static str) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    /// Binds the next of `$1`, `$2`, ...
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Goes on with `text`.
    pub(super) fn push(mut self, text: &'static str) -> Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// Goes on with `text` and a parameter.
    pub(super) fn push_bind(mut self, text: &'static str, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        write!(self.text.to_mut(), "{text}${}", self.values.len()).expect("a string takes what is written");
        self
    }

    /// Made of literals and numbers of parameters only, as every method above sees to.
    fn query<D>(self) -> Query<'static, D, D::Arguments>
    where
        D: sqlx::Database,
        D::Arguments: IntoArguments<D>,
        for<'v> Option<String>: Encode<'v, D> + Type<D>,
        for<'v> Option<i64>: Encode<'v, D> + Type<D>,
    {
        self.values.into_iter().fold(sqlx::query(AssertSqlSafe(self.text)), |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
        })
    }
}

impl Row {
    pub(super) fn get<T: Column>(&self, column: &str) -> sqlx::Result<T> {
        match self {
            Self::Sqlite(row) => read(row, column),
            Self::Postgres(row) => read(row, column),
        }
    }

    /// A size or a time; none is below zero.
    pub(super) fn number(&self, column: &str) -> sqlx::Result<u64> {
        Ok(u64::try_from(self.get::<i64>(column)?).unwrap_or_default())
    }

    /// The same, where there may be none.
    pub(super) fn optional_number(&self, column: &str) -> sqlx::Result<Option<u64>> {
        Ok(self.get::<Option<i64>>(column)?.map(|number| u64::try_from(number).unwrap_or_default()))
    }
}

fn read<R: sqlx::Row, T: Decodable<R::Database>>(row: &R, column: &str) -> sqlx::Result<T>
where
    for<'i> &'i str: ColumnIndex<R>,
{
    row.try_get(column)
}

impl Database {
    /// Every row that the statement finds.
    pub(super) async fn all(&self, statement: Statement) -> sqlx::Result<Vec<Row>> {
        match self {
            Self::Sqlite(pool) => Connection::Sqlite(&mut *pool.acquire().await?).all(statement).await,
            Self::Postgres(pool) => Connection::Postgres(&mut *pool.acquire().await?).all(statement).await,
        }
    }

    /// The row that the statement finds.
    pub(super) async fn optional(&self, statement: Statement) -> sqlx::Result<Option<Row>> {
        Ok(self.all(statement).await?.into_iter().next())
    }

    /// How many rows the statement changed.
    pub(super) async fn execute(&self, statement: Statement) -> sqlx::Result<u64> {
        match self {
            Self::Sqlite(pool) => Connection::Sqlite(&mut *pool.acquire().await?).execute(statement).await,
            Self::Postgres(pool) => Connection::Postgres(&mut *pool.acquire().await?).execute(statement).await,
        }
    }

    /// A transaction that is going to write. In SQLite it is the only one from here on: one that began as a reader
    /// could not become a writer after another's commit.
    pub(super) async fn begin(&self) -> sqlx::Result<Transaction> {
        Ok(match self {
            Self::Sqlite(pool) => Transaction::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => {
                let connection: PoolConnection<Postgres> = pool.acquire().await?;
                Transaction::Postgres(answered(sqlx::Transaction::begin(connection, None)).await?)
            }
        })
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Transaction {
    /// Every row that the statement finds.
    pub(super) async fn all(&mut self, statement: Statement) -> sqlx::Result<Vec<Row>> {
        self.connection().all(statement).await
    }

    /// The row that the statement finds.
    pub(super) async fn optional(&mut self, statement: Statement) -> sqlx::Result<Option<Row>> {
        Ok(self.all(statement).await?.into_iter().next())
    }

    /// How many rows the statement changed.
    pub(super) async fn execute(&mut self, statement: Statement) -> sqlx::Result<u64> {
        self.connection().execute(statement).await
    }

    /// After an error nobody knows whether it was done.
    pub(super) async fn commit(self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => answered(transaction.commit()).await,
        }
    }

    fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(transaction) => Connection::Sqlite(transaction),
            Self::Postgres(transaction) => Connection::Postgres(transaction),
        }
    }
}

impl Connection<'_> {
    async fn all(self, statement: Statement) -> sqlx::Result<Vec<Row>> {
        Ok(match self {
            Self::Sqlite(on) => statement.query().fetch_all(on).await?.into_iter().map(Row::Sqlite).collect(),
            Self::Postgres(on) => {
                answered(statement.query().fetch_all(on)).await?.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    async fn execute(self, statement: Statement) -> sqlx::Result<u64> {
        Ok(match self {
            Self::Sqlite(on) => statement.query().execute(on).await?.rows_affected(),
            Self::Postgres(on) => answered(statement.query().execute(on)).await?.rows_affected(),
        })
    }
}

/// SQLite's own bound is the wait for another writer; a network has none.
async fn answered<T>(answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    timeout(ANSWER_PATIENCE, answer).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(Into::into))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::from(Some(number))
    }
}

impl From<Option<u64>> for Value {
    fn from(number: Option<u64>) -> Self {
        Self::Number(number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)))
    }
}
