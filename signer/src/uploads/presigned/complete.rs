//! What a client put into the bucket becomes a file. The URL that it was put with may still be valid, so the object is a
//! copy of what was looked at, made by storage under its ETag.

use super::bucket;
use crate::{
    Signer,
    catalog::{FileRow, Hold, Kind, State, Step, UploadRow},
    clock,
    error::Error,
    files::{File, Success, Uploaded},
    identity::Caller,
    storage::{Failure, Key},
    uploads::{counted, intake, media},
};
use axum::{
    extract::{FromRequestParts, Path, State as Extracted},
    http::request::Parts,
};
use proto::id::{FileId, UserId};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often the right to finish an upload is renewed while storage copies: it lasts longer than that.
const RENEWED_EVERY: Duration = Duration::from_secs(3);

/// The upload id in a path.
pub(crate) struct Named(FileId);

impl FromRequestParts<Signer> for Named {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, signer: &Signer) -> Result<Self, Error> {
        let Path(id) = Path::<String>::from_request_parts(parts, signer).await.map_err(|_| Error::UploadNotFound)?;
        id.parse().map(Self).map_err(|_| Error::UploadNotFound)
    }
}

/// The handler. What was begun is done to its end, whether or not the client waits for it; asked again, it answers the
/// same file.
pub(crate) async fn complete(
    Extracted(signer): Extracted<Signer>,
    caller: Caller,
    Named(id): Named,
) -> Result<Success<Uploaded>, Error> {
    bucket(&signer)?;
    let work = signer.spawn(once(signer.clone(), caller.id().clone(), id));
    counted(&signer, async {
        work.await.unwrap_or_else(|_| Err(Error::Internal("completing an upload panicked".into())))
    })
    .await
}

async fn once(signer: Signer, owner: UserId, id: FileId) -> Result<Uploaded, Error> {
    let upload = own(&signer, &owner, &id).await?.ok_or(Error::UploadNotFound)?;
    let holder = uuid::Uuid::now_v7().simple().to_string();
    let completion = Completion { signer: &signer, upload: &upload, holder: &holder };
    if upload.state == State::Finished {
        // The URL may have been used since.
        completion.discard_soon(Key::of(&id));
        return told_again(&signer, &owner, &id).await;
    }
    match signer.catalog().hold_upload(&id, &holder, clock::unix_millis()).await? {
        Hold::Yes(_) => completion.run().await,
        Hold::Taken => Err(Error::UploadHeld),
        Hold::Over => completion.over().await,
    }
}

async fn own(signer: &Signer, owner: &UserId, id: &FileId) -> Result<Option<UploadRow>, Error> {
    let upload = signer.catalog().own_upload(owner, id).await?;
    Ok(upload.filter(|upload| upload.kind == Kind::Presigned))
}

async fn told_again(signer: &Signer, owner: &UserId, id: &FileId) -> Result<Uploaded, Error> {
    let row = signer.catalog().own_file(owner, id, clock::unix_seconds()).await?;
    row.map(|row| File::from(row).into()).ok_or(Error::FileNotFound)
}

/// An upload that is ours to finish.
struct Completion<'a> {
    signer: &'a Signer,
    upload: &'a UploadRow,
    holder: &'a str,
}

impl Completion<'_> {
    async fn run(&self) -> Result<Uploaded, Error> {
        let done = self.perform().await;
        if done.is_err()
            && let Err(error) = self.signer.catalog().release_upload(&self.upload.id, self.holder).await
        {
            tracing::warn!(%error, "an upload is held until its lease has run out");
        }
        done
    }

    async fn perform(&self) -> Result<Uploaded, Error> {
        let key = Key::of(&self.upload.id);
        let (row, warnings) = self.while_held(self.accept(&key)).await?;
        // What was declared was counted when the upload began.
        match self.signer.catalog().finish_upload(&row, Some(self.holder), None, None).await? {
            Step::Done => {
                self.discard_soon(key);
                Ok(Uploaded { file: row.into(), warnings })
            }
            Step::Lost => self.over().await,
            // It stays open until it expires, and its object with it.
            Step::Blocked | Step::NoRoom => Err(Error::UserBlocked),
        }
    }

    /// The object under its key, and its row as it would be.
    async fn accept(&self, key: &Key) -> Result<(FileRow, Vec<String>), Error> {
        let UploadRow { id, owner, declared_size, description, .. } = self.upload.clone();
        let bucket = bucket(self.signer)?;
        let put = bucket.incoming(key).await?.filter(|put| Some(put.size) == declared_size);
        let put = put.ok_or(Error::UploadIncomplete)?;
        let stored = bucket.accept(key, &put.etag, put.size).await.map_err(|failure| match failure {
            Failure::Lost(_) => Error::UploadIncomplete,
            failure => failure.into(),
        })?;
        let mut description = description;
        let warnings = media::inspect(self.signer.storage(), (key, stored.size), &mut description).await?;
        Ok((intake::row((id, owner), key, &stored, None, description), warnings))
    }

    /// Does something long, and holds on meanwhile.
    async fn while_held<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let mut renewal = interval(RENEWED_EVERY);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = renewal.tick() => {
                    let held = self.signer.catalog().hold_upload(&self.upload.id, self.holder, clock::unix_millis());
                    if !matches!(held.await?, Hold::Yes(_)) {
                        return Err(Error::UploadHeld);
                    }
                }
            }
        }
    }

    /// It is not open any more: a file by now, or nothing.
    async fn over(&self) -> Result<Uploaded, Error> {
        let UploadRow { id, owner, .. } = self.upload;
        match own(self.signer, owner, id).await?.map(|upload| upload.state) {
            None => Err(Error::UploadNotFound),
            Some(State::Finished) => told_again(self.signer, owner, id).await,
            Some(State::Expired) => {
                // Nobody can finish it now, and whoever ended it may not have seen its object yet.
                self.signer.storage().delete(&Key::of(id)).await?;
                Err(Error::UploadExpired)
            }
            Some(State::Open) if self.upload.expires_at <= clock::unix_millis() => Err(Error::UploadExpired),
            Some(State::Open) => Err(Error::UploadHeld),
        }
    }

    fn discard_soon(&self, key: Key) {
        let signer = self.signer.clone();
        self.signer.spawn(async move {
            if let Err(error) = signer.storage().discard(&key).await {
                tracing::warn!(%error, "what was put and accepted lies there still");
            }
        });
    }
}
