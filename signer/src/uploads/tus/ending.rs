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
    let (forgetting, id) = (signer.clone(), upload.id.clone());
    let forgotten = signer.spawn(async move {
        if let Err(error) = forgetting.forget_upload(&id).await {
            tracing::warn!(file = %id, %error, "what is left of an upload is cleared away later");
        }
    });
    let _ = tokio::time::timeout(PATIENCE, forgotten).await;
    Ok(true)
}

/// Removes what is left beside the object of an upload that is a file.
pub(super) async fn tidy(signer: Signer, key: Key) {
    if let Err(error) = signer.storage().discard(&key).await {
        tracing::warn!(%error, "what is left of a finished upload is cleared away later");
    }
}
