//! The one way a file comes in by one request: a reservation first, the object durable second, listed last. Nothing is
//! acknowledged before all are, and an intake that is dropped leaves nothing behind.

use super::Terms;
use crate::{
    Signer,
    catalog::FileRow,
    clock,
    error::Error,
    files::{File, Uploaded},
    idempotency,
    observe::UnderWay,
    storage::{Key, Stored, Upload},
    tiers::Limits,
    uploads::{media, reservation::Reservation},
};
use bytes::Bytes;
use proto::id::{FileId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio::sync::OwnedSemaphorePermit;

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
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: UnderWay,
}

impl Place {
    /// Refuses at once when there is none: whoever waited would hold its connection and time out.
    pub(crate) fn take(signer: &Signer) -> Result<Self, Error> {
        let permit = signer.upload_places().try_acquire_owned().map_err(|_| Error::Overloaded)?;
        Ok(Self { _permit: permit, _counted: signer.metrics().uploads.under_way() })
    }
}

/// A file on its way in.
pub(crate) struct Intake {
    /// Goes first: what storage has begun is ended before the row is.
    upload: Upload,
    reservation: Reservation,
    place: Place,
    signer: Signer,
    size: u64,
    limits: Limits,
}

impl Intake {
    /// `declared` is the file's length in bytes, if that is known.
    pub(crate) async fn begin(
        signer: &Signer,
        owner: UserId,
        limits: Limits,
        place: Place,
        declared: Option<u64>,
    ) -> Result<Self, Error> {
        let reservation = Reservation::take(signer, owner, limits, declared).await?;
        let upload = signer.storage().begin(&Key::of(&reservation.id)).await?;
        Ok(Self { upload, reservation, place, signer: signer.clone(), size: 0, limits })
    }

    pub(crate) async fn write(&mut self, piece: Bytes) -> Result<(), Error> {
        let limit = self.limits.max_upload_bytes;
        self.size += piece.len() as u64;
        if self.size > limit {
            return Err(Error::TooLarge { limit });
        }
        self.signer.metrics().uploads.received(piece.len());
        if let Err(failure) = self.upload.write(piece).await {
            return Err(self.reservation.reason(failure.into()).await);
        }
        self.reservation.go_on(self.size).await
    }

    /// Of what was sent so far.
    pub(crate) async fn sha256(&mut self) -> Result<[u8; 32], Error> {
        match self.upload.hash().await {
            Ok(hash) => Ok(hash.clone().finish()),
            Err(failure) => Err(self.reservation.reason(failure.into()).await),
        }
    }

    /// Of what was sent so far, and of what is said of it.
    pub(crate) async fn fingerprint(&mut self, description: &Description) -> Result<String, Error> {
        Ok(idempotency::fingerprint(&(hex::encode(self.sha256().await?), description)))
    }

    /// Makes the file durable and lists it. Runs to its end even if the client leaves: between the object and its
    /// row nobody could say who has to clean up.
    pub(crate) async fn complete(self, description: Description) -> Result<Uploaded, Error> {
        let signer = self.signer.clone();
        let storing = signer.spawn(self.store(description));
        storing.await.unwrap_or_else(|_| Err(Error::Internal("storing a file panicked".into())))
    }

    /// Whatever fails, and however late, leaves no object behind: a rename or a PUT may have succeeded before it.
    async fn store(self, description: Description) -> Result<Uploaded, Error> {
        let Self { upload, mut reservation, place: _place, signer, size, .. } = self;
        let claimed = description.claimed.clone();
        let refusal = match list(&signer, &mut reservation, (upload, size), description).await {
            Ok(uploaded) => return Ok(uploaded),
            Err(error) => reservation.reason(error).await,
        };
        if let Some(key) = &claimed {
            idempotency::release(&signer, key).await;
        }
        reservation.give_back().await;
        Err(refusal)
    }
}

async fn list(
    signer: &Signer,
    reservation: &mut Reservation,
    (mut upload, size): (Upload, u64),
    mut description: Description,
) -> Result<Uploaded, Error> {
    let sha256 = hex::encode(upload.hash().await?.clone().finish());
    let stored = upload.finish().await?;
    if size != stored.size {
        return Err(Error::Internal(format!("{size} bytes were sent, {} stored", stored.size).into()));
    }
    let key = Key::of(&reservation.id);
    let warnings = media::inspect(signer.storage(), (&key, size), &mut description).await?;
    let claimed = description.claimed.clone();
    let row = row((reservation.id.clone(), reservation.owner.clone()), &key, &stored, Some(sha256), description);
    let uploaded = Uploaded { file: File::from(row.clone()), warnings };
    let answered = claimed.map(|key| key.answered(&uploaded));
    reservation.become_file(&row, answered.as_ref()).await?;
    Ok(uploaded)
}

pub(super) fn row(
    (id, owner): (FileId, UserId),
    key: &Key,
    stored: &Stored,
    sha256: Option<String>,
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
        sha256,
        metadata: description.metadata,
        created_at: clock::unix_millis(),
        modified_at: stored.modified_at,
        expires_at: description.expires_at,
        urls_revoked_before: None,
    }
}
