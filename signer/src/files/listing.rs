//! `GET /files`: the caller's files, newest first, a page at a time.
//!
//! The cursor names the last file of the page before, so a page neither skips nor repeats a file while others are
//! added and deleted.

use super::{File, Success, job_id};
use crate::{
    Signer,
    admin::Admin,
    catalog::{FileRow, Page, Position},
    clock,
    error::Error,
    identity::Caller,
};
use axum::extract::{RawQuery, State};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proto::id::UserId;
use serde::Serialize;
use utoipa::ToSchema;

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;
/// In bytes.
const MAX_TYPE_PREFIX: usize = 255;

/// A page of files, and where the next one begins.
#[derive(Serialize, ToSchema)]
pub(crate) struct Listing {
    files: Vec<File>,
    next_cursor: Option<String>,
}

/// The handler.
pub(crate) async fn list(
    State(signer): State<Signer>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Success<Listing>, Error> {
    let page = page(query.as_deref().unwrap_or_default())?;
    let rows = signer.catalog().list(caller.id(), &page.and_one(), clock::unix_seconds()).await?;
    Ok(Success::of(Listing::of(rows, page.limit)))
}

/// `GET /admin/files?user_id=`: the files of any user; that somebody looked is written down.
pub(crate) async fn list_of(
    State(signer): State<Signer>,
    admin: Admin,
    RawQuery(query): RawQuery,
) -> Result<Success<Listing>, Error> {
    let query = query.unwrap_or_default();
    let page = page(&query)?;
    let user = parameter(&query, "user_id")?.and_then(|text| text.parse().ok());
    let user: UserId = user.ok_or(Error::invalid("user_id", "must be a user id"))?;
    let audit = admin.audit("list_files", user.as_str());
    let rows = signer.catalog().list_by(&audit, &user, &page.and_one(), clock::unix_millis()).await?;
    Ok(Success::of(Listing::of(rows, page.limit)))
}

impl Page {
    /// One more than asked for tells whether there is a next page.
    fn and_one(&self) -> Self {
        Self { limit: self.limit + 1, ..self.clone() }
    }
}

impl Listing {
    fn of(mut rows: Vec<FileRow>, limit: u32) -> Self {
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let last = rows.last().filter(|_| has_more);
        let next_cursor = last.map(|row| cursor(&Position { created_at: row.created_at, id: row.id.clone() }));
        Self { files: rows.into_iter().map(File::from).collect(), next_cursor }
    }
}

/// The page that a query asks for. Parameters that are not ours are ignored.
fn page(query: &str) -> Result<Page, Error> {
    Ok(Page {
        limit: parameter(query, "limit")?.map_or(Ok(DEFAULT_LIMIT), |text| limit(&text))?,
        after: parameter(query, "cursor")?.map(|text| position(&text)).transpose()?,
        content_type: parameter(query, "content_type")?.map(type_prefix).transpose()?,
        job_id: parameter(query, "job_id")?.map(job_id).transpose()?,
    })
}

fn parameter(query: &str, name: &'static str) -> Result<Option<String>, Error> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let mut values = pairs.filter(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    match (values.next(), values.next()) {
        (Some(_), Some(_)) => Err(Error::invalid(name, "must be given once")),
        (value, _) => Ok(value),
    }
}

fn limit(text: &str) -> Result<u32, Error> {
    let digits = text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && (1..=MAX_LIMIT).contains(number));
    number.ok_or(Error::invalid("limit", "must be a whole number from 1 to 100"))
}

fn type_prefix(text: String) -> Result<String, Error> {
    let usable = !text.is_empty() && text.len() <= MAX_TYPE_PREFIX && !text.contains('\0');
    usable.then_some(text).ok_or(Error::invalid("content_type", "must be 1 to 255 bytes of text"))
}

fn cursor(position: &Position) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{}", position.created_at, position.id))
}

fn position(cursor: &str) -> Result<Position, Error> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (created_at, id) = text.split_once('.')?;
        Some(Position { created_at: created_at.parse().ok()?, id: id.parse().ok()? })
    };
    read().ok_or(Error::invalid("cursor", "must be the `next_cursor` of an earlier answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_names_its_position_again() {
        let at = Position { created_at: 1_767_225_600_007, id: "a-1".parse().unwrap() };
        assert_eq!(position(&cursor(&at)).unwrap(), at);
        for bad in ["", "x", "AAAA", &URL_SAFE_NO_PAD.encode("1"), &URL_SAFE_NO_PAD.encode("1.a/b")] {
            assert!(position(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_query_is_read_strictly() {
        let plain = page("utm=1").unwrap();
        assert_eq!((plain.limit, plain.after, plain.job_id), (20, None, None));
        assert_eq!(page("content_type=video%2F").unwrap().content_type.as_deref(), Some("video/"));
        for bad in
            ["limit=0", "limit=101", "limit=+5", "limit=", "limit=1&limit=2", "limit=1e1", "job_id=", "cursor=%00"]
        {
            assert!(page(bad).is_err(), "{bad}");
        }
    }
}
