//! Where things lie: the URLs of storage and catalog, and the keys that are ours.

use std::{fmt, path::PathBuf, str::FromStr};

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

/// A `DATABASE_URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogUrl {
    /// `sqlite://<path>`.
    Sqlite(PathBuf),
    /// `postgres://<user>@<host>/<database>`.
    Postgres(PostgresUrl),
}

/// The URL of a Postgres database. Its `Debug` prints nothing: a password may be in it.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl PostgresUrl {
    /// As it was given, to connect with.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresUrl(..)")
    }
}

impl FromStr for CatalogUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", rest)) if !rest.is_empty() => Ok(Self::Postgres(PostgresUrl(text.into()))),
            _ => Err("must be sqlite:///absolute/catalog.db or postgres://user:password@host/database"),
        }
    }
}

/// The object store's own variables (`AWS_*`), name and value. Its `Debug` prints nothing: keys are among them.
#[derive(Clone, Default)]
pub struct Aws(pub Vec<(String, String)>);

impl Aws {
    /// The endpoint among them, if there is one.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.0.iter().find(|(name, _)| name.starts_with("AWS_ENDPOINT")).map(|(_, value)| value.as_str())
    }

    /// Removes a variable.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(given, _)| given == name)?;
        Some(self.0.swap_remove(index).1)
    }

    /// Whether an endpoint among them is to be spoken to without TLS, as its own URL says.
    #[must_use]
    pub fn is_plain_http(&self) -> bool {
        self.0.iter().any(|(name, value)| name.starts_with("AWS_ENDPOINT") && value.starts_with("http://"))
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aws(..)")
    }
}

/// The longest cause that is logged, in bytes.
const MAX_CAUSE: usize = 300;
const CUT: &str = " .. ";

/// An error of the object store as it may stand in a log: one bounded line, without the queries of its URLs and
/// without the body of storage's answer, which can repeat a signature, but for the error code in it.
#[must_use]
pub fn loggable_cause(error: &str) -> String {
    let (text, body) = error.split_at(error.find('<').unwrap_or(error.len()));
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    let without_query = |word: &str| match word.split_once("://") {
        Some(_) => word.split('?').next().unwrap_or_default().to_owned(),
        None => word.to_owned(),
    };
    let words = text.split_whitespace().chain(code).map(without_query).collect::<Vec<_>>().join(" ");
    let printable: String = words.chars().filter(|c| !c.is_control()).collect();
    if printable.len() <= MAX_CAUSE {
        return printable;
    }
    // The middle of it is a URL; what happened stands at the end.
    let half = (MAX_CAUSE - CUT.len()) / 2;
    let head = printable.floor_char_boundary(half);
    let tail = printable.ceil_char_boundary(printable.len() - half);
    [&printable[..head], CUT, &printable[tail..]].concat()
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
    fn a_catalog_url_names_a_path_or_a_server() {
        assert_eq!("sqlite:///srv/catalog.db".parse(), Ok(CatalogUrl::Sqlite("/srv/catalog.db".into())));
        for url in ["postgres://user:kept@db.local/files", "postgresql://db.local/files?sslmode=require"] {
            assert_eq!(url.parse(), Ok(CatalogUrl::Postgres(PostgresUrl(url.into()))));
        }
        for bad in ["", "sqlite://", "postgres://", "mysql://x", "/srv/catalog.db"] {
            assert!(bad.parse::<CatalogUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_catalog_url_shows_no_password() {
        let url: CatalogUrl = "postgres://user:kept@db.local/files".parse().unwrap();
        assert!(!format!("{url:?}").contains("kept"));
    }

    #[test]
    fn a_cause_tells_no_query_and_no_body_but_its_code() {
        let error = "Error performing GET http://s3.local/media/key?X-Amz-Signature=abc in 3 s\n - Server returned \
                     non-2xx status code: 403: <?xml?><Error><Code>SignatureDoesNotMatch</Code><SignatureProvided>abc";
        let expected = "Error performing GET http://s3.local/media/key in 3 s - Server returned non-2xx status code: 403: \
                        SignatureDoesNotMatch";
        assert_eq!(loggable_cause(error), expected);
        assert_eq!(loggable_cause(&"é".repeat(1_000)).len(), 300);
        let long = error.replace("/media/key", &"/a long key".repeat(100));
        assert!(loggable_cause(&long).ends_with("403: SignatureDoesNotMatch"));
        assert_eq!(loggable_cause("a\u{1b}[31mb"), "a[31mb");
    }
}
