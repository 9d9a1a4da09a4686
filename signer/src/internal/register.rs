//! `POST /internal/files`: an object that lies in storage becomes a user's file. Size and ETag are what storage says;
//! asked again for the same object and owner, they are read again, and the file keeps its id.

use super::{Service, fields, user, welcome};
use crate::{
    Signer,
    body::Fields,
    catalog::{Description, FileRow, Registered},
    clock,
    error::Error,
    files::{self, File, OneFile, Success, Uploaded},
    idempotency::{self, Begun, Key},
    storage::Stored,
};
use axum::extract::{Request, State};
use proto::{
    id::{FileId, UserId},
    media,
    storage::MANAGED_PREFIX,
};

/// As long as S3 takes it.
const MAX_PATH: usize = 1024;

/// What is asked.
struct Registration {
    owner: UserId,
    path: String,
    given: Description,
}

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
        Ok(Self { owner, path, given })
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
        let row = self.row(&stored);
        match signer.catalog().register(&row, &self.given, clock::unix_millis()).await? {
            Registered::File(row) => Ok((*row).into()),
            Registered::Taken => Err(Error::PathTaken),
        }
    }

    /// The file as it is if nobody registered it before.
    fn row(&self, stored: &Stored) -> FileRow {
        let given = self.given.clone();
        let id: FileId =
            uuid::Uuid::now_v7().simple().to_string().parse().expect("32 hexadecimal digits are a file id");
        let last = self.path.rsplit('/').next().unwrap_or_default();
        let filename = given.filename.unwrap_or_else(|| last.into());
        FileRow {
            id,
            owner: self.owner.clone(),
            job_id: given.job_id,
            object_key: self.path.clone(),
            content_type: given.content_type.unwrap_or_else(|| media::of_name(&filename).into()),
            filename,
            size: stored.size,
            etag: stored.etag.clone(),
            sha256: None,
            metadata: given.metadata.unwrap_or_default(),
            created_at: clock::unix_millis(),
            modified_at: stored.modified_at,
            expires_at: None,
            urls_revoked_before: None,
        }
    }
}

/// `path`: where the object lies below the storage's prefix. What the signer wrote itself has its owner already.
fn path(fields: &Fields) -> Result<String, Error> {
    const WHY: &str = "must be the object's path below STORAGE_URL: 1 to 1024 bytes, no empty segment, `.` or `..`";
    let path = fields.text("path", WHY)?.ok_or(Error::invalid("path", WHY))?;
    let is_plain = (1..=MAX_PATH).contains(&path.len()) && !path.chars().any(char::is_control);
    let is_segment = |segment: &str| !segment.is_empty() && segment != "." && segment != "..";
    // What the client for buckets would not send as it is, no gateway could ask for.
    if !is_plain || !path.split('/').all(is_segment) || object_store::path::Path::parse(path).is_err() {
        return Err(Error::invalid("path", WHY));
    }
    if path.starts_with(MANAGED_PREFIX) || format!("{path}/") == MANAGED_PREFIX {
        return Err(Error::invalid("path", "must not lie below `managed/`, where the signer keeps its own objects"));
    }
    Ok(path.into())
}
