//! The right to write an upload: one request has it at a time, on whatever machine.

use crate::{
    Signer,
    catalog::{Held, Hold, State, UploadRow},
    clock,
    error::Error,
};
use proto::id::FileId;

/// Held from before the first byte is read until the last is recorded.
pub(super) struct Lease {
    signer: Signer,
    upload: FileId,
    holder: String,
}

impl Lease {
    /// The right, and the upload as it stands now that nobody else moves it.
    pub(super) async fn take(signer: &Signer, upload: &UploadRow) -> Result<(Self, Held), Error> {
        let holder = uuid::Uuid::now_v7().simple().to_string();
        match signer.catalog().hold_upload(&upload.id, &holder, clock::unix_millis()).await? {
            Hold::Yes(held) => Ok((Self { signer: signer.clone(), upload: upload.id.clone(), holder }, *held)),
            Hold::Taken => Err(Error::UploadHeld),
            Hold::Over => Err(over(signer, upload).await?),
        }
    }

    pub(super) fn holder(&self) -> &str {
        &self.holder
    }

    /// Whether it is still ours: whoever stood still for too long may have been displaced.
    pub(super) async fn is_ours(&self) -> Result<bool, Error> {
        Ok(self.signer.catalog().is_held_by(&self.upload, &self.holder).await?)
    }

    /// The next request need not wait. One that cannot be given back runs out.
    pub(super) async fn release(self) {
        if let Err(error) = self.signer.catalog().release_upload(&self.upload, &self.holder).await {
            tracing::warn!(%error, "an upload is held until its lease has run out");
        }
    }
}

/// Why an upload that was there takes no more bytes.
pub(super) async fn over(signer: &Signer, upload: &UploadRow) -> Result<Error, Error> {
    let now = signer.catalog().own_upload(&upload.owner, &upload.id).await?;
    Ok(match now.map(|upload| upload.state) {
        None => Error::UploadNotFound,
        Some(State::Finished) => Error::UploadFinished,
        Some(State::Expired) => Error::UploadExpired,
        // Its time is up, or somebody else has it.
        Some(State::Open) if upload.expires_at <= clock::unix_millis() => Error::UploadExpired,
        Some(State::Open) => Error::UploadHeld,
    })
}
