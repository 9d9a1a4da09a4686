//! An upload being written by one request: bytes go to storage as they arrive, and every few seconds what came so far is
//! made durable and recorded. Only what is recorded was ever received; the rest is thrown away by whoever goes on.

use super::{
    answer::Standing,
    ending,
    lease::{Lease, over},
};
use crate::{
    Signer,
    catalog::{Advance, Held, Kind, Step, UploadRow},
    clock,
    error::Error,
    storage::{self, Failure, Key, Progress, RunningHash},
    uploads::{intake::row, media},
};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;

/// Between two records while bytes arrive; well within a lease.
const RECORD_EVERY: Duration = Duration::from_secs(3);

/// What is recorded of an upload: where another request would go on.
struct Record {
    progress: Progress,
    hash_state: Option<String>,
}

/// An upload and everything that its writer needs.
pub(super) struct Writing<'a> {
    signer: &'a Signer,
    lease: &'a Lease,
    upload: UploadRow,
    key: Key,
    storage: storage::Upload,
    /// Bytes taken so far, recorded or not.
    taken: u64,
    record: Record,
    recorded_at: Instant,
    expires_at: i64,
}

impl<'a> Writing<'a> {
    /// Goes on where the record says.
    pub(super) async fn open(signer: &'a Signer, lease: &'a Lease, held: Held) -> Result<Self, Error> {
        let Held { upload, progress, hash_state } = held;
        let key = Key::managed(&upload.object_key).ok_or(broken("its key is not ours"))?;
        let hash = match &hash_state {
            None if progress.offset == 0 => Some(RunningHash::default()),
            None => None,
            Some(state) => RunningHash::resume(state),
        };
        let mut storage = match signer.storage().resume(&key, progress.clone()).await {
            Err(lost @ Failure::Lost(_)) => {
                tracing::error!(file = %upload.id, error = %lost, "an upload's bytes are gone");
                ending::end(signer, &upload).await?;
                return Err(Error::UploadExpired);
            }
            resumed => resumed.map_err(busy)?,
        };
        storage.resume_hash(hash.ok_or(broken("its hash cannot be read"))?);
        Ok(Self {
            signer,
            lease,
            key,
            storage,
            taken: progress.offset,
            record: Record { progress, hash_state },
            recorded_at: Instant::now(),
            expires_at: upload.expires_at,
            upload,
        })
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// The length of the whole, once it is known.
    pub(super) fn length(&self) -> Option<u64> {
        self.upload.declared_size
    }

    /// How many bytes it may hold at most.
    pub(super) fn limit(&self) -> u64 {
        let agreed = self.upload.description.terms.as_ref().map_or(0, |terms| terms.max_bytes);
        self.length().unwrap_or(agreed)
    }

    pub(super) fn is_whole(&self) -> bool {
        self.length() == Some(self.taken)
    }

    /// Whether bytes came of which no record tells.
    fn is_ahead(&self) -> bool {
        self.taken > self.record.progress.offset
    }

    /// Whether it is time for [`Writing::record`], or, where nothing may be recorded yet, for [`Writing::stay`].
    pub(super) fn is_due(&self) -> bool {
        self.is_ahead() && self.recorded_at.elapsed() >= RECORD_EVERY
    }

    /// The length that was deferred: it counts against its owner's total from now on.
    pub(super) async fn declare(&mut self, length: u64) -> Result<(), Error> {
        let (upload, total) = (&self.upload, self.total());
        let whose = (&upload.id, &upload.owner);
        let step = self.signer.catalog().declare_upload(whose, self.lease.holder(), length, total).await?;
        self.done(step).await?;
        self.upload.declared_size = Some(length);
        Ok(())
    }

    /// Takes a piece, if it still fits.
    pub(super) async fn write(&mut self, piece: Bytes) -> Result<(), Failure> {
        self.signer.metrics().uploads.received(piece.len());
        self.taken += piece.len() as u64;
        self.storage.write(piece).await
    }

    /// Makes everything taken so far durable, and says so to whoever asks from now on.
    pub(super) async fn record(&mut self) -> Result<(), Error> {
        let progress = self.storage.checkpoint().await?.clone();
        self.record = Record { progress, hash_state: Some(self.storage.hash().await?.state()) };
        self.advance().await
    }

    /// Holds on without recording anything: what came may still turn out to be none of it.
    pub(super) async fn stay(&mut self) -> Result<(), Error> {
        self.advance().await
    }

    async fn advance(&mut self) -> Result<(), Error> {
        let now = clock::unix_millis();
        let Record { progress, hash_state } = &self.record;
        let (holder, hash_state) = (Some(self.lease.holder()), hash_state.as_deref());
        let expires_at = now + Kind::Tus.lifetime();
        let step = Advance { holder, progress, hash_state, expires_at };
        // What was declared was counted then.
        let total = self.total().filter(|_| self.length().is_none());
        let whose = (&self.upload.id, &self.upload.owner);
        let step = self.signer.catalog().advance_upload(whose, step, total, now).await?;
        self.done(step).await?;
        (self.recorded_at, self.expires_at) = (Instant::now(), expires_at);
        Ok(())
    }

    /// Leaves it for another request, with everything recorded.
    pub(super) async fn put_down(mut self) -> Result<Standing, Error> {
        if self.is_ahead() {
            self.record().await?;
        }
        Ok(Standing {
            offset: self.record.progress.offset,
            expires_at: self.expires_at,
            file: None,
            warnings: Vec::new(),
        })
    }

    /// Makes the whole of it a file: the object first, the row second.
    ///
    /// What storage does here it can do again, after a crash, from a record of every byte; or from none, if the client
    /// has to send all of it again anyway.
    pub(super) async fn finish(mut self) -> Result<Standing, Error> {
        let was_recorded = self.record.progress.offset > 0;
        if self.is_ahead() && was_recorded {
            self.record().await?;
        }
        let Self { signer, lease, upload, key, mut storage, taken, .. } = self;
        let sha256 = hex::encode(storage.hash().await?.clone().finish());
        let stored = storage.finish().await.map_err(busy)?;
        if stored.size != taken {
            return Err(Error::Internal(format!("{taken} bytes were sent, {} stored", stored.size).into()));
        }
        let UploadRow { id, owner, mut description, expires_at, .. } = upload.clone();
        let warnings = media::inspect(signer.storage(), (&key, taken), &mut description).await?;
        let file = row((id, owner), &key, &stored, Some(sha256), description);
        let step = signer.catalog().finish_upload(&file, Some(lease.holder()), None, None).await?;
        if let Err(refused) = done(signer, &upload, step).await {
            // Whoever ended it meanwhile could not see its object yet.
            if matches!(refused, Error::UploadNotFound | Error::UploadExpired) {
                signer.storage().delete(&key).await?;
            }
            return Err(refused);
        }
        if was_recorded {
            // What the records needed. Not before the row: a crash in between is healed by them.
            signer.spawn(ending::tidy(signer.clone(), key));
        }
        Ok(Standing { offset: taken, expires_at, file: Some(file.id.to_string()), warnings })
    }

    fn total(&self) -> Option<u64> {
        self.upload.description.terms.as_ref()?.total_bytes
    }

    async fn done(&self, step: Step) -> Result<(), Error> {
        done(self.signer, &self.upload, step).await
    }
}

/// The refusal that a step in the catalog ended in, if it did. Whose owner may not store anything has no uploads either.
async fn done(signer: &Signer, upload: &UploadRow, step: Step) -> Result<(), Error> {
    match step {
        Step::Done => Ok(()),
        Step::Lost => Err(over(signer, upload).await?),
        Step::NoRoom => {
            let limit = upload.description.terms.as_ref().and_then(|terms| terms.total_bytes);
            Err(Error::OverQuota { limit: limit.unwrap_or_default() })
        }
        Step::Blocked => {
            ending::end(signer, upload).await?;
            Err(Error::UserBlocked)
        }
    }
}

/// Another process writes it, or was faster to end it.
fn busy(failure: Failure) -> Error {
    match failure {
        Failure::Busy => Error::UploadHeld,
        failure => failure.into(),
    }
}

fn broken(why: &str) -> Error {
    Error::Internal(format!("an upload cannot be gone on with: {why}").into())
}
