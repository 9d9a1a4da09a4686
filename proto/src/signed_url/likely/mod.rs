//! Why a signature does not fit: the mistakes that issuers make, tried one after the other.
//!
//! | module | holds |
//! |---|---|
//! | [`texts`] | what may have been signed instead |
//! | [`forms`] | how a signature may have been written instead |
//! | `keys::misread` | what may have been made of a secret instead |
//!
//! For whoever holds the secret and looks for the mistake. Nothing found here opens a file, and no signature leaves.

mod forms;
#[cfg(test)]
mod tests;
mod texts;

use super::Claims;
use crate::{
    id::KeyId,
    keys::{Suspect, suspects},
};
use forms::forms;
use texts::texts;

/// How many mistakes at once are thought of.
const MOST: usize = 2;

/// One mistake of an issuer, or of whoever set a gateway up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slip {
    /// Read from a file without cutting its line end off.
    SecretLineEnd,
    /// There is white space around the secret here.
    SecretTrimmed,
    /// There are quotation marks around it there.
    SecretQuoted,
    /// There are quotation marks around it here.
    SecretUnquoted,
    /// Decoded from hexadecimal.
    SecretFromHex,
    /// Decoded from base64.
    SecretFromBase64,
    /// Encoded once more.
    SecretEncoded,
    /// With its key id, or the whole list.
    SecretWithId,
    /// None at all.
    SecretMissing,
    /// Another key of the ring than `kid` says.
    OtherKey,
    /// Signed in milliseconds.
    ExpiresMilliseconds,
    /// Signed in seconds, and milliseconds in the URL.
    ExpiresSeconds,
    /// Signed as `1700000000.0`.
    ExpiresFraction,
    /// Not file, user, expires.
    Order,
    /// No colons.
    Separator,
    /// Escaped before it was signed.
    UserEscaped,
    /// The path, in place of the file id.
    PathSigned,
    /// With `/api` or `/api/v1` in front.
    MountSigned,
    /// Path and query as they are.
    UrlSigned,
    /// Parameters as they stand in the URL.
    Unsorted,
    /// Values without their escapes.
    Unescaped,
    /// Without `t2m-files-v2`.
    NoFirstLine,
    /// Without the line end of the last line.
    NoLastLineEnd,
    /// The text of version 1 under a URL of version 2.
    Version1,
    /// In upper-case hexadecimal.
    UpperCase,
    /// In base64.
    Base64,
    /// With something in front of it or behind it.
    Decorated,
}

impl Slip {
    /// One sentence for whoever has to mend it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::SecretLineEnd => "the issuer's secret has a line end behind it: it was read from a file and not cut",
            Self::SecretTrimmed => "the secret here has white space around it, and the issuer's has none",
            Self::SecretQuoted => "the issuer's secret has quotation marks around it",
            Self::SecretUnquoted => "the secret here has quotation marks around it, and the issuer's has none",
            Self::SecretFromHex => "the issuer decodes the secret from hexadecimal; the key is its text as it stands",
            Self::SecretFromBase64 => "the issuer decodes the secret from base64; the key is its text as it stands",
            Self::SecretEncoded => "the issuer's secret is this one encoded once more, in hexadecimal or base64",
            Self::SecretWithId => "the issuer takes the key id for a part of the secret, or the whole list for one",
            Self::SecretMissing => "the issuer has no secret: it signs with nothing, or with a word such as undefined",
            Self::OtherKey => "`kid` names another key than the one that signed",
            Self::ExpiresMilliseconds => "the issuer signs `expires` in milliseconds, and the URL has seconds",
            Self::ExpiresSeconds => "the URL has `expires` in milliseconds, and the issuer signs seconds",
            Self::ExpiresFraction => "the issuer signs `expires` with a fraction, such as 1700000000.0",
            Self::Order => "the issuer signs the three parts in another order than file, user, expires",
            Self::Separator => "the issuer signs the three parts with something else than colons between them",
            Self::UserEscaped => "the issuer signs the user id as it is escaped in the URL, and not the id itself",
            Self::PathSigned => "the issuer signs the path in place of the file id",
            Self::MountSigned => "the issuer signs what stands in front of /files/secure/ too",
            Self::UrlSigned => "the issuer signs path and query as they are, and not the lines of version 2",
            Self::Unsorted => "the issuer signs the parameters as they stand, and not sorted by name",
            Self::Unescaped => "the issuer signs values without their escapes, and not as they stand in the URL",
            Self::NoFirstLine => "the issuer leaves out the first line, t2m-files-v2",
            Self::NoLastLineEnd => "the issuer leaves out the line end behind the last line",
            Self::Version1 => "the signature is of the text of version 1, and the URL is of version 2",
            Self::UpperCase => "the signature is in upper-case hexadecimal; it has to be lower-case",
            Self::Base64 => "the signature is in base64; it has to be hexadecimal",
            Self::Decorated => "there is something in front of the signature's 64 digits, or behind them",
        }
    }
}

/// What explains a signature: this key made it, with these mistakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likely {
    /// Whose secret it was.
    pub key: KeyId,
    /// At least one.
    pub slips: Vec<Slip>,
}

/// Something to be tried, and the mistakes that it stands for.
struct Try<T> {
    it: T,
    slips: Vec<Slip>,
}

/// The fewest mistakes that explain the signature of a URL, with the secrets of the settings. `mount` is what stood before
/// `/files/secure/` in its path. `None`: no two that are known do.
#[must_use]
pub fn likely(claims: &Claims<'_>, mount: &str, secret: Option<&str>, list: Option<&str>) -> Option<Likely> {
    let (suspects, texts, forms) = (suspects(secret, list), texts(claims, mount), forms(&claims.presented));
    let named = claims.key();
    let slips_of = |suspect: &Suspect, text: &Try<Vec<u8>>, form: &Try<String>| {
        let is_other = named.as_deref().is_some_and(|named| suspect.id.as_str() != named);
        let mut slips = [suspect.slip.as_slice(), &text.slips, &form.slips].concat();
        slips.extend(is_other.then_some(Slip::OtherKey));
        slips
    };
    let mut tries: Vec<_> = suspects
        .iter()
        .flat_map(|suspect| texts.iter().map(move |text| (suspect, text)))
        .flat_map(|(suspect, text)| forms.iter().map(move |form| (suspect, text, form)))
        .map(|(suspect, text, form)| (slips_of(suspect, text, form), suspect, text, form))
        .filter(|(slips, ..)| (1..=MOST).contains(&slips.len()))
        .collect();
    tries.sort_by_key(|(slips, ..)| slips.len());
    let found = tries.into_iter().find(|(_, suspect, text, form)| suspect.made(&text.it, form.it.as_bytes()));
    found.map(|(slips, suspect, ..)| Likely { key: suspect.id.clone(), slips })
}
