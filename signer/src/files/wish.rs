//! What can be asked of a link, and the link that comes of it.

use super::iso_string;
use crate::{body::Fields, catalog::FileRow, error::Error, tiers::Limits};
use proto::{
    keys::KeyRing,
    signed_url::{CLOCK_SKEW, Disposition, LinkV2, sign_v1, sign_v2},
};

const DEFAULT_SECONDS: u64 = 3600;
/// 15 digits: what the gateway reads.
const MAX_UNIX_SECONDS: u64 = 999_999_999_999_999;
const MAX_FILENAME: usize = 1024;

/// What is asked of a link.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    seconds: u64,
    /// Any of the fields below, or `version: 2`, asks for version 2.
    v2: bool,
    disposition: Option<Disposition>,
    filename: Option<String>,
    /// Unix seconds.
    not_before: Option<u64>,
}

/// What the fields are called: the public API and the internal one each have their way.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) ids: &'static str,
    pub(super) seconds: &'static str,
    pub(super) not_before: &'static str,
}

/// In the public API.
pub(super) const PUBLIC: Names = Names { ids: "fileIds", seconds: "expiresIn", not_before: "notBefore" };
/// On the internal listener.
pub(super) const INTERNAL: Names = Names { ids: "file_ids", seconds: "expires_in", not_before: "not_before" };

/// A link that was signed.
pub(super) struct Issued {
    pub(super) target: String,
    /// Unix seconds.
    pub(super) expires: u64,
}

impl Issued {
    pub(super) fn expires_at(&self) -> String {
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
    pub(super) fn read(fields: &Fields, names: &Names, limits: Limits) -> Result<Self, Error> {
        const VERSION: &str = "must be 1 or 2";
        const DISPOSITION: &str = "must be `inline` or `attachment`";
        const FILENAME: &str = "must be 1 to 1024 bytes of text without control characters";
        const NOT_BEFORE: &str = "must be a time in whole Unix seconds";

        let seconds = lifetime(fields, names.seconds, limits)?;
        let version = fields.integer("version", VERSION)?;
        let disposition = fields.text("disposition", DISPOSITION)?;
        let filename = fields.text("filename", FILENAME)?;
        let not_before = fields.integer(names.not_before, NOT_BEFORE)?;

        let is_name = |name: &str| (1..=MAX_FILENAME).contains(&name.len()) && !name.chars().any(char::is_control);
        let says_more = disposition.is_some() || filename.is_some() || not_before.is_some();
        if !matches!(version, None | Some(1 | 2)) {
            return Err(Error::invalid("version", VERSION));
        }
        if version == Some(1) && says_more {
            return Err(Error::invalid(
                "version",
                "must be 2 with a disposition, a file name or a time before which it is not valid",
            ));
        }
        if filename.is_some_and(|name| !is_name(name)) {
            return Err(Error::invalid("filename", FILENAME));
        }
        if not_before.is_some_and(|second| second > MAX_UNIX_SECONDS) {
            return Err(Error::invalid(names.not_before, NOT_BEFORE));
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
    pub(super) fn issue(
        &self,
        row: &FileRow,
        revoked_before: Option<u64>,
        now: u64,
        keys: &KeyRing,
    ) -> Result<Issued, Error> {
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
