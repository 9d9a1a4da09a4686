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

/// A folder that is there, readable by its owner only if it was made here.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder, made with its parents if it is not there.
    ///
    /// # Errors
    /// It can be neither found nor made.
    pub fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self(std::path::absolute(path)?))
    }

    /// Where storage and catalog lie, as `STORAGE_URL` and `DATABASE_URL`.
    #[must_use]
    pub fn urls(&self) -> (String, String) {
        let at = |name| self.0.join(name).display().to_string();
        (format!("file://{}", at("files")), format!("sqlite://{}", at("catalog.db")))
    }

    /// The signing secret, made at the first call.
    ///
    /// # Errors
    /// It cannot be read, or not be made durable.
    pub fn signing_secret(&self) -> io::Result<String> {
        let secret = self.kept("signing-secret", || random(SECRET_LEN).map(hex::encode))?;
        Ok(secret.trim_end().to_owned())
    }

    /// The development identity's private RSA key as PEM, made at the first call.
    ///
    /// # Errors
    /// It cannot be read, or not be made durable.
    pub fn development_key(&self) -> io::Result<String> {
        self.kept("development-key.pem", || {
            let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).map_err(io::Error::other)?;
            Ok(key.serialize_pem())
        })
    }

    fn kept(&self, name: &str, make: impl FnOnce() -> io::Result<String>) -> io::Result<String> {
        match fs::read_to_string(self.0.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = make()?;
                self.write(name, &text)?;
                Ok(text)
            }
            found => found,
        }
    }

    /// All of it or nothing, durable on return: a torn secret would make every URL ever issued worthless.
    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let draft = self.0.join(format!(".{name}.{}", std::process::id()));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, self.0.join(name))?;
        File::open(&self.0)?.sync_all()
    }
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
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_secret_is_made_once_and_for_its_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/data");
        let secret = Folder::open(&path).unwrap().signing_secret().unwrap();
        assert_eq!(secret.len(), 64);
        assert!(secret.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_eq!(Folder::open(&path).unwrap().signing_secret().unwrap(), secret);
        assert_eq!((mode(&path), mode(&path.join("signing-secret"))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn an_edited_secret_loses_its_newline_only() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("signing-secret"), "a secret of my own, and long enough\n").unwrap();
        let secret = Folder::open(folder.path()).unwrap().signing_secret().unwrap();
        assert_eq!(secret, "a secret of my own, and long enough");
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Folder::open(file.path()).is_err());
    }
}
