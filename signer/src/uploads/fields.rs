//! The text parts of a form, or the query where there is no form: `job_id` and `expires_at` are fields, every other one
//! is metadata.

use super::{Description, form::TextPart};
use crate::{
    clock,
    error::Error,
    files::{MAX_ENTRIES, job_id},
};
use percent_encoding::percent_decode_str;
use std::{borrow::Cow, collections::BTreeMap};

const MAX_NAME: usize = 128;
/// What a name must be.
pub(super) const NAME: &str = "must be 1 to 128 bytes without control characters";
/// Bytes of one part.
const MAX_PART: usize = 8 << 10;
/// Bytes of all parts, names too.
const MAX_TOTAL: usize = 64 << 10;

/// Whether metadata can have this name.
pub(super) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// The text parts so far.
#[derive(Debug, Default)]
pub(super) struct TextFields {
    texts: BTreeMap<String, String>,
    total: usize,
}

impl TextFields {
    /// Reads a part whole.
    pub(super) async fn take(&mut self, mut part: TextPart<'_, '_>) -> Result<(), Error> {
        self.has_room_for_one("body")?;
        let mut bytes = Vec::new();
        while let Some(piece) = part.next().await? {
            bytes.extend_from_slice(&piece);
            self.has_room_for(&part.name, bytes.len())?;
        }
        self.insert(part.name, bytes)
    }

    /// Of a query: pairs as HTML forms write them.
    pub(super) fn of_query(query: &str) -> Result<Self, Error> {
        let mut fields = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            fields.has_room_for_one("query")?;
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = String::from_utf8(decoded(name)).ok().filter(|name| is_name(name));
            let name = name.ok_or(Error::invalid("parameter name", NAME))?;
            let value = decoded(value);
            fields.has_room_for(&name, value.len())?;
            fields.insert(name, value)?;
        }
        Ok(fields)
    }

    fn has_room_for_one(&self, field: &'static str) -> Result<(), Error> {
        let has_room = self.texts.len() < MAX_ENTRIES;
        if has_room { Ok(()) } else { Err(Error::invalid(field, "must have at most 64 text fields")) }
    }

    fn has_room_for(&self, name: &str, bytes: usize) -> Result<(), Error> {
        if bytes > MAX_PART {
            return Err(Error::TooLarge { limit: MAX_PART as u64 });
        }
        let fits = self.total + name.len() + bytes <= MAX_TOTAL;
        if fits { Ok(()) } else { Err(Error::TooLarge { limit: MAX_TOTAL as u64 }) }
    }

    fn insert(&mut self, name: String, bytes: Vec<u8>) -> Result<(), Error> {
        self.total += name.len() + bytes.len();
        let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
        let text = text.ok_or_else(|| Error::invalid(name.clone(), "must be UTF-8 text without NUL"))?;
        match self.texts.insert(name.clone(), text) {
            None => Ok(()),
            Some(_) => Err(Error::invalid(name, "must be given once")),
        }
    }

    /// Everything that is said of the file.
    pub(super) fn describe(mut self, filename: String, content_type: String) -> Result<Description, Error> {
        let job_id = self.texts.remove("job_id").map(job_id).transpose()?;
        let now = clock::unix_seconds();
        let expires_at = self.texts.remove("expires_at").map(|text| expiry(&text, now)).transpose()?;
        Ok(Description { filename, content_type, job_id, metadata: self.texts, expires_at, claimed: None })
    }
}

fn decoded(text: &str) -> Vec<u8> {
    let spaced = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    percent_decode_str(&spaced).collect()
}

/// RFC 3339 section 5.6 in Unix seconds. The parser takes more than that, so the shape is checked here.
pub(super) fn expiry(text: &str, now: u64) -> Result<u64, Error> {
    let is_rfc3339 = text.len() <= 40
        && text.as_bytes().get(10).is_some_and(|byte| b"Tt".contains(byte))
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"TtZz:.+-".contains(&byte));
    let time: Option<jiff::Timestamp> = text.parse().ok().filter(|_| is_rfc3339);
    let second = time.and_then(|time| u64::try_from(time.as_second()).ok());
    let second =
        second.ok_or(Error::invalid("expires_at", "must be an RFC 3339 time, such as 2030-01-31T12:00:00Z"))?;
    if second <= now {
        return Err(Error::invalid("expires_at", "must be in the future"));
    }
    Ok(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_holds_what_text_parts_would() {
        let fields = TextFields::of_query("job_id=j+1&&note=a%2Bb%26%C3%A9&empty&t%20=%25").unwrap();
        let said = fields.describe("a".into(), "text/plain".into()).unwrap();
        assert_eq!(said.job_id.as_deref(), Some("j 1"));
        let metadata: Vec<_> = said.metadata.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert_eq!(metadata, [("empty", ""), ("note", "a+b&é"), ("t ", "%")]);
    }

    #[test]
    fn a_query_is_bounded_and_strict() {
        let many: String = (0..65).map(|index| format!("&{index}=x")).collect();
        let long = format!("a={}", "x".repeat(MAX_PART + 1));
        let all: String = (0..9).map(|index| format!("&{index}={}", "x".repeat(MAX_PART))).collect();
        for bad in ["=x", "%0A=x", "%FF=x", "a=%FF", "a=%00", "a=1&a=2", &"n".repeat(129), &many, &long, &all] {
            assert!(TextFields::of_query(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_expiry_is_an_rfc_3339_time_ahead() {
        assert_eq!(expiry("2030-01-31T12:00:00Z", 0).unwrap(), 1_896_091_200);
        assert_eq!(expiry("2030-01-31t13:00:00.999+01:00", 0).unwrap(), 1_896_091_200);
        for bad in [
            "",
            "2030-01-31",
            "2030-01-31 12:00:00Z",
            "2030-01-31T12:00:00",
            "2030-01-31T12:00:00+01:00[Europe/Paris]",
            "1896091200",
            "2030-13-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert!(expiry(bad, 0).is_err(), "{bad}");
        }
        assert!(expiry("2030-01-31T12:00:00Z", 1_896_091_200).is_err());
    }
}
