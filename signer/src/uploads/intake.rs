//! The one way a file comes in, whoever sends it: object durable first, row second. Nothing is acknowledged
//! before both are, and an intake that is dropped leaves nothing behind.

use crate::{
    Signer,
    catalog::FileRow,
    clock,
    error::Error,
    files::File,
    storage::{Key, Stored, Upload},
};
use bytes::Bytes;
use proto::id::{FileId, UserId};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What is said of a file beside its bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Description {
    pub(crate) filename: String,
    pub(crate) content_type: String,
    pub(crate) job_id: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// Unix seconds.
    pub(crate) expires_at: Option<u64>,
}

/// A file on its way in.
pub(crate) struct Intake {
    signer: Signer,
    owner: UserId,
    id: FileId,
    key: Key,
    upload: Upload,
    hash: Sha256,
    size: u64,
}

impl Intake {
    pub(crate) async fn begin(signer: &Signer, owner: UserId) -> Result<Self, Error> {
        let id: FileId =
            uuid::Uuid::now_v7().simple().to_string().parse().expect("32 hexadecimal digits are a file id");
        let key = Key::of(&id);
        let upload = signer.storage().begin(&key).await?;
        Ok(Self { signer: signer.clone(), owner, id, key, upload, hash: Sha256::new(), size: 0 })
    }

    pub(crate) async fn write(&mut self, piece: Bytes) -> Result<(), Error> {
        let limit = self.signer.config().max_upload_bytes;
        self.size += piece.len() as u64;
        if self.size > limit {
            return Err(Error::TooLarge { limit });
        }
        self.signer.metrics().received(piece.len());
        self.hash.update(&piece);
        Ok(self.upload.write(piece).await?)
    }

    /// Makes the file durable and lists it. Runs to its end even if the client leaves: between the object and its
    /// row nobody could say who has to clean up.
    pub(crate) async fn complete(self, description: Description) -> Result<File, Error> {
        let signer = self.signer.clone();
        let storing = signer.spawn(self.store(description));
        storing.await.unwrap_or_else(|_| Err(Error::Internal("storing a file panicked".into())))
    }

    async fn store(self, description: Description) -> Result<File, Error> {
        let Self { signer, owner, id, key, upload, hash, size } = self;
        let stored = upload.finish().await?;
        let sha256 = hex::encode(hash.finalize());
        let row = row(id, owner, &key, &stored, sha256, description);
        let listed = match size == stored.size {
            true => signer.catalog().insert(&row).await.map_err(Error::from),
            false => Err(Error::Internal(format!("{size} bytes were sent, {} stored", stored.size).into())),
        };
        match listed {
            Ok(true) => Ok(row.into()),
            Ok(false) => {
                discard(&signer, &row.id, &key).await;
                Err(Error::UserBlocked)
            }
            Err(error) => {
                discard(&signer, &row.id, &key).await;
                Err(error)
            }
        }
    }
}

fn row(id: FileId, owner: UserId, key: &Key, stored: &Stored, sha256: String, description: Description) -> FileRow {
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

/// Removes an object that got no row. If the catalog cannot say so the object stays: an orphan is collected later,
/// a row without bytes would be a lie.
async fn discard(signer: &Signer, id: &FileId, key: &Key) {
    if !matches!(signer.catalog().has_row(id).await, Ok(false)) {
        tracing::warn!(file = %id, "an object may be without a row");
        return;
    }
    if let Err(error) = signer.storage().delete(key).await {
        tracing::warn!(file = %id, %error, "an object without a row could not be removed");
    }
}
