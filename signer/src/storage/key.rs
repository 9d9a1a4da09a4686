//! What lies below `managed/`, by its name. Nothing else is ever written, listed or removed.
//!
//! | name | is |
//! |---|---|
//! | `<two characters>/<file id>` | an object |
//! | `.staging/<file id>` | an upload on its way, in a folder |
//! | `.tails/<file id>.<offset>` | on S3, the last bytes before this offset, too few for a part |
//! | `.incoming/<file id>` | on S3, what a client has put there with a signed URL |

use proto::{id::FileId, storage::MANAGED_PREFIX};

pub(super) const STAGING: &str = ".staging";
pub(super) const TAILS: &str = ".tails";
pub(super) const INCOMING: &str = ".incoming";

/// The key of an object that is ours: `managed/<two hex>/<file id>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key(String);

impl Key {
    /// Where the file of this id lies. The last two characters spread the files: UUIDv7 is random there.
    pub(crate) fn of(file: &FileId) -> Self {
        let id = file.as_str();
        Self(format!("{MANAGED_PREFIX}{}/{id}", &id[id.len().saturating_sub(2)..]))
    }

    /// A key as the catalog holds it; `None` if the object is not ours. The names of what is not an object yet hold a
    /// dot, which no id does.
    pub(crate) fn managed(key: &str) -> Option<Self> {
        let (shard, id) = key.strip_prefix(MANAGED_PREFIX)?.split_once('/')?;
        let is_word = |text: &str| text.parse::<FileId>().is_ok();
        (is_word(shard) && is_word(id)).then(|| Self(key.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn staged(&self) -> String {
        format!("{MANAGED_PREFIX}{STAGING}/{}", self.id())
    }

    pub(super) fn incoming(&self) -> String {
        format!("{MANAGED_PREFIX}{INCOMING}/{}", self.id())
    }

    /// The tail that ends at `offset`.
    pub(super) fn tail(&self, offset: u64) -> String {
        format!("{}{offset}", self.tails())
    }

    /// What the names of its tails begin with.
    pub(super) fn tails(&self) -> String {
        format!("{MANAGED_PREFIX}{TAILS}/{}.", self.id())
    }

    fn id(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, id)| id)
    }
}

/// Something of ours in storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: Kind,
    /// The file that it is, or was to become.
    pub(crate) file: FileId,
    /// Bytes; 0 for a multipart upload, whose size S3 does not tell.
    pub(crate) size: u64,
    /// Unix seconds of its last change; of a multipart upload, when it began.
    pub(crate) modified_at: u64,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Object,
    Staged,
    Tail,
    Incoming,
    Multipart,
}

impl Kind {
    /// What this name says, which is a path below `managed/`; `None` if it is nothing of ours.
    pub(super) fn of(name: &str) -> Option<(Self, FileId)> {
        let (folder, name) = name.split_once('/')?;
        match folder {
            STAGING => Some((Self::Staged, name.parse().ok()?)),
            INCOMING => Some((Self::Incoming, name.parse().ok()?)),
            TAILS => {
                let (id, offset) = name.rsplit_once('.')?;
                let is_number = !offset.is_empty() && offset.bytes().all(|byte| byte.is_ascii_digit());
                is_number.then_some((Self::Tail, id.parse().ok()?))
            }
            shard => {
                let file: FileId = name.parse().ok()?;
                let is_its_place = Key::of(&file).as_str() == format!("{MANAGED_PREFIX}{shard}/{name}");
                is_its_place.then_some((Self::Object, file))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0192f3a4b5c67d8e9fa0b1c2d3e4f5a6";

    fn key() -> Key {
        Key::of(&ID.parse().unwrap())
    }

    #[test]
    fn a_key_is_made_from_the_end_of_the_id() {
        assert_eq!(key().as_str(), "managed/a6/0192f3a4b5c67d8e9fa0b1c2d3e4f5a6");
        assert_eq!(Key::managed(key().as_str()), Some(key()));
    }

    #[test]
    fn objects_of_others_are_never_ours() {
        for foreign in
            ["videos/a.mp4", "managed/", "managed/a6", "managed/../x", "managed/a6/../../x", "managed//x", "x"]
        {
            assert_eq!(Key::managed(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn what_is_not_an_object_yet_has_no_key() {
        for name in [key().staged(), key().incoming(), key().tail(7), key().tails()] {
            assert_eq!(Key::managed(&name), None, "{name}");
        }
    }

    #[test]
    fn what_is_ours_is_known_by_its_name() {
        for (key, kind) in [
            (key().as_str(), Kind::Object),
            (&key().staged(), Kind::Staged),
            (&key().incoming(), Kind::Incoming),
            (&key().tail(6_000_000), Kind::Tail),
        ] {
            let name = key.strip_prefix(MANAGED_PREFIX).unwrap();
            assert_eq!(Kind::of(name), Some((kind, ID.parse().unwrap())), "{key}");
        }
    }

    #[test]
    fn nothing_else_is_ours() {
        for name in [
            "",
            ID,
            "a6/",
            "a6/raw",
            "A6/0192f3a4b5c67d8e9fa0b1c2d3e4f5a6",
            "a7/0192f3a4b5c67d8e9fa0b1c2d3e4f5a6",
            "a6/a6/0192f3a4b5c67d8e9fa0b1c2d3e4f5a6",
            ".staging/a.b",
            ".staging/../x",
            ".tails/0192f3a4b5c67d8e9fa0b1c2d3e4f5a6",
            ".tails/0192f3a4b5c67d8e9fa0b1c2d3e4f5a6.",
            ".tails/0192f3a4b5c67d8e9fa0b1c2d3e4f5a6.1x",
            ".trash/0192f3a4b5c67d8e9fa0b1c2d3e4f5a6",
        ] {
            assert_eq!(Kind::of(name), None, "{name}");
        }
    }
}
