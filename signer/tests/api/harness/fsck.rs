//! `signer fsck`, as somebody at a terminal runs it beside the server.

use super::Server;
use proto::storage::{CatalogUrl, StorageUrl};
use std::process::{Command, Output};

/// What it said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program with these arguments, and no setting but those of object stores.
pub(crate) async fn signer(arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signer"));
    command.args(arguments);
    for name in ["STORAGE_URL", "DATABASE_URL", "FILE_SIGNING_SECRET", "RUST_LOG"] {
        command.env_remove(name);
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    Said::of(&output.unwrap())
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Each finding, without what may differ between storages and runs.
    pub(crate) fn findings(&self) -> Vec<&str> {
        let mut lines: Vec<_> = self.out.lines().collect();
        assert!(lines.pop().is_some_and(|line| line.contains(" files: ")), "{self:?}");
        let mut lines: Vec<_> = lines.into_iter().map(|line| line.split(':').next().unwrap()).collect();
        lines.sort_unstable();
        lines
    }
}

impl Server {
    pub(crate) async fn fsck(&self, arguments: &[&str]) -> Said {
        let (storage, catalog) = self.urls();
        let urls = ["fsck", "--storage-url", storage.as_str(), "--database-url", catalog.as_str()];
        signer(&[&urls, arguments].concat()).await
    }

    /// `STORAGE_URL` and `DATABASE_URL`.
    pub(crate) fn urls(&self) -> (String, String) {
        let storage = match &self.config.storage {
            StorageUrl::Folder(root) => format!("file://{}", root.display()),
            StorageUrl::S3 { bucket, prefix } => format!("s3://{bucket}/{prefix}"),
        };
        let catalog = match &self.config.catalog {
            CatalogUrl::Sqlite(path) => format!("sqlite://{}", path.display()),
            CatalogUrl::Postgres(url) => url.expose().to_owned(),
        };
        (storage, catalog)
    }

    /// An upload that expires at this Unix second, with bytes on their way and an object that no file has yet.
    pub(crate) async fn unfinished(&self, owner: &str, id: &str, expires_at: u64) {
        let insertion = format!(
            "INSERT INTO uploads (id, user_id, kind, handle, state, object_key, received, created_at, expires_at) \
             VALUES ('{id}', '{owner}', 'tus', 'sha256-of-{id}', 'open', '{}', 5, 1, {expires_at}000)",
            super::key_of(id)
        );
        self.sql(insertion.leak()).await;
        self.put_object(&unfinished_key(self, id), b"bytes").await;
        self.put_object(&super::key_of(id), b"bytes").await;
    }
}

/// Where bytes of an upload lie that is not finished.
pub(crate) fn unfinished_key(server: &Server, id: &str) -> String {
    if server.is_folder() { format!("managed/.staging/{id}") } else { format!("managed/.tails/{id}.5") }
}
