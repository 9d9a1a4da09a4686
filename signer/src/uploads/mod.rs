//! Files on their way in: a browser's form or a plain body in one request, by [`tus`] in as many as it takes, and past the
//! signer straight into the bucket.
//!
//! | step of a form | where |
//! |---|---|
//! | take a place among the uploads under way, which are bounded | [`intake`] |
//! | note that it is under way, and how much it may bring | [`reservation`] |
//! | cut a form at its boundary | [`parts`] |
//! | read a part's header, within bounds | [`form`] |
//! | read a part's name and file name | [`disposition`] |
//! | collect the text parts, or what the query says in their place | [`fields`] |
//! | take a plain body | [`raw`] |
//! | take what was put into the bucket | [`presigned`] |
//! | stream the file, hash it, make it durable, then list it | [`intake`] |
//! | compare it with the checksums that came along | [`digest`] |
//! | before it is listed, see what its bytes say of themselves | [`media`] |

mod digest;
mod disposition;
mod ending;
mod fields;
mod form;
mod intake;
mod media;
mod parts;
mod presigned;
mod raw;
mod reservation;
pub(crate) mod tus;

pub(crate) use intake::{Description, Intake, Place};
pub(crate) use presigned::{Presigned, complete, presign};
pub(crate) use raw::put;
pub(crate) use tus::Terms;

use crate::{
    Signer,
    body::{Paced, declared_length},
    error::Error,
    files::{Success, Uploaded, is_filename},
    idempotency::{self, Begun},
    identity::Caller,
    rate_limit::Counted,
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::HeaderMap,
};
use bytes::Bytes;
use digest::Expected;
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
        self.signer.metrics().uploads.ended(self.result);
    }
}

/// Takes an upload, whatever its form, and counts how it ended.
async fn counted(
    signer: &Signer,
    taking: impl Future<Output = Result<Uploaded, Error>>,
) -> Result<Success<Uploaded>, Error> {
    let mut outcome = Outcome { signer, result: "cut" };
    let stored = taking.await;
    outcome.result = match &stored {
        Ok(_) => "stored",
        Err(error) => signer.metrics().uploads.failed(error),
    };
    stored.map(Success::of)
}

/// The handler of forms.
pub(crate) async fn upload(
    State(signer): State<Signer>,
    Counted(caller): Counted,
    request: Request,
) -> Result<Success<Uploaded>, Error> {
    let (head, body) = request.into_parts();
    signer.metrics().uploads.begun("form");
    counted(&signer, take_form(&signer, &caller, &head.headers, body)).await
}

async fn take_form(signer: &Signer, caller: &Caller, headers: &HeaderMap, body: Body) -> Result<Uploaded, Error> {
    let boundary = form::boundary(headers)?;
    let key = idempotency::key(headers, caller.id().as_str())?;
    let limit = caller.limits().max_upload_bytes;
    if declared_length(headers).is_some_and(|length| length > limit.saturating_add(FORM_ROOM)) {
        return Err(Error::TooLarge { limit });
    }
    let mut place = Some(admit(signer, caller, key.as_ref()).await?);
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

/// Room for one more upload, before anything of it is sent.
async fn admit(signer: &Signer, caller: &Caller, key: Option<&idempotency::Key>) -> Result<Place, Error> {
    if key.is_none() {
        refuse_full(signer, caller).await?;
    }
    Place::take(signer)
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
async fn store(signer: &Signer, mut intake: Intake, description: Description) -> Result<Uploaded, Error> {
    if let Some(key) = &description.claimed
        && let Begun::Before(uploaded) =
            idempotency::begin(signer, key, &intake.fingerprint(&description).await?).await?
    {
        return Ok(*uploaded);
    }
    intake.complete(description).await
}

async fn take_file(
    signer: &Signer,
    caller: &Caller,
    place: Place,
    mut part: FilePart<'_, '_>,
) -> Result<(Intake, String, String), Error> {
    let expected = std::mem::take(&mut part.expected);
    let mut arrival = Arrival::begin(signer, caller, place, (expected, None)).await?;
    while let Some(piece) = part.next().await? {
        arrival.write(piece).await?;
    }
    let content_type = media_type(part.content_type.as_deref(), &part.filename);
    Ok((arrival.end().await?, part.filename, content_type))
}

/// A file on its way in, and what its client says of its bytes.
struct Arrival {
    intake: Intake,
    expected: Expected,
}

impl Arrival {
    /// `declared` is the file's length in bytes, if that is known.
    async fn begin(
        signer: &Signer,
        caller: &Caller,
        place: Place,
        (expected, declared): (Expected, Option<u64>),
    ) -> Result<Self, Error> {
        let intake = Intake::begin(signer, caller.id().clone(), caller.limits(), place, declared).await?;
        Ok(Self { intake, expected })
    }

    async fn write(&mut self, piece: Bytes) -> Result<(), Error> {
        self.expected.update(&piece);
        self.intake.write(piece).await
    }

    /// Nothing is kept of a file that arrived otherwise than it was sent.
    async fn end(mut self) -> Result<Intake, Error> {
        self.expected.verify(self.intake.sha256().await?)?;
        Ok(self.intake)
    }
}

/// The declared type, or what the name stands for.
fn media_type(declared: Option<&str>, filename: &str) -> String {
    declared.map_or_else(|| proto::media::of_name(filename).into(), proto::media::parse)
}

/// A file's name as it was given, if it can be kept; a refusal names the `field` that it came in.
fn name(field: &'static str, text: String) -> Result<String, Error> {
    is_filename(&text).then_some(text).ok_or(Error::invalid(field, "must be 1 to 1024 bytes without NUL"))
}
