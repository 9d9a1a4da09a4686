//! Where things lie: the URLs of storage and catalog, and the keys that are ours.

use std::{path::PathBuf, str::FromStr};

/// Objects that the signer writes lie below this key; nothing else may, and no clean-up of ours touches anything else.
pub const MANAGED_PREFIX: &str = "managed/";

/// A `STORAGE_URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageUrl {
    /// `file://<folder>`.
    Folder(PathBuf),
    /// `s3://<bucket>/<prefix>`.
    S3 {
        /// Bucket name.
        bucket: String,
        /// Goes before every key, without slashes at its ends; may be empty.
        prefix: String,
    },
}

impl FromStr for StorageUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once("://") {
            Some(("file", folder)) if !folder.is_empty() => Ok(Self::Folder(folder.into())),
            Some(("s3", rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    return Err("must name a bucket: s3://bucket/prefix");
                }
                Ok(Self::S3 { bucket: bucket.into(), prefix: prefix.trim_matches('/').into() })
            }
            _ => Err("must be file:///absolute/folder or s3://bucket/prefix"),
        }
    }
}

/// The path in a `DATABASE_URL` of the form `sqlite://<path>`.
///
/// # Errors
/// What the URL should have been.
pub fn sqlite_path(url: &str) -> Result<PathBuf, &'static str> {
    match url.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
        Some(path) => Ok(path.into()),
        None => Err("must be sqlite:///absolute/catalog.db"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_urls_name_a_folder_or_a_bucket() {
        assert_eq!("file:///srv/files".parse(), Ok(StorageUrl::Folder("/srv/files".into())));
        assert_eq!("file://./data/files".parse(), Ok(StorageUrl::Folder("./data/files".into())));
        let s3 = |bucket: &str, prefix: &str| Ok(StorageUrl::S3 { bucket: bucket.into(), prefix: prefix.into() });
        assert_eq!("s3://media".parse(), s3("media", ""));
        assert_eq!("s3://media/a/b/".parse(), s3("media", "a/b"));
        for bad in ["", "media", "file://", "s3://", "s3:///x", "gs://media", "https://media"] {
            assert!(bad.parse::<StorageUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_catalog_url_names_a_path() {
        assert_eq!(sqlite_path("sqlite:///srv/catalog.db"), Ok("/srv/catalog.db".into()));
        assert!(sqlite_path("mysql://x").is_err());
        assert!(sqlite_path("sqlite://").is_err());
    }
}
