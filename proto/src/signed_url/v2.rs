//! Version 2: the path and every parameter signed, as they stand on the wire.

use super::{
    Claims, Grant, SECURE_PREFIX,
    claims::Form,
    query::{Pair, Query, decoded},
    unix_seconds,
    v1::{EXPIRES, SIGNATURE, USER_ID, VALUE, file_id, user_id},
};
use crate::{
    id::{FileId, UserId},
    keys::KeyRing,
    refusal::Refusal,
};
use percent_encoding::utf8_percent_encode;
use std::{borrow::Cow, fmt, str::FromStr};

pub(super) const FIRST_LINE: &[u8] = b"t2m-files-v2\n";
const PARAMETERS: [&str; 9] = ["v", "kid", "user_id", "expires", "iat", "nbf", "disposition", "filename", "signature"];

/// Whether a browser is asked to show the file or to save it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Show it, where the media type allows that.
    Inline,
    /// Save it.
    Attachment,
}

impl FromStr for Disposition {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "inline" => Ok(Self::Inline),
            "attachment" => Ok(Self::Attachment),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inline => "inline",
            Self::Attachment => "attachment",
        })
    }
}

/// What a version 2 URL is to say. Times are Unix seconds.
#[derive(Debug, Clone)]
pub struct LinkV2<'a> {
    /// The file.
    pub file: &'a FileId,
    /// Its owner.
    pub user: &'a UserId,
    /// Last valid second.
    pub expires: u64,
    /// Now: a later revocation ends this URL.
    pub issued_at: u64,
    /// First valid second.
    pub not_before: Option<u64>,
    /// Show or save.
    pub disposition: Option<Disposition>,
    /// A name instead of the catalog's. Not empty.
    pub filename: Option<&'a str>,
    /// One more path segment, for players that want to see an extension. Not empty, not `.` or `..`.
    pub segment: Option<&'a str>,
}

/// The path and query of a version 2 URL, to stand behind the base.
#[must_use]
pub fn sign_v2(keys: &KeyRing, link: &LinkV2<'_>) -> String {
    let value = |text| utf8_percent_encode(text, VALUE);
    let segment = link.segment.map(|name| format!("/{}", value(name))).unwrap_or_default();
    let path = format!("{SECURE_PREFIX}{}{segment}", link.file);
    let mut query = format!(
        "v=2&kid={}&user_id={}&expires={}&iat={}",
        value(keys.v2_key_id().as_str()),
        value(link.user.as_str()),
        link.expires,
        link.issued_at
    );
    let optional = [
        ("nbf", link.not_before.map(|second| second.to_string())),
        ("disposition", link.disposition.map(|disposition| disposition.to_string())),
        ("filename", link.filename.map(|name| value(name).to_string())),
    ];
    for (name, text) in optional {
        if let Some(text) = text {
            query = format!("{query}&{name}={text}");
        }
    }
    let parsed = Query::parse(&query);
    let signature = keys.sign_v2(&text(&path, &mut parsed.pairs().to_vec()));
    format!("{path}?{query}&signature={}", signature.as_str())
}

/// What is signed, beside what every URL says.
pub(super) struct Signed<'a> {
    path: &'a str,
    query: Query<'a>,
    pub(super) kid: Cow<'a, [u8]>,
    pub(super) not_before: Option<u64>,
}

impl<'a> Signed<'a> {
    /// The string to sign, in pieces.
    pub(super) fn text(&self) -> Vec<&'a [u8]> {
        text(self.path, &mut self.pairs())
    }

    /// What is signed of the query, in its order.
    pub(super) fn pairs(&self) -> Vec<Pair<'a>> {
        self.query.pairs().iter().copied().filter(|pair| pair.name != "signature").collect()
    }

    pub(super) fn path(&self) -> &'a str {
        self.path
    }
}

pub(super) fn read<'a>(path: &'a str, query: Query<'a>) -> Result<Claims<'a>, Refusal> {
    refuse_rewritable(path, query.pairs())?;
    let seconds = |name, missing| {
        let digits = query.exactly_one(name, missing)?;
        unix_seconds(&digits).ok_or(Refusal::Malformed(missing))
    };
    let has = |name: &str| query.pairs().iter().any(|pair| pair.name == name);

    let file = path_file(path)?;
    let user = user_id(&query.exactly_one("user_id", USER_ID)?)?;
    let expires = seconds("expires", EXPIRES)?;
    let issued_at = Some(seconds("iat", "`iat` must be given once, as 1 to 15 digits")?);
    let not_before = has("nbf").then(|| seconds("nbf", "`nbf` must be 1 to 15 digits")).transpose()?;
    let disposition = has("disposition").then(|| disposition(&query)).transpose()?;
    let filename = has("filename").then(|| filename(&query)).transpose()?;
    let kid = query.exactly_one("kid", "`kid` must be given once")?;
    let presented = query.exactly_one("signature", SIGNATURE)?;
    let grant = Grant { file, user, expires, issued_at, disposition, filename };
    Ok(Claims { grant, presented, form: Form::V2(Signed { path, query, kid, not_before }) })
}

fn disposition(query: &Query<'_>) -> Result<Disposition, Refusal> {
    const REFUSED: &str = "`disposition` must be `inline` or `attachment`";
    let text = query.exactly_one("disposition", REFUSED)?;
    std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).ok_or(Refusal::Malformed(REFUSED))
}

fn filename(query: &Query<'_>) -> Result<String, Refusal> {
    const REFUSED: &str = "`filename` must be UTF-8 and not empty";
    let text = query.exactly_one("filename", REFUSED)?;
    String::from_utf8(text.into_owned()).map_err(|_| Refusal::Malformed(REFUSED))
}

/// `/files/secure/<file_id>` with at most one more segment, which is signed but has no other effect.
fn path_file(path: &str) -> Result<FileId, Refusal> {
    let below = path.strip_prefix(SECURE_PREFIX).unwrap_or_default();
    let (id, segment) = below.split_once('/').unwrap_or((below, "name"));
    let decoded = decoded(segment);
    if segment.contains('/') || decoded.is_empty() || *decoded == *b"." || *decoded == *b".." {
        return Err(Refusal::Malformed("one path segment may follow the file id"));
    }
    file_id(id)
}

/// Refuses what a browser or proxy on the way would rewrite, and every parameter that this version does not
/// know: an older gateway must never skip a newer restriction.
fn refuse_rewritable(path: &str, pairs: &[Pair<'_>]) -> Result<(), Refusal> {
    if !is_canonical(path, b"/") {
        return Err(Refusal::Malformed("path and values may hold only unreserved characters and upper-case %XX"));
    }
    for (index, pair) in pairs.iter().enumerate() {
        let known = PARAMETERS.contains(&pair.name) && pair.value.is_some();
        let first = pairs[..index].iter().all(|earlier| earlier.name != pair.name);
        if !known || !first {
            return Err(Refusal::Malformed("a parameter is unknown or repeated"));
        }
        if !is_canonical(pair.value.unwrap_or_default(), b"") {
            return Err(Refusal::Malformed("path and values may hold only unreserved characters and upper-case %XX"));
        }
    }
    Ok(())
}

/// RFC 3986 section 2.3 unreserved characters, upper-case escapes, and `also`.
fn is_canonical(text: &str, also: &[u8]) -> bool {
    let is_upper_hex = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(b));
    let mut bytes = text.as_bytes().iter();
    while let Some(byte) = bytes.next() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || also.contains(byte);
        let escape = *byte == b'%' && is_upper_hex(bytes.next()) && is_upper_hex(bytes.next());
        if !plain && !escape {
            return false;
        }
    }
    true
}

/// The string to sign, in pieces: its first line, the path, then the pairs by name.
fn text<'a>(path: &'a str, pairs: &mut [Pair<'a>]) -> Vec<&'a [u8]> {
    pairs.sort_unstable_by_key(|pair| pair.name);
    let lines = pairs.iter().flat_map(|pair| [pair.raw.as_bytes(), b"\n"]);
    [FIRST_LINE, path.as_bytes(), b"\n"].into_iter().chain(lines).collect()
}
