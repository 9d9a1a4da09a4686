//! Files on their way in: a browser's form in one request, or by [`tus`] in as many as it takes.
//!
//! | step of a form | where |
//! |---|---|
//! | take a place among the uploads under way, which are bounded | [`intake`] |
//! | split the body into parts, within bounds | [`form`] |
//! | read a part's name and file name | [`disposition`] |
//! | collect the text parts | [`fields`] |
//! | stream the file, hash it, make it durable, then list it | [`intake`] |

mod disposition;
mod fields;
mod form;
mod intake;
mod running_hash;
pub(crate) mod tus;

pub(crate) use intake::{Description, Intake, Place};
pub(crate) use tus::Terms;

use crate::{
    Signer,
    body::{Paced, declared_length},
    error::Error,
    files::{File, OneFile, Success},
    idempotency::{self, Begun},
    identity::Caller,
    rate_limit::Counted,
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::HeaderMap,
};
use fields::TextFields;
use form::{FilePart, Form, Part};

/// What the parts around the file may add to the body, in bytes.
const FORM_ROOM: u64 = 1 << 20;

/// Counts an upload by how it ended; one that is dropped was cut by its client.
struct Outcome<'a> {
    signer: &'a Signer,
    result: &'static str,
}

impl Drop for Outcome<'_> {
    fn drop(&mut self) {
        self.signer.metrics().upload(self.result);
    }
}

/// The handler.
pub(crate) async fn upload(
    State(signer): State<Signer>,
    Counted(caller): Counted,
    request: Request,
) -> Result<Success<OneFile>, Error> {
    let mut outcome = Outcome { signer: &signer, result: "cut" };
    let (head, body) = request.into_parts();
    let stored = take_form(&signer, &caller, &head.headers, body).await;
    outcome.result = match &stored {
        Ok(_) => "stored",
        Err(error) if error.answer().status.is_client_error() => "refused",
        Err(_) => "failed",
    };
    Ok(Success::of(OneFile { file: stored? }))
}

async fn take_form(signer: &Signer, caller: &Caller, headers: &HeaderMap, body: Body) -> Result<File, Error> {
    let boundary = form::boundary(headers)?;
    let key = idempotency::key(headers, caller.id().as_str())?;
    let limit = caller.limits().max_upload_bytes;
    if declared_length(headers).is_some_and(|length| length > limit.saturating_add(FORM_ROOM)) {
        return Err(Error::TooLarge { limit });
    }
    if key.is_none() {
        refuse_full(signer, caller).await?;
    }
    let mut place = Some(Place::take(signer)?);
    let mut body = Paced::new(body, signer.config().upload_patience);
    let mut form = Form::open(&mut body, &boundary).await?;
    let mut fields = TextFields::default();
    let mut file = None;
    while let Some(part) = form.next().await? {
        match part {
            Part::File(part) => {
                let place = place.take().ok_or(Error::invalid("file", "must be one part only"))?;
                file = Some(take_file(signer, caller, place, part).await?);
            }
            Part::Text(part) => fields.take(part).await?,
        }
    }
    let (intake, name, content_type) = file.ok_or(Error::invalid("file", "must be a part of the form"))?;
    store(signer, intake, Description { claimed: key, ..fields.describe(name, content_type)? }).await
}

/// Who has no room left at all is told before anything is sent, unless it may have been stored before; the row's
/// insert decides for everybody else.
async fn refuse_full(signer: &Signer, caller: &Caller) -> Result<(), Error> {
    let Some(limit) = caller.limits().total_bytes else { return Ok(()) };
    let (bytes, _) = signer.catalog().usage(caller.id()).await?;
    if bytes >= limit { Err(Error::OverQuota { limit }) } else { Ok(()) }
}

/// Once, however often it is sent under the same key. What was stored before is not stored again: the intake is
/// dropped.
async fn store(signer: &Signer, intake: Intake, description: Description) -> Result<File, Error> {
    if let Some(key) = &description.claimed
        && let Begun::Before(file) = idempotency::begin(signer, key, &intake.fingerprint(&description)).await?
    {
        return Ok(*file);
    }
    intake.complete(description).await
}

async fn take_file(
    signer: &Signer,
    caller: &Caller,
    place: Place,
    mut part: FilePart<'_>,
) -> Result<(Intake, String, String), Error> {
    let mut intake = Intake::begin(signer, caller.id().clone(), caller.limits(), place).await?;
    while let Some(piece) = part.next().await? {
        intake.write(piece).await?;
    }
    let content_type = match &part.content_type {
        Some(declared) => proto::media::parse(declared),
        None => proto::media::of_name(&part.filename).into(),
    };
    Ok((intake, part.filename, content_type))
}
