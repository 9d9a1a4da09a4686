//! An upload that becomes no file. Its row ends first, so that nobody goes on with it and none can become a file; then
//! storage gives up whatever it holds of it. [`Signer::sweep`] does what is left undone here.

use crate::{Signer, clock, error::Error, storage::Key};
use proto::id::FileId;

impl Signer {
    /// Ends an upload of one request and forgets it, as if it had never been. What somebody else ended meanwhile may have been
    /// stored after they had looked; what is a file stays.
    ///
    /// # Errors
    /// Catalog or storage away. If the row could not be ended it will expire; if storage could not give up all of it,
    /// the next sweep sees to that.
    pub(crate) async fn take_back_upload(&self, upload: &FileId) -> Result<(), Error> {
        self.catalog().end_upload(upload).await?;
        self.forget_upload(upload).await
    }

    /// Storage gives up what it holds of an upload that has just ended, and nothing is left of it.
    pub(super) async fn forget_upload(&self, upload: &FileId) -> Result<(), Error> {
        self.discard_upload(upload).await?;
        Ok(self.catalog().remove_upload(upload).await?)
    }

    /// Storage gives up what it holds of an ended upload, and the row says so.
    pub(crate) async fn clear_upload(&self, id: &str, object_key: &str) -> Result<(), Error> {
        let foreign = || Error::Internal(format!("{object_key} is no upload's key").into());
        let upload = id.parse().map_err(|_| foreign())?;
        if Key::managed(object_key).is_none_or(|key| key != Key::of(&upload)) {
            return Err(foreign());
        }
        self.discard_upload(&upload).await?;
        Ok(self.catalog().upload_is_gone(id, clock::unix_millis()).await?)
    }

    /// What was begun goes, and an object that was finished before its row could be. None that has one.
    async fn discard_upload(&self, upload: &FileId) -> Result<(), Error> {
        let key = Key::of(upload);
        let discarded = self.storage().discard(&key).await;
        if !self.catalog().has_row(upload).await? {
            self.storage().delete(&key).await?;
        }
        Ok(discarded?)
    }
}
