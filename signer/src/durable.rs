//! Folders that are still there after a power cut: a new entry is durable only once the folder that holds it is
//! synced.

use std::{
    fs::{DirBuilder, File},
    io::{self, ErrorKind},
    os::unix::fs::DirBuilderExt,
    path::Path,
};

/// Makes a folder for its owner alone, and whatever is missing above it; syncs the parent of each that is new.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    match create(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && holder(path) != path => {
            make_folder(holder(path))?;
            return make_folder(path);
        }
        Err(_) if path.is_dir() => return Ok(()),
        created => created?,
    }
    sync_folder(holder(path))
}

fn create(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// The folder that holds what lies at `path`.
pub(crate) fn holder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// Makes what was added to the folder, renamed in it or removed from it durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn a_folder_is_made_with_all_that_is_missing_above_it_once() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/c");
        for _ in 0..2 {
            make_folder(&path).unwrap();
        }
        for made in [&path, &root.path().join("a")] {
            assert_eq!(fs::metadata(made).unwrap().permissions().mode() & 0o777, 0o700);
        }
        make_folder(Path::new(".")).unwrap();
        make_folder(Path::new("/")).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a"), "").unwrap();
        assert!(make_folder(&root.path().join("a")).is_err());
        assert!(make_folder(&root.path().join("a/b")).is_err());
        assert!(make_folder(Path::new("")).is_err());
    }

    #[test]
    fn what_has_no_folder_in_its_path_lies_in_the_current_one() {
        assert_eq!(holder(Path::new("catalog.db")), Path::new("."));
        assert_eq!(holder(Path::new("/srv/catalog.db")), Path::new("/srv"));
    }
}
