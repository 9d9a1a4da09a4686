//! The data folder: what a first start makes and every later one finds again.
//!
//! | name | holds |
//! |---|---|
//! | `signing-secret` | the secret of the signing key, 64 hexadecimal digits |
//! | `development-key.pem` | the RSA key of the development identity |
//! | `catalog.db`, `files/` | the embedded catalog and storage |

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Bytes of randomness in a signing secret.
const SECRET_LEN: usize = 32;

const SIGNING_SECRET: &str = "signing-secret";
const DEVELOPMENT_KEY: &str = "development-key.pem";

/// A folder that is there, readable by its owner only if it was made here, and what is yet to be written into it.
/// Dropped before [`Folder::keep`], it leaves nothing behind.
pub struct Folder {
    path: PathBuf,
    /// Folders that were not there before, the deepest first.
    made: Vec<PathBuf>,
    drafts: Vec<(&'static str, String)>,
}

impl Folder {
    /// The folder, made with its parents if it is not there.
    ///
    /// # Errors
    /// It can be neither found nor made.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let made = path.ancestors().take_while(|folder| !folder.exists()).map(Into::into).collect();
        let folder = Self { path, made, drafts: Vec::new() };
        DirBuilder::new().recursive(true).mode(0o700).create(&folder.path)?;
        Ok(folder)
    }

    /// Where storage and catalog lie, as `STORAGE_URL` and `DATABASE_URL`.
    #[must_use]
    pub fn urls(&self) -> (String, String) {
        let at = |name| self.path.join(name).display().to_string();
        (format!("file://{}", at("files")), format!("sqlite://{}", at("catalog.db")))
    }

    /// The signing secret; a new one if there is none.
    ///
    /// # Errors
    /// It cannot be read, or the system gives no randomness.
    pub fn signing_secret(&mut self) -> io::Result<String> {
        let secret = self.found_or(SIGNING_SECRET, || random(SECRET_LEN).map(hex::encode))?;
        Ok(without_newline(&secret).to_owned())
    }

    /// The development identity's private RSA key as PEM; a new one if there is none.
    ///
    /// # Errors
    /// It cannot be read, or the system gives no randomness.
    pub fn development_key(&mut self) -> io::Result<String> {
        self.found_or(DEVELOPMENT_KEY, || {
            let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).map_err(io::Error::other)?;
            Ok(key.serialize_pem())
        })
    }

    /// Writes what is new.
    ///
    /// # Errors
    /// It cannot be made durable.
    pub fn keep(mut self) -> io::Result<()> {
        self.drafts.iter().try_for_each(|(name, text)| self.write(name, text))?;
        self.made.clear();
        Ok(())
    }

    fn found_or(&mut self, name: &'static str, make: impl FnOnce() -> io::Result<String>) -> io::Result<String> {
        match fs::read_to_string(self.path.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = make()?;
                self.drafts.push((name, text.clone()));
                Ok(text)
            }
            found => found,
        }
    }

    /// All of it or nothing, durable on return: a torn secret would make every URL ever issued worthless.
    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let place = self.path.join(name);
        if place.exists() {
            return Err(io::Error::other(format!("another start has just made {name}; start again")));
        }
        let draft = self.path.join(format!(".{name}.{}", std::process::id()));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, place)?;
        File::open(&self.path)?.sync_all()
    }
}

impl Drop for Folder {
    /// Removes empty folders only, so nothing of anybody's is lost.
    fn drop(&mut self) {
        for folder in &self.made {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The signing secret that the folder at `path` holds. Nothing is made.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn find_signing_secret(path: &Path) -> io::Result<String> {
    fs::read_to_string(path.join(SIGNING_SECRET)).map(|secret| without_newline(&secret).to_owned())
}

/// As `proto::settings` takes a secret from its file, so that one file is one key for every service.
fn without_newline(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// Bytes that nobody can guess.
pub(crate) fn random(len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("the system gives no randomness"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::{
        command_line::program,
        settings::{COMMON, Settings, Source},
        storage::Aws,
    };
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_secret_is_made_once_and_for_its_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/data");
        let mut folder = Folder::open(&path).unwrap();
        let secret = folder.signing_secret().unwrap();
        folder.keep().unwrap();
        assert_eq!(secret.len(), 64);
        assert!(secret.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_eq!(find_signing_secret(&path).unwrap(), secret);
        assert_eq!(Folder::open(&path).unwrap().signing_secret().unwrap(), secret);
        assert_eq!((mode(&path), mode(&path.join("signing-secret"))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn what_is_not_kept_leaves_nothing_behind() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/data");
        Folder::open(&path).unwrap().signing_secret().unwrap();
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
        drop(Folder::open(parent.path()).unwrap());
        assert!(parent.path().exists(), "a folder that was there stays");
    }

    #[test]
    fn a_secret_made_meanwhile_is_never_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let [mut first, mut second] = [(); 2].map(|()| Folder::open(parent.path()).unwrap());
        let secret = first.signing_secret().unwrap();
        second.signing_secret().unwrap();
        first.keep().unwrap();
        assert!(second.keep().is_err());
        assert_eq!(find_signing_secret(parent.path()).unwrap(), secret);
    }

    #[test]
    fn a_secret_is_the_same_in_a_file_of_the_settings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SIGNING_SECRET);
        let variable = |name: &str| (name == "FILE_SIGNING_SECRET_FILE").then(|| path.clone().into());
        let flags = program("test", "", &[COMMON], vec![]).get_matches_from(["test"]);
        for (ending, kept) in [("", ""), ("\n", ""), ("\r\n", ""), ("\n\n", "\n"), (" \t\n", " \t"), ("  ", "  ")] {
            fs::write(&path, format!("a secret of my own{ending}")).unwrap();
            let file = |path: &str| fs::read_to_string(path);
            let source =
                Source { variable: &variable, names: &[], file: &file, is_shared: &|_| false, aws: &Aws::default() };
            let settings = Settings::read(&[COMMON], &flags, &source, &[]);
            let secret = Folder::open(folder.path()).unwrap().signing_secret().unwrap();
            assert_eq!(secret, format!("a secret of my own{kept}"));
            assert_eq!(settings.text("FILE_SIGNING_SECRET"), Some(secret.as_str()), "{ending:?}");
            assert_eq!(find_signing_secret(folder.path()).unwrap(), secret);
        }
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Folder::open(file.path()).is_err());
    }
}
