//! What was agreed when an upload was begun. It is kept with the upload, for whoever goes on with it may bring no token.

use crate::tiers::Limits;
use serde::{Deserialize, Serialize};

/// Said once, by whom it was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// `Upload-Metadata` as it was given, to be told again.
    pub(super) told: Option<String>,
    /// The largest that it may become, in bytes.
    pub(super) max_bytes: u64,
    /// What its owner's files may hold together.
    pub(super) total_bytes: Option<u64>,
}

impl Terms {
    pub(super) fn of(limits: Limits, told: Option<&str>) -> Self {
        Self { told: told.map(Into::into), max_bytes: limits.max_upload_bytes, total_bytes: limits.total_bytes }
    }
}
