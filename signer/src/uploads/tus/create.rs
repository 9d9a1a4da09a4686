//! `POST /files/tus`: begins an upload, and takes what bytes of it the request brings along.

use super::{
    Share,
    answer::Standing,
    checksum::Checksum,
    ending,
    handle::Handle,
    headers::{self, Length, OFFSET_STREAM, UPLOAD_METADATA},
    metadata,
    receive::receive,
    terms::Terms,
};
use crate::{
    Signer,
    body::{Paced, declared_length},
    catalog::{Kind, State, Step, UploadRow},
    clock,
    error::Error,
    files::new_id,
    identity::Caller,
    rate_limit::Counted,
    storage::Key,
};
use axum::{
    body::{Body, HttpBody},
    extract::{MatchedPath, Request, State as Of},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// The handler. It answers with the URL of the upload, below its own.
pub(crate) async fn create(
    Of(signer): Of<Signer>,
    Counted(caller): Counted,
    path: MatchedPath,
    request: Request,
) -> Result<Response, Error> {
    let (head, body) = request.into_parts();
    let brings_bytes = brings_bytes(&head.headers, &body)?;
    let checksum = Checksum::read(&head.headers)?;
    let (upload, handle) = begin(&signer, &caller, &head.headers).await?;
    let mut standing = Standing::of(&upload);
    if brings_bytes || upload.declared_size == Some(0) {
        let declared = declared_length(&head.headers);
        let body = Paced::new(body, signer.config().upload_patience);
        let share = Share { offset: 0, declared, length: None, checksum, body };
        standing = match receive(&signer, &upload, share).await {
            Ok(standing) => standing,
            Err(error) => {
                // Nobody was told its URL.
                ending::end(&signer, &upload).await?;
                return Err(error);
            }
        };
    }
    let location = HeaderValue::from_str(&format!("{}/{}", path.as_str(), handle.reveal()));
    let location = location.map_err(|_| Error::Internal("a route that no header can hold".into()))?;
    let mut response = (StatusCode::CREATED, [(header::LOCATION, location)]).into_response();
    standing.write(response.headers_mut());
    Ok(response)
}

/// A body must say that it is the upload's first bytes.
fn brings_bytes(headers: &HeaderMap, body: &Body) -> Result<bool, Error> {
    match (body.is_end_stream(), headers::has_bytes(headers)) {
        (true, _) => Ok(false),
        (false, true) => Ok(true),
        (false, false) => Err(Error::MediaType { expected: OFFSET_STREAM }),
    }
}

/// Adds the row, before storage hears anything of it. What is declared counts against the owner's total from here on.
async fn begin(signer: &Signer, caller: &Caller, headers: &HeaderMap) -> Result<(UploadRow, Handle), Error> {
    let limits = caller.limits();
    let mut description = metadata::read(headers)?;
    let terms = Terms::of(limits, headers::one(headers, &UPLOAD_METADATA)?);
    let declared_size = match headers::new_length(headers)? {
        Length::Known(length) if length > limits.max_upload_bytes => {
            return Err(Error::TooLarge { limit: limits.max_upload_bytes });
        }
        Length::Known(length) => Some(length),
        Length::Deferred => None,
    };
    description.terms = Some(terms);
    let (handle, id, now) = (Handle::random()?, new_id(), clock::unix_millis());
    let upload = UploadRow {
        object_key: Key::of(&id).as_str().into(),
        id,
        owner: caller.id().clone(),
        kind: Kind::Tus,
        handle: Some(handle.hash()),
        state: State::Open,
        declared_size,
        description,
        received: 0,
        created_at: now,
        expires_at: now + Kind::Tus.lifetime(),
    };
    let progress = signer.storage().start(declared_size);
    match signer.catalog().begin_upload(&upload, &progress, limits.total_bytes).await? {
        Step::Done => {
            signer.metrics().uploads.begun("tus");
            Ok((upload, handle))
        }
        Step::NoRoom => Err(Error::OverQuota { limit: limits.total_bytes.unwrap_or_default() }),
        Step::Blocked | Step::Lost => Err(Error::UserBlocked),
    }
}
