//! `POST /internal/files`: an object that lies in storage becomes a user's file. Size and ETag are what storage says;
//! asked again for the same object and owner, they are read again, and the file keeps its id.

use super::{Service, fields, user, welcome};
use crate::{
    Signer,
    body::Fields,
    catalog::{Candidate, Description, Registered},
    clock,
    error::Error,
    files::{self, File, OneFile, Success, Uploaded},
    idempotency::{self, Begun, Key},
    registration::{PATH, Registration, checked_path},
};
use axum::extract::{Request, State};
use proto::media;

/// The handler. What was begun is done to its end, whether or not the service waits for it.
pub(crate) async fn register(
    State(signer): State<Signer>,
    service: Service,
    request: Request,
) -> Result<Success<OneFile>, Error> {
    let key = idempotency::key(request.headers(), service.actor())?;
    let registration = Registration::read(&fields(&signer, request).await?)?;
    let work = signer.spawn(registration.once(signer.clone(), key));
    let file = work.await.unwrap_or_else(|_| Err(Error::Internal("registering a file panicked".into())))?;
    Ok(Success::of(OneFile { file }))
}

impl Registration {
    fn read(fields: &Fields) -> Result<Self, Error> {
        let (owner, path) = (user(fields)?, path(fields)?);
        let given = Description {
            filename: files::filename(fields)?.map(Into::into),
            content_type: fields.text("content_type", "must be a media type")?.map(media::parse),
            job_id: fields.text("job_id", "must be a text")?.map(|text| files::job_id(text.into())).transpose()?,
            metadata: files::metadata(fields)?,
        };
        Ok(Self { owner, path, given, id: None, created_at: None })
    }

    async fn once(self, signer: Signer, key: Option<Key>) -> Result<File, Error> {
        let Some(key) = key else { return self.perform(&signer).await };
        let fingerprint = idempotency::fingerprint(&(self.owner.as_str(), &self.path, &self.given));
        if let Begun::Before(before) = idempotency::begin(&signer, &key, &fingerprint).await? {
            return Ok(before.file);
        }
        let done = self.perform(&signer).await;
        match &done {
            Ok(file) => signer.catalog().settle(&key.answered(&Uploaded::from(file.clone()))).await?,
            Err(_) => idempotency::release(&signer, &key).await,
        }
        done
    }

    async fn perform(self, signer: &Signer) -> Result<File, Error> {
        welcome(signer, &self.owner).await?;
        let stored = signer.storage().look(&self.path).await?.ok_or(Error::ObjectNotFound)?;
        let now = clock::unix_millis();
        let candidate = Candidate { file: self.row(&stored, now), given: self.given, keeps_id: false };
        match signer.catalog().register(&candidate, now).await? {
            Registered::File { row, .. } => Ok((*row).into()),
            // A user who was blocked since is told so by whatever is asked next.
            Registered::Taken | Registered::IdTaken | Registered::Known(_) | Registered::Barred => {
                Err(Error::PathTaken)
            }
        }
    }
}

/// `path`, which must be there.
fn path(fields: &Fields) -> Result<String, Error> {
    let path = fields.text("path", PATH)?.ok_or(Error::invalid("path", PATH))?;
    checked_path(path).map(Into::into).map_err(|why| Error::invalid("path", why))
}
