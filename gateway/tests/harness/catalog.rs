//! The catalog of one test: SQLite, migrated as the signer migrates it, changed as the signer changes it.

use super::{file::File, storage::runtime};
use proto::catalog::MIGRATIONS;
use sqlx::{
    ConnectOptions, SqlSafeStr, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

pub(crate) struct Catalog {
    path: PathBuf,
    connection: Mutex<SqliteConnection>,
}

impl Catalog {
    /// A new one without any table.
    pub(crate) fn new(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Off);
        let connection = runtime().block_on(options.connect()).expect("a catalog");
        Self { path: path.to_owned(), connection: Mutex::new(connection) }
    }

    /// Gives it the whole schema.
    pub(crate) fn migrate(&self) {
        let mut connection = self.connection.lock().expect("no statement panics");
        runtime().block_on(migrator().run(&mut *connection)).expect("the schema applies");
    }

    /// As `DATABASE_URL` takes it.
    pub(crate) fn url(&self) -> String {
        format!("sqlite://{}", self.path.display())
    }

    /// One statement; SQLite makes numbers of texts where a column wants them.
    #[track_caller]
    pub(crate) fn run(&self, statement: &'static str, values: &[&str]) {
        let query = values.iter().fold(sqlx::query(statement), |query, value| query.bind((*value).to_owned()));
        let mut connection = self.connection.lock().expect("no statement panics");
        runtime().block_on(query.execute(&mut *connection)).expect("the statement runs");
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
        self.run(
            "UPDATE files SET size = $2, etag = $3, modified_at_seconds = $4 WHERE id = $1",
            &[&file.id, &file.size().to_string(), &file.etag, &file.modified_at.to_string()],
        );
    }

    pub(crate) fn delete(&self, file: &File) {
        self.run("UPDATE files SET state = 'deleted' WHERE id = $1", &[&file.id]);
    }

    pub(crate) fn give(&self, file: &File, user: &str) {
        self.run("UPDATE files SET user_id = $2 WHERE id = $1", &[&file.id, user]);
    }

    pub(crate) fn expire(&self, file: &File, second: u64) {
        self.run("UPDATE files SET expires_at_seconds = $2 WHERE id = $1", &[&file.id, &second.to_string()]);
    }

    pub(crate) fn revoke_file(&self, file: &File, before: u64) {
        self.run("UPDATE files SET urls_revoked_before_seconds = $2 WHERE id = $1", &[&file.id, &before.to_string()]);
    }

    pub(crate) fn revoke_user(&self, user: &str, before: u64) {
        self.run("INSERT INTO users (id, urls_revoked_before_seconds) VALUES ($1, $2)", &[user, &before.to_string()]);
    }

    pub(crate) fn block(&self, user: &str) {
        self.run("INSERT INTO users (id, blocked_at) VALUES ($1, '1700000000000')", &[user]);
    }

    pub(crate) fn unblock(&self, user: &str) {
        self.run("UPDATE users SET blocked_at = NULL WHERE id = $1", &[user]);
    }

    pub(crate) fn ban(&self, user: &str) {
        self.run("INSERT INTO users (id, banned_at) VALUES ($1, '1700000000000')", &[user]);
    }

    pub(crate) fn delete_user(&self, user: &str) {
        self.run("INSERT INTO users (id, deleted_at) VALUES ($1, '1700000000000')", &[user]);
    }
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|step| {
        Migration::new(step.version, step.description.into(), MigrationType::Simple, step.sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}
