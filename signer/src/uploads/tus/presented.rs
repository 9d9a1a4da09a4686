//! The upload that a request names, which its sender may go on with: they know its handle, and are not somebody else.

use super::handle::Handle;
use crate::{
    Signer,
    boundary::Exchange,
    catalog::{Kind, State, UploadRow},
    clock,
    error::Error,
    identity::SignedInOnce,
};
use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

/// An upload that is open or finished. Another's is no upload at all, and so is one that nobody began.
pub(super) async fn presented(signer: &Signer, parts: &mut Parts) -> Result<UploadRow, Error> {
    let named = Path::<String>::from_request_parts(parts, signer).await;
    let handle = Handle::read(named.map(|Path(text)| text).unwrap_or_else(|_| "/".into()))?;
    let known = SignedInOnce::from_request_parts(parts, signer).await?;
    let exchange = Exchange::from_request_parts(parts, signer).await?;

    let found = signer.catalog().upload_by_handle(&handle.hash()).await?;
    let theirs = found.filter(|(upload, _)| upload.kind == Kind::Tus && !known.is_other_than(&upload.owner));
    let (upload, owner) = theirs.ok_or(Error::UploadNotFound)?;
    exchange.is_of(&upload.owner);
    if owner.blocked || owner.deleted {
        return Err(Error::UserBlocked);
    }
    match upload.state {
        State::Expired => Err(Error::UploadExpired),
        State::Open if upload.expires_at <= clock::unix_millis() => Err(Error::UploadExpired),
        State::Open | State::Finished => Ok(upload),
    }
}
