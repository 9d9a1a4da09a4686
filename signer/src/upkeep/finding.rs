//! What is not as it should be, one line each, and all of it in one.

use crate::{
    catalog::Promised,
    storage::{Found, Kind, Stored},
};
use std::fmt;

/// Something that is not as catalog and storage should have it.
#[derive(Debug, Clone)]
pub(crate) enum Finding {
    /// It belongs to no file and to no upload.
    Orphan { found: Found, age: u64, removal: Removal },
    /// A file without its object.
    Missing(Promised),
    /// A file whose object is another one.
    Changed(Promised, Stored),
    /// A file whose object was put back from a copy, as its row says now.
    Accepted(Promised),
}

/// What was done about an orphan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removal {
    NotAsked,
    Done,
    Failed,
    /// As many objects were removed as may be at once.
    Left,
}

/// How it all stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) files: u64,
    pub(crate) entries: u64,
    pub(crate) orphans: u64,
    /// Of those whose size storage tells.
    pub(crate) orphan_bytes: u64,
    pub(crate) removed: u64,
    /// Without a row, and too young to say that there will be none.
    pub(crate) young: u64,
    pub(crate) missing: u64,
    pub(crate) changed: u64,
    pub(crate) accepted: u64,
}

impl Summary {
    pub(super) fn count(&mut self, finding: &Finding) {
        match finding {
            Finding::Orphan { found, removal, .. } => {
                self.orphans += 1;
                self.orphan_bytes += found.size;
                self.removed += u64::from(*removal == Removal::Done);
            }
            Finding::Missing(_) => self.missing += 1,
            Finding::Changed(..) => self.changed += 1,
            Finding::Accepted(_) => self.accepted += 1,
        }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.orphans + self.missing + self.changed == 0
    }
}

/// For people, and for the label of a metric.
pub(crate) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Object => "object",
        Kind::Staged => "staged",
        Kind::Tail => "tail",
        Kind::Incoming => "incoming",
        Kind::Multipart => "multipart",
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Orphan { found: Found { kind, file, size, .. }, age, removal } => {
                write!(f, "orphan {} {file}: {size} bytes, {age} s old{removal}", name(*kind))
            }
            Self::Missing(file) => write!(f, "missing {} of file {}", file.object_key, file.id),
            Self::Changed(file, there) if there.size != file.size => {
                let (key, id) = (&file.object_key, &file.id);
                write!(f, "changed {key} of file {id}: {} bytes, not {}", there.size, file.size)
            }
            Self::Changed(file, _) => write!(f, "changed {} of file {}: another ETag", file.object_key, file.id),
            Self::Accepted(file) => {
                write!(f, "accepted {} of file {}: the same bytes under another ETag", file.object_key, file.id)
            }
        }
    }
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAsked => "",
            Self::Done => ", removed",
            Self::Failed => ", cannot be removed",
            Self::Left => ", left for `signer fsck --repair`",
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, entries, orphans, orphan_bytes, removed, young, missing, changed, accepted } = self;
        write!(f, "{files} files: {missing} missing, {changed} changed")?;
        if *accepted > 0 {
            write!(f, ", {accepted} accepted")?;
        }
        write!(f, "; {entries} entries in storage: {orphans} orphans ")?;
        write!(f, "({orphan_bytes} bytes), {removed} removed, {young} too young to tell")
    }
}
