//! The row that an upload of one request has from before its first byte until it is a file: so that clean-up finds what a
//! process that dies leaves behind, and so that what is on its way counts in its owner's total.

use crate::{
    Signer,
    catalog::{Advance, FileRow, Kind, State, Step, UploadRow},
    clock,
    error::Error,
    files::new_id,
    idempotency::Answered,
    storage::{Key, Progress},
    tiers::Limits,
    uploads::Description,
};
use proto::id::{FileId, UserId};
use std::{mem, time::Duration};
use tokio::{runtime::Handle, task::JoinHandle};

/// Milliseconds after which it is told again that the upload goes on.
const TELL_EVERY: i64 = 60_000;
/// How long a refusal waits for the clean-up behind it.
const PATIENCE: Duration = Duration::from_secs(5);

/// An upload's row. If this is dropped before the upload is a file, the upload is taken back.
pub(super) struct Reservation {
    signer: Signer,
    pub(super) id: FileId,
    pub(super) owner: UserId,
    limits: Limits,
    /// Unix milliseconds.
    tell_at: i64,
    is_open: bool,
}

impl Reservation {
    /// Takes room for `declared` bytes. Where that is not known, the end shows whether there was room.
    pub(super) async fn take(
        signer: &Signer,
        owner: UserId,
        limits: Limits,
        declared: Option<u64>,
    ) -> Result<Self, Error> {
        let (id, now) = (new_id(), clock::unix_millis());
        let row = UploadRow {
            id: id.clone(),
            owner: owner.clone(),
            kind: Kind::Stream,
            handle: None,
            state: State::Open,
            object_key: Key::of(&id).as_str().into(),
            declared_size: declared,
            description: Description::default(),
            received: 0,
            created_at: now,
            expires_at: now + Kind::Stream.lifetime(),
        };
        let total = limits.total_bytes.filter(|_| declared.is_some());
        let begun = signer.catalog().begin_upload(&row, &Progress::default(), total).await?;
        let mut taken = Self { signer: signer.clone(), id, owner, limits, tell_at: now + TELL_EVERY, is_open: false };
        if begun != Step::Done {
            return Err(taken.refusal(begun));
        }
        taken.is_open = true;
        Ok(taken)
    }

    /// So many bytes have come: now and then the catalog is told, or clean-up would take the upload for abandoned.
    pub(super) async fn go_on(&mut self, received: u64) -> Result<(), Error> {
        let now = clock::unix_millis();
        if now < self.tell_at {
            return Ok(());
        }
        self.tell_at = now + TELL_EVERY;
        let progress = Progress { offset: received, ..Progress::default() };
        let expires_at = now + Kind::Stream.lifetime();
        let step = Advance { holder: None, progress: &progress, hash_state: None, expires_at };
        match self.signer.catalog().advance_upload((&self.id, &self.owner), step, None, now).await? {
            Step::Done => Ok(()),
            step => Err(self.refusal(step)),
        }
    }

    /// Lists the file, whose object is durable; the row goes in the same transaction.
    pub(super) async fn become_file(&mut self, file: &FileRow, answered: Option<&Answered>) -> Result<(), Error> {
        let total = self.limits.total_bytes;
        match self.signer.catalog().finish_upload(file, None, total, answered).await? {
            Step::Done => {
                self.is_open = false;
                Ok(())
            }
            step => Err(self.refusal(step)),
        }
    }

    /// Takes the upload back. A refusal waits for that, but not for long: it goes on by itself.
    pub(super) async fn give_back(mut self) {
        if mem::take(&mut self.is_open) {
            let taking_back = self.take_back();
            let _ = tokio::time::timeout(PATIENCE, taking_back).await;
        }
    }

    fn take_back(&self) -> JoinHandle<()> {
        let (signer, id) = (self.signer.clone(), self.id.clone());
        self.signer.spawn(async move {
            if let Err(error) = signer.take_back_upload(&id).await {
                tracing::warn!(upload = %id, %error, "an upload is taken back later");
            }
        })
    }

    /// Why storing failed: of a user who was deleted meanwhile, what storage held may be gone already.
    pub(super) async fn reason(&self, error: Error) -> Error {
        match self.signer.catalog().standing(&self.owner).await {
            Ok(standing) if standing.blocked || standing.deleted => Error::UserBlocked,
            _ => error,
        }
    }

    fn refusal(&self, step: Step) -> Error {
        match (step, self.limits.total_bytes) {
            (Step::NoRoom, Some(limit)) => Error::OverQuota { limit },
            (Step::Lost, _) => Error::Internal("an upload under way was taken for abandoned".into()),
            _ => Error::UserBlocked,
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.is_open && Handle::try_current().is_ok() {
            self.take_back();
        }
    }
}
