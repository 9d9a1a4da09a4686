//! `/files/tus`: uploads in as many requests as it takes, by the protocol TUS 1.0.0 (<https://tus.io>).
//!
//! | step | where |
//! |---|---|
//! | the version, and the headers that every answer has | [`speak`] |
//! | begin, with a row and a URL | [`create`](mod@create), [`metadata`], [`terms`], [`handle`] |
//! | which upload, and whether the sender may go on with it | [`presented`](mod@presented) |
//! | go on, ask, end | [`append`](mod@append), [`ending`] |
//! | one request's bytes | [`receive`], with its [`checksum`] |
//! | one writer at a time | [`lease`] |
//! | into storage, and on record; at last a file | [`writing`] |
//! | what an answer says of it | [`answer`] |

mod answer;
mod append;
mod checksum;
mod create;
mod ending;
mod handle;
mod headers;
mod lease;
mod metadata;
mod presented;
mod receive;
mod terms;
mod writing;

pub(crate) use append::{append, look, overridden, remove};
pub(crate) use create::create;
pub(crate) use terms::Terms;

use crate::{Signer, error::Error};
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use headers::TUS_RESUMABLE;
use receive::Share;

/// The one version that is spoken.
const VERSION: &str = "1.0.0";
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
const EXTENSIONS: &str = "creation,creation-with-upload,creation-defer-length,termination,expiration,checksum";

/// The layer around the protocol's routes: a request in another version goes no further, and every answer says which
/// version it is in. `OPTIONS` is how a client finds that out.
pub(crate) async fn speak(request: Request, next: Next) -> Response {
    if request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    let mut response = match headers::version(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(other) => ([(TUS_VERSION, VERSION)], other).into_response(),
    };
    response.headers_mut().insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
    response
}

/// `OPTIONS`: what can be done here. The largest file is that of the tier that may send the largest; each caller's own
/// bound is told when they begin an upload that is larger.
pub(crate) async fn discover(State(signer): State<Signer>) -> Result<Response, Error> {
    let max_size = HeaderValue::from(signer.config().tiers.largest_upload());
    let headers = [
        (TUS_RESUMABLE, HeaderValue::from_static(VERSION)),
        (TUS_VERSION, HeaderValue::from_static(VERSION)),
        (TUS_EXTENSION, HeaderValue::from_static(EXTENSIONS)),
        (TUS_MAX_SIZE, max_size),
        (TUS_CHECKSUM_ALGORITHM, HeaderValue::from_static(checksum::ALGORITHMS)),
    ];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}
