//! What a chunk is called. Whatever could make two chunks differ is in the name, so that one name is one byte sequence.

use proto::etag::ETag;
use sha2::{Digest, Sha256};
use std::{fmt, ops::Range, path::PathBuf};

/// Changes with the form of the files.
const FORMAT: &str = "t2m-files chunk 1";

/// One version of one object, cut into chunks of one size: a SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ObjectId([u8; 32]);

/// A chunk: its object and its place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ChunkId {
    pub(super) object: ObjectId,
    pub(super) index: u32,
}

impl ObjectId {
    pub(super) fn new(storage: &str, key: &str, etag: &ETag, size: u64, chunk: u64) -> Self {
        let mut hash = Sha256::new();
        for text in [FORMAT, storage, key, etag.as_str()] {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        hash.update(size.to_le_bytes());
        hash.update(chunk.to_le_bytes());
        Self(hash.finalize().into())
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ChunkId {
    /// Its file, within the cache's folder.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("{:02x}/{self}", self.object.0[0]))
    }

    /// Reads a file's name; `None` for any that [`ChunkId`]'s `Display` does not write.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (object, index) = name.split_once('-')?;
        if object.len() != 64 || index.len() != 8 || !name.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(object.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        let id = Self { object: ObjectId(bytes), index: u32::from_str_radix(index, 16).ok()? };
        (id.to_string() == name).then_some(id)
    }

    /// Where it begins and ends in an object of `size` bytes that is cut into chunks of `chunk`.
    pub(super) fn range(index: u32, size: u64, chunk: u64) -> Range<u64> {
        let start = u64::from(index) * chunk;
        start..size.min(start + chunk)
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.object, self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(storage: &str, key: &str, etag: &str, size: u64, chunk: u64) -> ObjectId {
        ObjectId::new(storage, key, &ETag::from_storage(etag).unwrap(), size, chunk)
    }

    #[test]
    fn everything_that_tells_two_chunks_apart_is_in_the_name() {
        let one = object("s3://a", "key", "tag", 10, 4);
        assert_eq!(one, object("s3://a", "key", "\"tag\"", 10, 4));
        for other in [
            object("s3://b", "key", "tag", 10, 4),
            object("s3://a", "kez", "tag", 10, 4),
            object("s3://ak", "ey", "tag", 10, 4),
            object("s3://a", "key", "tah", 10, 4),
            object("s3://a", "key", "tag", 11, 4),
            object("s3://a", "key", "tag", 10, 8),
        ] {
            assert_ne!(one, other);
        }
        assert_ne!(ChunkId { object: one, index: 0 }.path(), ChunkId { object: one, index: 1 }.path());
    }

    #[test]
    fn a_name_is_read_as_it_is_written_and_no_other_is() {
        let id = ChunkId { object: object("s3://a", "key", "tag", 10, 4), index: 0xa5 };
        let name = id.to_string();
        assert_eq!(ChunkId::parse(&name), Some(id));
        assert_eq!(id.path(), PathBuf::from(&name[..2]).join(&name));
        for foreign in [
            "",
            "-",
            "README.md",
            "lock",
            &name[1..],
            &name[..72],
            &format!("{name}0"),
            &format!("{name}.part"),
            &name.to_uppercase(),
            &name.replace('-', "_"),
            &name.replacen(&name[..2], "+f", 1),
            &"é".repeat(36),
        ] {
            assert_eq!(ChunkId::parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn chunks_lie_side_by_side_and_end_with_the_object() {
        assert_eq!(ChunkId::range(0, 10, 4), 0..4);
        assert_eq!(ChunkId::range(2, 10, 4), 8..10);
        assert_eq!(ChunkId::range(1, 8, 4), 4..8);
    }
}
