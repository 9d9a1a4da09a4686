//! An upload that ends without a file: its row says so first, so that nobody goes on with it; then storage lets go of its
//! bytes. What is left undone here is found by the row.

use crate::{Signer, catalog::UploadRow, error::Error, storage::Key};
use std::time::Duration;

/// How long an answer waits for storage.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends an open upload. False if it is over already.
pub(super) async fn end(signer: &Signer, upload: &UploadRow) -> Result<bool, Error> {
    if !signer.catalog().end_upload(&upload.id).await? {
        return Ok(false);
    }
    let (clearing, upload) = (signer.clone(), upload.clone());
    let cleared = signer.spawn(async move {
        if let Err(error) = clear(&clearing, &upload).await {
            tracing::warn!(file = %upload.id, %error, "what is left of an upload is cleared away later");
        }
    });
    let _ = tokio::time::timeout(PATIENCE, cleared).await;
    Ok(true)
}

/// Removes what is left beside the object of an upload that is a file.
pub(super) async fn tidy(signer: Signer, key: Key) {
    if let Err(error) = signer.storage().discard(&key).await {
        tracing::warn!(%error, "what is left of a finished upload is cleared away later");
    }
}

/// Its object too, which has no row: it was complete when its owner was found to be blocked.
async fn clear(signer: &Signer, upload: &UploadRow) -> Result<(), Error> {
    if let Some(key) = Key::managed(&upload.object_key) {
        signer.storage().discard(&key).await?;
        signer.storage().delete(&key).await?;
    }
    Ok(signer.catalog().remove_upload(&upload.id).await?)
}
