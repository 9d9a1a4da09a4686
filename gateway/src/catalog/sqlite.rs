//! SQLite: a file under a name, which may lead to another file tomorrow. Connections hold on to the one that they opened,
//! so a catalog that was put back from a copy would never be seen.

use super::database::{CONNECTIONS, TIMEOUT};
use arc_swap::ArcSwap;
use sqlx::{
    ConnectOptions,
    sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions},
};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Device and inode.
type FileNumber = (u64, u64);

/// The file that the name leads to.
pub(super) struct SqliteFile {
    path: PathBuf,
    open: ArcSwap<Open>,
}

struct Open {
    /// Of the file as it was before the first connection; `None` if there was none.
    number: Option<FileNumber>,
    pool: SqlitePool,
}

impl SqliteFile {
    /// Connects when first asked.
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), open: ArcSwap::from_pointee(Open::new(path, number(path))) }
    }

    pub(super) fn pool(&self) -> SqlitePool {
        self.open.load().pool.clone()
    }

    /// Opens the file anew if it is another one than before. Whether it is. One that is away for a moment is the same until
    /// there is another.
    pub(super) fn reopen_if_replaced(&self) -> bool {
        let there = number(&self.path);
        let before = self.open.load().number;
        if there.is_none() || there == before {
            return false;
        }
        self.open.store(Arc::new(Open::new(&self.path, there)));
        before.is_some()
    }
}

impl Open {
    fn new(path: &Path, number: Option<FileNumber>) -> Self {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(TIMEOUT);
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(TIMEOUT);
        Self { number, pool: pool.connect_lazy_with(options.disable_statement_logging()) }
    }
}

fn number(path: &Path) -> Option<FileNumber> {
    let facts = fs::metadata(path).ok()?;
    Some((facts.dev(), facts.ino()))
}
