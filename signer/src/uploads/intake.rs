//! The one way a file comes in, whoever sends it: object durable first, row second. Nothing is acknowledged
//! before both are, and an intake that is dropped leaves nothing behind.

use super::Terms;
use crate::{
    Signer,
    catalog::FileRow,
    clock,
    error::Error,
    files::File,
    idempotency,
    storage::{Key, Stored, Upload},
    tiers::Limits,
};
use bytes::Bytes;
use proto::id::{FileId, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, time::Duration};
use tokio::sync::OwnedSemaphorePermit;

/// How long a refusal waits for the clean-up behind it, which goes on after that.
const DISCARD_PATIENCE: Duration = Duration::from_secs(5);

/// What is said of a file beside its bytes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Description {
    pub(crate) filename: String,
    pub(crate) content_type: String,
    pub(crate) job_id: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// Unix seconds.
    pub(crate) expires_at: Option<u64>,
    /// What only an upload in several requests has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) terms: Option<Terms>,
    /// The idempotency key that the file answers.
    #[serde(skip)]
    pub(crate) claimed: Option<idempotency::Key>,
}

/// Room for one upload, from before its first byte until it is listed or has failed.
#[derive(Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "held, and given back when dropped")] OwnedSemaphorePermit);

impl Place {
    /// Refuses at once when there is none: whoever waited would hold its connection and time out.
    pub(crate) fn take(signer: &Signer) -> Result<Self, Error> {
        signer.upload_places().try_acquire_owned().map(Self).map_err(|_| Error::Overloaded)
    }
}

/// A file on its way in.
pub(crate) struct Intake {
    place: Place,
    signer: Signer,
    owner: UserId,
    id: FileId,
    key: Key,
    upload: Upload,
    hash: Sha256,
    size: u64,
    limits: Limits,
}

impl Intake {
    pub(crate) async fn begin(signer: &Signer, owner: UserId, limits: Limits, place: Place) -> Result<Self, Error> {
        let id: FileId =
            uuid::Uuid::now_v7().simple().to_string().parse().expect("32 hexadecimal digits are a file id");
        let key = Key::of(&id);
        let upload = signer.storage().begin(&key).await?;
        Ok(Self { place, signer: signer.clone(), owner, id, key, upload, hash: Sha256::new(), size: 0, limits })
    }

    pub(crate) async fn write(&mut self, piece: Bytes) -> Result<(), Error> {
        let limit = self.limits.max_upload_bytes;
        self.size += piece.len() as u64;
        if self.size > limit {
            return Err(Error::TooLarge { limit });
        }
        self.signer.metrics().received(piece.len());
        self.hash.update(&piece);
        Ok(self.upload.write(piece).await?)
    }

    /// Of what was sent so far, and of what is said of it.
    pub(crate) fn fingerprint(&self, description: &Description) -> String {
        idempotency::fingerprint(&(hex::encode(self.hash.clone().finalize()), description))
    }

    /// Makes the file durable and lists it. Runs to its end even if the client leaves: between the object and its
    /// row nobody could say who has to clean up.
    pub(crate) async fn complete(self, description: Description) -> Result<File, Error> {
        let signer = self.signer.clone();
        let storing = signer.spawn(self.store(description));
        storing.await.unwrap_or_else(|_| Err(Error::Internal("storing a file panicked".into())))
    }

    /// Whatever fails, and however late, leaves no object behind: a rename or a PUT may have succeeded before it.
    async fn store(self, description: Description) -> Result<File, Error> {
        let (signer, id, key) = (self.signer.clone(), self.id.clone(), self.key.clone());
        let claimed = description.claimed.clone();
        let listed = self.list(description).await;
        if listed.is_err() {
            if let Some(key) = &claimed {
                idempotency::release(&signer, key).await;
            }
            let discarding = signer.spawn(discard(signer.clone(), id, key));
            let _ = tokio::time::timeout(DISCARD_PATIENCE, discarding).await;
        }
        listed
    }

    async fn list(self, description: Description) -> Result<File, Error> {
        let Self { place: _place, signer, owner, id, key, upload, hash, size, limits } = self;
        let stored = upload.finish().await?;
        if size != stored.size {
            return Err(Error::Internal(format!("{size} bytes were sent, {} stored", stored.size).into()));
        }
        let claimed = description.claimed.clone();
        let row = row(id, owner, &key, &stored, hex::encode(hash.finalize()), description);
        let file = File::from(row.clone());
        let (catalog, answered) = (signer.catalog(), claimed.map(|key| key.answered(&file)));
        let listed = match (limits.total_bytes, &answered) {
            (None, None) => catalog.insert(&row).await?,
            (total, answered) => catalog.insert_within(&row, total, answered.as_ref()).await?,
        };
        if listed { Ok(file) } else { Err(refusal(&signer, &row.owner, limits).await?) }
    }
}

pub(super) fn row(
    id: FileId,
    owner: UserId,
    key: &Key,
    stored: &Stored,
    sha256: String,
    description: Description,
) -> FileRow {
    FileRow {
        id,
        owner,
        job_id: description.job_id,
        object_key: key.as_str().into(),
        filename: description.filename,
        content_type: description.content_type,
        size: stored.size,
        etag: stored.etag.clone(),
        sha256: Some(sha256),
        metadata: description.metadata,
        created_at: clock::unix_millis(),
        modified_at: stored.modified_at,
        expires_at: description.expires_at,
        urls_revoked_before: None,
    }
}

/// Why a file was not listed.
async fn refusal(signer: &Signer, owner: &UserId, limits: Limits) -> Result<Error, Error> {
    let standing = signer.catalog().standing(owner).await?;
    Ok(match limits.total_bytes {
        Some(limit) if !standing.blocked && !standing.deleted => Error::OverQuota { limit },
        _ => Error::UserBlocked,
    })
}

/// Removes an object that got no row. If the catalog cannot say so the object stays: an orphan is collected later,
/// a row without bytes would be a lie.
async fn discard(signer: Signer, id: FileId, key: Key) {
    if !matches!(signer.catalog().has_row(&id).await, Ok(false)) {
        tracing::warn!(file = %id, "an object may be without a row");
        return;
    }
    if let Err(error) = signer.storage().delete(&key).await {
        tracing::warn!(file = %id, %error, "an object without a row could not be removed");
    }
}
