//! How far an upload has come.

/// As the catalog keeps it, and as another process can go on from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Bytes that are durable.
    pub(crate) offset: u64,
    /// On S3, bytes of each part but the last, which stay the same from beginning to end; in a folder 0.
    pub(crate) part_bytes: u64,
    /// On S3, the id of its multipart upload, once that has begun.
    pub(crate) multipart: Option<String>,
    /// On S3, the ETag of each full part, in their order.
    pub(crate) parts: Vec<String>,
}

impl Progress {
    /// Bytes behind the last full part; `None` if the parts are more than all.
    pub(super) fn tail(&self) -> Option<u64> {
        self.offset.checked_sub(self.part_bytes.checked_mul(self.parts.len() as u64)?)
    }
}
