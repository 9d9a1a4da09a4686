//! `PATCH /files/{fileId}`: another name, other metadata. `POST /files/{fileId}/revoke-urls`: no URL issued so far.

use super::{Named, OneFile, Success, iso_string};
use crate::{Signer, body::Fields, clock, error::Error, identity::Caller};
use axum::extract::{Request, State};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

const MAX_FILENAME: usize = 1024;
/// Texts in the metadata of a file.
pub(crate) const MAX_ENTRIES: usize = 64;
const MAX_NAME: usize = 128;
const MAX_VALUE: usize = 8 << 10;

/// `{"revoked_before": ...}`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revoked {
    revoked_before: String,
}

impl Revoked {
    pub(crate) fn before(unix_second: u64) -> Self {
        let millis = i64::try_from(unix_second).unwrap_or(i64::MAX).saturating_mul(1000);
        Self { revoked_before: iso_string(millis) }
    }
}

/// What is given takes the place of what was; what is not stays.
pub(crate) async fn change(
    State(signer): State<Signer>,
    caller: Caller,
    Named(id): Named,
    request: Request,
) -> Result<Success<OneFile>, Error> {
    let (head, body) = request.into_parts();
    let fields = Fields::read(&head.headers, body, signer.config().upload_patience).await?;
    let (name, metadata) = (filename(&fields)?, metadata(&fields)?);
    if name.is_none() && metadata.is_none() {
        return Err(Error::invalid("body", "must hold `filename` or `metadata`"));
    }
    let described = signer.catalog().describe(caller.id(), &id, (name, metadata.as_ref()), clock::unix_millis());
    let row = described.await?;
    Ok(Success::of(OneFile { file: row.ok_or(Error::FileNotFound)?.into() }))
}

/// From then on the signer issues version 2 for the file.
pub(crate) async fn revoke_urls(
    State(signer): State<Signer>,
    caller: Caller,
    Named(id): Named,
) -> Result<Success<Revoked>, Error> {
    let revoked = signer.catalog().revoke_file_urls(caller.id(), &id, clock::unix_millis()).await?;
    Ok(Success::of(Revoked::before(revoked.ok_or(Error::FileNotFound)?)))
}

/// `filename`, as an upload would take it.
pub(crate) fn filename(fields: &Fields) -> Result<Option<&str>, Error> {
    const WHY: &str = "must be 1 to 1024 bytes of text without NUL";
    let name = fields.text("filename", WHY)?;
    if name.is_some_and(|name| !is_filename(name)) {
        return Err(Error::invalid("filename", WHY));
    }
    Ok(name)
}

/// Whether a file may be called this.
pub(crate) fn is_filename(name: &str) -> bool {
    (1..=MAX_FILENAME).contains(&name.len()) && !name.contains('\0')
}

/// `metadata`, as an upload would take it.
pub(crate) fn metadata(fields: &Fields) -> Result<Option<BTreeMap<String, String>>, Error> {
    const WHY: &str = "must be an object of at most 64 texts of up to 8 KiB, without NUL, by names of 1 to 128 bytes";
    let metadata = fields.text_map("metadata", WHY)?;
    let is_name = |name: &str| (1..=MAX_NAME).contains(&name.len()) && !name.chars().any(char::is_control);
    let is_value = |value: &str| value.len() <= MAX_VALUE && !value.contains('\0');
    let fits = |map: &BTreeMap<String, String>| {
        map.len() <= MAX_ENTRIES && map.iter().all(|(name, value)| is_name(name) && is_value(value))
    };
    if metadata.as_ref().is_some_and(|map| !fits(map)) {
        return Err(Error::invalid("metadata", WHY));
    }
    Ok(metadata)
}
