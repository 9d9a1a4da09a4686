//! `POST /files/{fileId}/signed-url`: a link that opens one file of the caller's for a while.

use super::{Named, Success, iso_string, own_file};
use crate::{Signer, body::Fields, catalog::FileRow, clock, error::Error, rate_limit::Counted, tiers::Limits};
use axum::extract::{Request, State};
use proto::{
    keys::KeyRing,
    signed_url::{CLOCK_SKEW, Disposition, LinkV2, sign_v1, sign_v2},
};
use serde::Serialize;

const DEFAULT_SECONDS: u64 = 3600;
/// 15 digits: what the gateway reads.
const MAX_UNIX_SECONDS: u64 = 999_999_999_999_999;
const MAX_FILENAME: usize = 1024;

/// What is asked of a link.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    seconds: u64,
    /// Any of the fields below, or `version: 2`, asks for version 2.
    v2: bool,
    disposition: Option<Disposition>,
    filename: Option<String>,
    /// Unix seconds.
    not_before: Option<u64>,
}

/// A link as it is answered.
#[derive(Serialize)]
pub(crate) struct Link {
    url: String,
    expires_at: String,
}

/// The handler.
pub(crate) async fn signed_url(
    State(signer): State<Signer>,
    Counted(caller): Counted,
    Named(id): Named,
    request: Request,
) -> Result<Success<Link>, Error> {
    let (head, body) = request.into_parts();
    let fields = Fields::read(&head.headers, body, signer.config().upload_patience).await?;
    let wish = Wish::read(&fields, caller.limits())?;
    let row = own_file(&signer, &caller, &id).await?;
    let revoked_before = caller.standing().urls_revoked_before.max(row.urls_revoked_before);
    let link = wish.issue(&row, revoked_before, clock::unix_seconds(), &signer.keys())?;
    let url = format!("{}{}", signer.config().public_files_url, link.target);
    Ok(Success::of(Link { url, expires_at: link.expires_at() }))
}

/// A link that was signed.
struct Issued {
    target: String,
    /// Unix seconds.
    expires: u64,
}

impl Issued {
    fn expires_at(&self) -> String {
        iso_string(i64::try_from(self.expires).unwrap_or(i64::MAX).saturating_mul(1000))
    }
}

/// How long a URL is to last, in seconds: as long as its caller's tier allows at most.
fn lifetime(fields: &Fields, name: &'static str, limits: Limits) -> Result<u64, Error> {
    let most = limits.max_url_seconds;
    let why = || Error::invalid(name, format!("must be an integer from 1 to {most}"));
    let asked = fields.integer(name, "").map_err(|_| why())?;
    match asked {
        None => Ok(DEFAULT_SECONDS.min(most)),
        Some(seconds) if (1..=most).contains(&seconds) => Ok(seconds),
        Some(_) => Err(why()),
    }
}

impl Wish {
    fn read(fields: &Fields, limits: Limits) -> Result<Self, Error> {
        const VERSION: &str = "must be 1 or 2";
        const DISPOSITION: &str = "must be `inline` or `attachment`";
        const FILENAME: &str = "must be 1 to 1024 bytes of text without control characters";
        const NOT_BEFORE: &str = "must be a time in whole Unix seconds";

        let seconds = lifetime(fields, "expiresIn", limits)?;
        let version = fields.integer("version", VERSION)?;
        let disposition = fields.text("disposition", DISPOSITION)?;
        let filename = fields.text("filename", FILENAME)?;
        let not_before = fields.integer("notBefore", NOT_BEFORE)?;

        let is_name = |name: &str| (1..=MAX_FILENAME).contains(&name.len()) && !name.chars().any(char::is_control);
        let says_more = disposition.is_some() || filename.is_some() || not_before.is_some();
        if !matches!(version, None | Some(1 | 2)) {
            return Err(Error::invalid("version", VERSION));
        }
        if version == Some(1) && says_more {
            return Err(Error::invalid("version", "must be 2 with `disposition`, `filename` or `notBefore`"));
        }
        if filename.is_some_and(|name| !is_name(name)) {
            return Err(Error::invalid("filename", FILENAME));
        }
        if not_before.is_some_and(|second| second > MAX_UNIX_SECONDS) {
            return Err(Error::invalid("notBefore", NOT_BEFORE));
        }
        let disposition = disposition.map(str::parse).transpose();
        Ok(Self {
            seconds,
            v2: version == Some(2) || says_more,
            disposition: disposition.map_err(|()| Error::invalid("disposition", DISPOSITION))?,
            filename: filename.map(Into::into),
            not_before,
        })
    }

    /// A link never outlives its file. Once URLs were revoked only version 2 can say that it is newer; within the
    /// second of the revocation by naming the next one, for the older links of that second are refused.
    fn issue(&self, row: &FileRow, revoked_before: Option<u64>, now: u64, keys: &KeyRing) -> Result<Issued, Error> {
        let expires = row.expires_at.unwrap_or(u64::MAX).min(now + self.seconds);
        if self.not_before.is_some_and(|start| start > expires) {
            return Err(Error::invalid("notBefore", "must not be after the link expires"));
        }
        let target = if self.v2 || revoked_before.is_some() {
            let link = LinkV2 {
                file: &row.id,
                user: &row.owner,
                expires,
                issued_at: revoked_before.map_or(now, |second| second.clamp(now, now + CLOCK_SKEW)),
                not_before: self.not_before,
                disposition: self.disposition,
                filename: self.filename.as_deref(),
                segment: None,
            };
            sign_v2(keys, &link)
        } else {
            sign_v1(keys, &row.id, &row.owner, expires)
        };
        Ok(Issued { target, expires })
    }
}
