//! The catalog of one test: SQLite, or a schema of its own in the Postgres that `TEST_DATABASE_URL` names; migrated as
//! the signer migrates it, changed as the signer changes it.

use super::{file::File, storage::runtime};
use proto::catalog::{FEED_CHANNEL, MIGRATIONS};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqlSafeStr, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

pub(crate) struct Catalog {
    url: String,
    connection: Mutex<Database>,
}

enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[expect(clippy::disallowed_methods, reason = "which database to test is the test runner's to say")]
fn test_database_url() -> Option<String> {
    std::env::var("TEST_DATABASE_URL").ok()
}

impl Catalog {
    /// A new one without any table. That of SQLite is the file at `path`.
    pub(crate) fn new(path: &Path) -> Self {
        let (url, database) = match test_database_url() {
            Some(server) => runtime().block_on(postgres(&server)),
            None => (format!("sqlite://{}", path.display()), Database::Sqlite(runtime().block_on(sqlite(path)))),
        };
        Self { url, connection: Mutex::new(database) }
    }

    /// Gives it the whole schema.
    pub(crate) fn migrate(&self) {
        let mut connection = self.connection.lock().expect("no statement panics");
        let migrated = match &mut *connection {
            Database::Sqlite(connection) => runtime().block_on(migrator().run_direct(None, connection, false)),
            Database::Postgres(connection) => runtime().block_on(migrator().run_direct(None, connection, false)),
        };
        migrated.expect("the schema applies");
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite")
    }

    /// As `DATABASE_URL` takes it.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// One statement. Its values stand in it as texts: both databases make numbers of them where a column wants those.
    #[track_caller]
    pub(crate) fn run(&self, statement: &str, values: &[&str]) {
        let numbered = values.iter().enumerate().rev();
        let statement = numbered.fold(statement.to_owned(), |statement, (at, value)| {
            statement.replace(&format!("${}", at + 1), &self.literal(value))
        });
        let query = sqlx::raw_sql(AssertSqlSafe(statement));
        let mut connection = self.connection.lock().expect("no statement panics");
        let done = match &mut *connection {
            Database::Sqlite(connection) => runtime().block_on(query.execute(connection)).map(drop),
            Database::Postgres(connection) => runtime().block_on(query.execute(connection)).map(drop),
        };
        done.expect("the statement runs");
    }

    /// Postgres has no text with a NUL in it; SQLite takes one as bytes only.
    fn literal(&self, value: &str) -> String {
        match value.contains('\0') && self.is_sqlite() {
            true => format!("CAST(x'{}' AS TEXT)", hex::encode(value)),
            false => format!("'{}'", value.replace('\0', "").replace('\'', "''")),
        }
    }

    /// A change and its row in the feed, in one transaction.
    fn change(&self, statement: &str, values: &[&str], [file, user]: [&str; 2]) {
        let [file, user] = [file, user].map(|id| if id.is_empty() { "NULL".into() } else { format!("'{id}'") });
        let (begin, notify) = match self.is_sqlite() {
            true => ("BEGIN IMMEDIATE", String::new()),
            false => ("BEGIN", format!("NOTIFY {FEED_CHANNEL};")),
        };
        let append = format!("SELECT COALESCE(MAX(seq), 0) + 1, 'of a test', {file}, {user}, 0 FROM changes");
        let append = format!("INSERT INTO changes (seq, kind, file_id, user_id, at) {append}");
        self.run(&format!("{begin}; {statement}; {append}; {notify} COMMIT"), values);
    }

    /// The oldest rows of the feed go, but for the newest.
    pub(crate) fn trim_changes(&self) {
        self.run("DELETE FROM changes WHERE seq < (SELECT MAX(seq) FROM changes)", &[]);
    }

    /// The file of SQLite, as a backup takes it: a copy of now, in one piece.
    pub(crate) fn copy(&self) -> PathBuf {
        let copy = self.file().with_extension("copy");
        self.run("VACUUM INTO $1", &[copy.to_str().expect("a path of text")]);
        copy
    }

    /// The copy takes the file's place, under the feet of whoever has that open.
    pub(crate) fn put_back(&self, copy: &Path) {
        let path = self.file();
        for beside in ["db-wal", "db-shm"] {
            std::fs::remove_file(path.with_extension(beside)).expect("while it is open there is its log");
        }
        std::fs::rename(copy, &path).expect("its place can be taken");
        *self.connection.lock().expect("no statement panics") = Database::Sqlite(runtime().block_on(sqlite(&path)));
    }

    fn file(&self) -> PathBuf {
        self.url.strip_prefix("sqlite://").expect("a file of SQLite").into()
    }

    pub(crate) fn insert(&self, file: &File) {
        self.run(
            "INSERT INTO files (id, user_id, object_key, filename, content_type, size, etag, state, created_at, \
             modified_at_seconds) VALUES ($1, $2, $3, $4, $5, $6, $7, 'ready', $8, $9)",
            &[
                &file.id,
                &file.user,
                &file.object_key,
                &file.filename,
                &file.content_type,
                &file.size().to_string(),
                &file.etag,
                &(super::now() * 1000).to_string(),
                &file.modified_at.to_string(),
            ],
        );
    }

    /// Size and validators as the file now has them.
    pub(crate) fn refresh(&self, file: &File) {
        self.change(
            "UPDATE files SET size = $2, etag = $3, modified_at_seconds = $4 WHERE id = $1",
            &[&file.id, &file.size().to_string(), &file.etag, &file.modified_at.to_string()],
            [&file.id, ""],
        );
    }

    pub(crate) fn delete(&self, file: &File) {
        self.change("UPDATE files SET state = 'deleted' WHERE id = $1", &[&file.id], [&file.id, ""]);
    }

    pub(crate) fn give(&self, file: &File, user: &str) {
        self.change("UPDATE files SET user_id = $2 WHERE id = $1", &[&file.id, user], [&file.id, ""]);
    }

    pub(crate) fn expire(&self, file: &File, second: u64) {
        self.run("UPDATE files SET expires_at_seconds = $2 WHERE id = $1", &[&file.id, &second.to_string()]);
    }

    pub(crate) fn revoke_file(&self, file: &File, before: u64) {
        let statement = "UPDATE files SET urls_revoked_before_seconds = $2 WHERE id = $1";
        self.change(statement, &[&file.id, &before.to_string()], [&file.id, ""]);
    }

    pub(crate) fn revoke_user(&self, user: &str, before: u64) {
        let statement = "INSERT INTO users (id, urls_revoked_before_seconds) VALUES ($1, $2)";
        self.change(statement, &[user, &before.to_string()], ["", user]);
    }

    pub(crate) fn block(&self, user: &str) {
        self.change("INSERT INTO users (id, blocked_at) VALUES ($1, '1700000000000')", &[user], ["", user]);
    }

    pub(crate) fn unblock(&self, user: &str) {
        self.change("UPDATE users SET blocked_at = NULL WHERE id = $1", &[user], ["", user]);
    }

    pub(crate) fn ban(&self, user: &str) {
        self.change("INSERT INTO users (id, banned_at) VALUES ($1, '1700000000000')", &[user], ["", user]);
    }

    pub(crate) fn delete_user(&self, user: &str) {
        self.change("INSERT INTO users (id, deleted_at) VALUES ($1, '1700000000000')", &[user], ["", user]);
    }
}

async fn sqlite(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off);
    options.connect().await.expect("a catalog")
}

async fn postgres(server: &str) -> (String, Database) {
    let schema = format!("gateway_{}", uuid::Uuid::now_v7().simple());
    let url = format!("{server}?options[search_path]={schema}");
    let mut connection = PgConnection::connect(&url).await.expect("the database server");
    let create = sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {schema}")));
    create.execute(&mut connection).await.expect("a schema of the test's own");
    (url, Database::Postgres(connection))
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|step| {
        Migration::new(step.version, step.description.into(), MigrationType::Simple, step.sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}
