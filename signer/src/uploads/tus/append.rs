//! `PATCH /files/tus/{handle}`: the next bytes. `HEAD`: where they begin. `DELETE`: no more of it.

use super::{
    Share,
    answer::{Standing, describe},
    checksum::Checksum,
    ending,
    headers::{self, OFFSET_STREAM},
    presented::presented,
    receive::receive,
};
use crate::{
    Signer,
    body::{Paced, declared_length},
    catalog::{State, UploadRow},
    error::Error,
    identity::Caller,
};
use axum::{
    body::Body,
    extract::{FromRequestParts, Request, State as Of},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

/// What `POST` of an upload is, for clients that can send nothing else.
const METHOD_OVERRIDE: &str = "x-http-method-override";
const METHODS: &str = "HEAD,PATCH,DELETE,OPTIONS,POST";

/// `PATCH`.
pub(crate) async fn append(Of(signer): Of<Signer>, request: Request) -> Result<Response, Error> {
    let (mut head, body) = request.into_parts();
    let upload = presented(&signer, &mut head).await?;
    let headers = &head.headers;
    if !headers::has_bytes(headers) {
        return Err(Error::MediaType { expected: OFFSET_STREAM });
    }
    let offset = headers::offset(headers)?;
    let (length, checksum) = (headers::length(headers)?, Checksum::read(headers)?);
    let body = Paced::new(body, signer.config().upload_patience);
    let share = Share { offset, declared: declared_length(headers), length, checksum, body };
    let standing = match upload.state {
        State::Finished => nothing_more(&upload, share).await?,
        State::Open | State::Expired => receive(&signer, &upload, share).await?,
    };
    let mut response = StatusCode::NO_CONTENT.into_response();
    standing.write(response.headers_mut());
    Ok(response)
}

/// A client that lost the last answer may ask for it again, with the nothing that is left to send.
async fn nothing_more(upload: &UploadRow, mut share: Share) -> Result<Standing, Error> {
    if share.offset == upload.received && share.body.next().await?.is_none_or(|piece| piece.is_empty()) {
        return Ok(Standing::of(upload));
    }
    Err(Error::UploadFinished)
}

/// `HEAD`. An offset at the end says that there is a file; so one that was left there, by a crash or a failure between
/// its last byte and its row, becomes one first.
pub(crate) async fn look(Of(signer): Of<Signer>, request: Request) -> Result<Response, Error> {
    let (mut head, _) = request.into_parts();
    let upload = presented(&signer, &mut head).await?;
    let is_whole = upload.state == State::Open && upload.declared_size == Some(upload.received);
    let standing = match is_whole {
        true => receive(&signer, &upload, nothing(&signer, upload.received)).await?,
        false => Standing::of(&upload),
    };
    let mut response = StatusCode::OK.into_response();
    describe(&upload, response.headers_mut());
    standing.write(response.headers_mut());
    Ok(response)
}

fn nothing(signer: &Signer, offset: u64) -> Share {
    let body = Paced::new(Body::empty(), signer.config().upload_patience);
    Share { offset, declared: None, length: None, checksum: None, body }
}

/// `DELETE`. What is a file already is deleted as one.
pub(crate) async fn remove(Of(signer): Of<Signer>, request: Request) -> Result<Response, Error> {
    let (mut head, _) = request.into_parts();
    Caller::from_request_parts(&mut head, &signer).await?;
    let upload = presented(&signer, &mut head).await?;
    if upload.state == State::Finished {
        return Err(Error::UploadFinished);
    }
    match ending::end(&signer, &upload).await? {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(super::lease::over(&signer, &upload).await?),
    }
}

/// `POST` with `X-HTTP-Method-Override` (TUS 1.0.0, core).
pub(crate) async fn overridden(signer: Of<Signer>, request: Request) -> Result<Response, Response> {
    let meant = request.headers().get(METHOD_OVERRIDE).map(|value| value.as_bytes().to_owned());
    match meant.as_deref() {
        Some(b"PATCH") => append(signer, request).await,
        Some(b"DELETE") => remove(signer, request).await,
        Some(b"HEAD") => look(signer, request).await,
        _ => return Err(([(header::ALLOW, METHODS)], Error::MethodNotAllowed).into_response()),
    }
    .map_err(IntoResponse::into_response)
}
