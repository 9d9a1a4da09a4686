//! Objects that lie in storage already and become files: one at a time as services ask for it, many at once by
//! `signer import`.

use crate::{
    catalog::{Description, FileRow},
    files::new_id,
    storage::Stored,
};
use proto::{
    id::{FileId, UserId},
    media,
    storage::MANAGED_PREFIX,
};

/// As long as S3 takes it.
const MAX_PATH: usize = 1024;
/// What a path must be.
pub(crate) const PATH: &str =
    "must be the object's path below STORAGE_URL: 1 to 1024 bytes, no empty segment, `.` or `..`";

/// Which object becomes whose file.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    pub(crate) owner: UserId,
    /// Below the storage's prefix.
    pub(crate) path: String,
    pub(crate) given: Description,
    /// The id that its links name already; a new one otherwise.
    pub(crate) id: Option<FileId>,
    /// Unix milliseconds; now otherwise.
    pub(crate) created_at: Option<i64>,
}

impl Registration {
    /// The file as it is if nobody registered it before; `now` is in Unix milliseconds.
    pub(crate) fn row(&self, stored: &Stored, now: i64) -> FileRow {
        let given = self.given.clone();
        let last = self.path.rsplit('/').next().unwrap_or_default();
        let filename = given.filename.unwrap_or_else(|| last.into());
        FileRow {
            id: self.id.clone().unwrap_or_else(new_id),
            owner: self.owner.clone(),
            job_id: given.job_id,
            object_key: self.path.clone(),
            content_type: given.content_type.unwrap_or_else(|| media::of_name(&filename).into()),
            filename,
            size: stored.size,
            etag: stored.etag.clone(),
            sha256: None,
            metadata: given.metadata.unwrap_or_default(),
            created_at: self.created_at.unwrap_or(now),
            modified_at: stored.modified_at,
            expires_at: None,
            urls_revoked_before: None,
        }
    }
}

/// Whether an object of this path may become a file, or why not. What the signer wrote itself has its owner already.
pub(crate) fn checked_path(path: &str) -> Result<&str, &'static str> {
    let is_plain = (1..=MAX_PATH).contains(&path.len()) && !path.chars().any(char::is_control);
    let is_segment = |segment: &str| !segment.is_empty() && segment != "." && segment != "..";
    // What the client for buckets would not send as it is, no gateway could ask for.
    if !is_plain || !path.split('/').all(is_segment) || object_store::path::Path::parse(path).is_err() {
        return Err(PATH);
    }
    if path.starts_with(MANAGED_PREFIX) || format!("{path}/") == MANAGED_PREFIX {
        return Err("must not lie below `managed/`, where the signer keeps its own objects");
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_the_signers_own_and_one_that_could_not_be_asked_for_become_no_file() {
        for good in ["a", "videos/17.mp4", "users/é/a b.mp4", "managed.txt", "managed-2/a", "a/managed/b", "..."] {
            assert_eq!(checked_path(good), Ok(good));
        }
        for bad in ["", "/a", "a/", "a//b", "..", "../a", "a/../b", "./a", "a\0b", "a\nb", "managed", "managed/ab/c"] {
            assert!(checked_path(bad).is_err(), "{bad:?}");
        }
        assert!(checked_path(&"a".repeat(1024)).is_ok() && checked_path(&"a".repeat(1025)).is_err());
    }
}
