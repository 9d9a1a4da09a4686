//! A signer of its own for each test, and a verb for each thing a client does.

mod client;
mod form;
mod fsck;
mod link;
mod process;
mod provider;
mod resumable;
mod supervised;
mod tokens;
mod webhook;

pub(crate) use client::{Answer, Call, rest};
pub(crate) use form::{Form, form, media_type};
pub(crate) use fsck::{Said, signer, unfinished_key};
pub(crate) use link::Link;
pub(crate) use process::{Process, service_token};
pub(crate) use provider::{BRISK, ON_DEMAND, Provider, Reply, eventually, jwk, key_set};
pub(crate) use resumable::{Resumable, noise, pair};
pub(crate) use tokens::{KEY, OTHER_KEY, Token, now, of_texts, pss, public_pem, token};
pub(crate) use webhook::{Message, NEW_WEBHOOK_SECRET, WEBHOOK_SECRET, message, of};

use object_store::{ObjectStoreExt, path::Path};
use proto::{
    command_line::program,
    keys::KeyRing,
    settings::{COMMON, Settings, Source},
    storage::{Aws, CatalogUrl, StorageUrl},
};
use serde_json::Value;
use signer::{
    Signer,
    config::{Config, SETTINGS},
};
use sqlx::Connection;
use std::{net::SocketAddr, path::PathBuf};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const BASE: &str = "https://files.example.com";

/// A running signer and everything it keeps.
pub(crate) struct Server {
    pub(crate) signer: Signer,
    pub(crate) api: SocketAddr,
    pub(crate) internal: SocketAddr,
    pub(crate) drain: CancellationToken,
    pub(crate) cut: CancellationToken,
    pub(crate) running: JoinHandle<()>,
    config: Config,
    folder: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With these variables beside, or in place of, the usual ones.
    pub(crate) async fn given(changes: &[(&'static str, &str)]) -> Self {
        Self::given_and(changes, |_| {}).await
    }

    /// And with this that no variable says.
    pub(crate) async fn given_and(changes: &[(&'static str, &str)], change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut variables = variables(&folder);
        for (name, value) in changes {
            variables.retain(|(known, _)| known != name);
            variables.push((name, (*value).to_owned()));
        }
        let mut config = config(&variables).unwrap();
        change(&mut config);
        make_schema(&config.catalog).await;
        Self::open(config, folder).await
    }

    /// With other settings than the usual ones.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::given_and(&[], change).await
    }

    async fn open(config: Config, folder: TempDir) -> Self {
        let signer = Signer::open(config.clone()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let internal = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (api, internal_address) = (listener.local_addr().unwrap(), internal.local_addr().unwrap());
        let (drain, cut) = (CancellationToken::new(), CancellationToken::new());
        let running = tokio::spawn({
            let (signer, drain, cut) = (signer.clone(), drain.clone(), cut.clone());
            async move { signer.run(listener, internal, signer.router(), drain, cut).await }
        });
        Self { signer, api, internal: internal_address, drain, cut, running, config, folder }
    }

    /// Stops it as a crash would, and starts another on what it left.
    pub(crate) async fn restart(self) -> Self {
        self.cut.cancel();
        self.running.await.unwrap();
        Self::open(self.config, self.folder).await
    }

    /// The same, and what it left is found by one with other settings.
    pub(crate) async fn restart_with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self.restart().await
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        Call::new(self.api, "GET", path)
    }

    pub(crate) fn post(&self, path: &str) -> Call {
        Call::new(self.api, "POST", path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call {
        Call::new(self.api, "DELETE", path)
    }

    /// Sends a plain body as the file of this name, percent-encoded, and whatever the query says.
    pub(crate) fn put(&self, user: &str, name: &str, bytes: &[u8]) -> Call {
        Call::new(self.api, "PUT", &format!("/api/files/raw/{name}")).by(user).bytes(bytes)
    }

    pub(crate) fn call(&self, method: &'static str, path: &str) -> Call {
        Call::new(self.api, method, path)
    }

    /// Calls the internal listener.
    pub(crate) fn internal_post(&self, path: &str) -> Call {
        Call::new(self.internal, "POST", path)
    }

    /// Asks the internal listener.
    pub(crate) fn ask(&self, path: &str) -> Call {
        Call::new(self.internal, "GET", path)
    }

    pub(crate) fn upload(&self, user: &str, form: Form) -> Call {
        self.post("/api/files/upload").by(user).form(form)
    }

    /// Uploads, and returns the file of the answer.
    pub(crate) async fn stored(&self, user: &str, name: &str, bytes: &[u8]) -> Value {
        let answer = self.upload(user, form().file(name, bytes)).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["data"]["file"].clone()
    }

    /// Runs one statement in the catalog, as an administrator would.
    pub(crate) async fn sql(&self, statement: &'static str) {
        match &self.config.catalog {
            CatalogUrl::Sqlite(path) => {
                let url = format!("sqlite://{}", path.display());
                let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
                sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            CatalogUrl::Postgres(url) => {
                let mut connection = sqlx::PgConnection::connect(url.expose()).await.unwrap();
                sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
            }
        }
    }

    /// The lines of the audit table, oldest first: actor, action, target.
    pub(crate) async fn audit(&self) -> Vec<String> {
        self.texts("SELECT actor || ' ' || action || ' ' || target FROM audit ORDER BY at, id").await
    }

    /// The one column of what a query finds in the catalog.
    pub(crate) async fn texts(&self, query: &'static str) -> Vec<String> {
        match &self.config.catalog {
            CatalogUrl::Sqlite(path) => {
                let url = format!("sqlite://{}", path.display());
                let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
                sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
            }
            CatalogUrl::Postgres(url) => {
                let mut connection = sqlx::PgConnection::connect(url.expose()).await.unwrap();
                sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
            }
        }
    }

    /// The catalog's file, if it is one.
    pub(crate) fn catalog(&self) -> Option<&std::path::Path> {
        match &self.config.catalog {
            CatalogUrl::Sqlite(path) => Some(path),
            CatalogUrl::Postgres(_) => None,
        }
    }

    pub(crate) fn keys(&self) -> &KeyRing {
        &self.config.keys
    }

    /// Every object and every staged file in storage.
    pub(crate) async fn objects(&self) -> Vec<String> {
        match &self.config.storage {
            StorageUrl::Folder(root) => files_below(root),
            StorageUrl::S3 { prefix, .. } => {
                let listing = bucket(&self.config).keys_below(prefix).await;
                listing.into_iter().map(|key| key[prefix.len() + 1..].to_owned()).collect()
            }
        }
    }

    /// There is no row, and in the end neither object nor staged file: what was begun is cleaned up behind its request.
    pub(crate) async fn leaves_nothing(&self) {
        eventually("nothing lies in storage", async || self.objects().await.is_empty()).await;
        assert!(self.signer.is_empty().await.unwrap());
    }

    /// Puts an object into storage, as the main API would.
    pub(crate) async fn put_object(&self, key: &str, bytes: &[u8]) {
        match &self.config.storage {
            StorageUrl::Folder(root) => {
                let path = root.join(key);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
            StorageUrl::S3 { prefix, .. } => {
                let path = Path::parse(format!("{prefix}/{key}")).unwrap();
                bucket(&self.config).0.put(&path, bytes.to_vec().into()).await.unwrap();
            }
        }
    }

    /// The bytes of an object.
    pub(crate) async fn object(&self, key: &str) -> Vec<u8> {
        object(&self.config, key).await
    }

    pub(crate) fn is_folder(&self) -> bool {
        matches!(self.config.storage, StorageUrl::Folder(_))
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("files")
    }
}

/// The bytes of an object in the storage of this configuration.
async fn object(config: &Config, key: &str) -> Vec<u8> {
    match &config.storage {
        StorageUrl::Folder(root) => std::fs::read(root.join(key)).unwrap(),
        StorageUrl::S3 { prefix, .. } => {
            let path = Path::parse(format!("{prefix}/{key}")).unwrap();
            bucket(config).0.get(&path).await.unwrap().bytes().await.unwrap().to_vec()
        }
    }
}

/// Where the file of this id lies.
pub(crate) fn key_of(id: &str) -> String {
    format!("managed/{}/{id}", &id[id.len() - 2..])
}

/// A configuration made from variables as the process would make it.
pub(crate) fn config(variables: &[(&str, String)]) -> Result<Config, String> {
    let flags = program("signer", "", &[COMMON, SETTINGS], Vec::new()).try_get_matches_from(["signer"]).unwrap();
    let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
    let source = Source {
        variable: &variable,
        names: &[],
        file: &|path| std::fs::read_to_string(path),
        is_shared: &|_| false,
        aws: &aws(),
    };
    let mut settings = Settings::read(&[COMMON, SETTINGS], &flags, &source, &[]);
    let config = Config::read(&mut settings);
    settings.finish(config).map_err(|mistakes| mistakes.to_string())
}

/// What every signer of these tests is given.
pub(crate) fn variables(folder: &TempDir) -> Vec<(&'static str, String)> {
    let storage = match environment("TEST_STORAGE_URL") {
        Some(url) => format!("{}/{}", url.trim_end_matches('/'), uuid::Uuid::now_v7()),
        None => format!("file://{}", folder.path().join("files").display()),
    };
    let catalog = match environment("TEST_DATABASE_URL") {
        Some(server) => format!("{server}?options[search_path]=signer_{}", uuid::Uuid::now_v7().simple()),
        None => format!("sqlite://{}", folder.path().join("catalog.db").display()),
    };
    vec![
        ("FILE_SIGNING_SECRET", SECRET.into()),
        ("STORAGE_URL", storage),
        ("DATABASE_URL", catalog),
        ("PUBLIC_FILES_URL", format!("{BASE}/")),
        ("CLERK_JWT_KEY", tokens::public_pem().into()),
        ("MAX_UPLOAD_BYTES", "64MiB".into()),
        // Out of the way of tests that are about something else.
        ("RATE_LIMIT", "1000000/1h".into()),
    ]
}

/// In Postgres a test has a schema of its own, the one that its URL names.
async fn make_schema(catalog: &CatalogUrl) {
    let CatalogUrl::Postgres(url) = catalog else { return };
    let schema = url.expose().rsplit_once('=').expect("the search path is the URL's end").1;
    let mut connection = sqlx::PgConnection::connect(url.expose()).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut connection).await.unwrap();
}

#[expect(clippy::disallowed_methods, reason = "what to test with is the caller's choice")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "which storage to test is the caller's choice")]
pub(crate) fn aws() -> Aws {
    Aws(std::env::vars().filter(|(name, _)| name.starts_with("AWS_")).collect())
}

struct Bucket(object_store::aws::AmazonS3);

fn bucket(config: &Config) -> Bucket {
    let StorageUrl::S3 { bucket, .. } = &config.storage else { unreachable!("only asked for a bucket") };
    let builder = object_store::aws::AmazonS3Builder::from_env().with_bucket_name(bucket).with_allow_http(true);
    Bucket(builder.build().unwrap())
}

impl Bucket {
    async fn keys_below(&self, prefix: &str) -> Vec<String> {
        use futures_util::TryStreamExt;
        use object_store::ObjectStore;
        let prefix = Path::parse(prefix).unwrap();
        let objects: Vec<_> = self.0.list(Some(&prefix)).try_collect().await.unwrap();
        objects.into_iter().map(|object| object.location.to_string()).collect()
    }
}

fn files_below(root: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    found
}
