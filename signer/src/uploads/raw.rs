//! `PUT /files/raw/{name}`: a plain body is the file, as `curl -T` sends it. The path's last segment is its name, the query
//! holds what a form would have in its text parts.

use super::{Arrival, digest::Expected, fields::TextFields, media_type, name};
use crate::{
    Signer,
    body::{Paced, declared_length},
    error::Error,
    files::{Success, Uploaded},
    idempotency,
    identity::Caller,
    rate_limit::Counted,
};
use axum::{
    body::Body,
    extract::{FromRequestParts, Path, Request, State},
    http::{HeaderMap, header, request::Parts},
};

/// The file's name, percent-decoded: a label, whatever it looks like.
pub(crate) struct Named(String);

impl FromRequestParts<Signer> for Named {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, signer: &Signer) -> Result<Self, Error> {
        let decoded = Path::<String>::from_request_parts(parts, signer).await;
        let Path(text) = decoded.map_err(|_| Error::invalid("name", "must be percent-encoded UTF-8"))?;
        name("name", text).map(Self)
    }
}

/// The handler.
pub(crate) async fn put(
    State(signer): State<Signer>,
    Counted(caller): Counted,
    Named(name): Named,
    request: Request,
) -> Result<Success<Uploaded>, Error> {
    let (head, body) = request.into_parts();
    let fields = TextFields::of_query(head.uri.query().unwrap_or_default());
    signer.metrics().uploads.begun("body");
    super::counted(&signer, async { take(&signer, &caller, (name, fields?), (&head.headers, body)).await }).await
}

/// Everything that can be refused by the head is refused before the body is asked for.
async fn take(
    signer: &Signer,
    caller: &Caller,
    (name, fields): (String, TextFields),
    (headers, body): (&HeaderMap, Body),
) -> Result<Uploaded, Error> {
    refuse_what_is_no_whole_file(headers)?;
    let declared = headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let content_type = media_type(declared.as_deref(), &name);
    let mut description = fields.describe(name, content_type)?;
    description.claimed = idempotency::key(headers, caller.id().as_str())?;
    let expected = Expected::read(headers)?;
    let limit = caller.limits().max_upload_bytes;
    let length = declared_length(headers);
    if length.is_some_and(|length| length > limit) {
        return Err(Error::TooLarge { limit });
    }
    // What may have been stored before takes no room the second time.
    let declared = length.filter(|_| description.claimed.is_none());
    let place = super::admit(signer, caller, description.claimed.as_ref()).await?;

    let mut body = Paced::new(body, signer.config().upload_patience);
    let mut arrival = Arrival::begin(signer, caller, place, (expected, declared)).await?;
    while let Some(piece) = body.next().await? {
        arrival.write(piece).await?;
    }
    super::store(signer, arrival.end().await?, description).await
}

/// A part of a file cannot be put (RFC 9110 section 14.5), nor one that is encoded for its way: bytes are kept as they come.
fn refuse_what_is_no_whole_file(headers: &HeaderMap) -> Result<(), Error> {
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(Error::invalid("Content-Range", "is not taken: send the whole file"));
    }
    let is_plain = |value: &header::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain) {
        return Ok(());
    }
    Err(Error::MediaType { expected: "plain bytes, without Content-Encoding" })
}
