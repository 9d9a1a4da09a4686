//! Where the objects of a test lie: a folder of its own, or a prefix of its own in the bucket that `TEST_STORAGE_URL` names.

use object_store::{
    ObjectStoreExt,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    path::Path as Key,
};
use proto::{etag::ETag, storage::StorageUrl};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::runtime::Runtime;

/// What a row says of an object.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) etag: String,
    pub(crate) modified_at: u64,
}

/// One test's storage.
pub(crate) enum Storage {
    Folder(PathBuf),
    S3 { store: Box<AmazonS3>, prefix: String, url: String },
}

/// Drives the asynchronous libraries of the harness.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
    })
}

#[expect(clippy::disallowed_methods, reason = "which storage to test is the test runner's to say")]
fn test_storage_url() -> Option<String> {
    std::env::var("TEST_STORAGE_URL").ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the credentials of the storage under test are the test runner's to give"
)]
pub(crate) fn aws_variables() -> Vec<(String, String)> {
    std::env::vars().filter(|(name, _)| name.starts_with("AWS_")).collect()
}

impl Storage {
    /// A new, empty one. A folder lies in `home`.
    pub(crate) fn new(home: &Path) -> Self {
        let Some(url) = test_storage_url() else {
            let folder = home.join("files");
            fs::create_dir(&folder).expect("a folder for the files");
            return Self::Folder(folder);
        };
        let Ok(StorageUrl::S3 { bucket, prefix }) = url.parse() else {
            panic!("TEST_STORAGE_URL must be s3://bucket/prefix");
        };
        let builder = aws_variables().into_iter().fold(AmazonS3Builder::new(), |builder, (name, value)| {
            match name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                Ok(key) => builder.with_config(key, value),
                Err(_) => builder,
            }
        });
        let store = builder.with_bucket_name(&bucket).build().expect("AWS_* describe a store");
        let prefix = format!("{prefix}/{}", unique()).trim_start_matches('/').to_owned();
        Self::S3 { store: Box::new(store), url: format!("s3://{bucket}/{prefix}"), prefix }
    }

    pub(crate) fn is_folder(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// As `STORAGE_URL` takes it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Folder(folder) => format!("file://{}", folder.display()),
            Self::S3 { url, .. } => url.clone(),
        }
    }

    /// The folder itself; only for tests of folders.
    #[track_caller]
    pub(crate) fn folder(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::S3 { .. } => panic!("this test is about a folder"),
        }
    }

    /// Writes or replaces an object. In a folder it was last changed at `modified`, to the nanosecond.
    pub(crate) fn put(&self, key: &str, bytes: &[u8], modified: SystemTime) -> Stored {
        match self {
            Self::Folder(folder) => {
                let (path, new) = (folder.join(key), folder.join(format!(".new-{}", unique())));
                fs::create_dir_all(path.parent().expect("a key lies in the folder")).expect("folders on the way");
                fs::write(&new, bytes).expect("the object is written");
                fs::File::options().write(true).open(&new).and_then(|file| file.set_modified(modified)).expect("mtime");
                fs::rename(&new, &path).expect("the object is published");
                Stored::of_local_file(&path)
            }
            Self::S3 { store, prefix, .. } => {
                let key = Key::parse(format!("{prefix}/{key}")).expect("a key");
                let meta = runtime().block_on(async {
                    store.put(&key, bytes.to_vec().into()).await.expect("the object is put");
                    store.head(&key).await.expect("the object is there")
                });
                let etag = meta.e_tag.as_deref().and_then(ETag::from_storage).expect("storage gives strong tags");
                let modified_at = u64::try_from(meta.last_modified.timestamp()).expect("after 1970");
                Stored { etag: etag.as_str().to_owned(), modified_at }
            }
        }
    }

    pub(crate) fn delete(&self, key: &str) {
        match self {
            Self::Folder(folder) => fs::remove_file(folder.join(key)).expect("the object was there"),
            Self::S3 { store, prefix, .. } => {
                let key = Key::parse(format!("{prefix}/{key}")).expect("a key");
                runtime().block_on(store.delete(&key)).expect("the object is deleted");
            }
        }
    }
}

impl Stored {
    /// What the row of a file in a folder says.
    pub(crate) fn of_local_file(path: &Path) -> Self {
        let meta = fs::metadata(path).expect("the file is there");
        let nanoseconds = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
        let etag = ETag::of_local_file(nanoseconds, meta.len()).as_str().to_owned();
        Self { etag, modified_at: u64::try_from(meta.mtime()).expect("after 1970") }
    }
}

/// A name that no other test has, in this process or another.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}-{}", super::now(), std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A time so many seconds ago, with some nanoseconds that whole seconds must cut off.
pub(crate) fn seconds_ago(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::new(super::now() - seconds, 987_654_321)
}
