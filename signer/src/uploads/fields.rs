//! The text parts of an upload: `job_id` and `expires_at` are fields, every other one is metadata.

use super::{Description, form::TextPart};
use crate::{clock, error::Error, files::job_id};
use std::collections::BTreeMap;

const MAX_PARTS: usize = 64;
/// Bytes of one part.
const MAX_PART: usize = 8 << 10;
/// Bytes of all parts, names too.
const MAX_TOTAL: usize = 64 << 10;

/// The text parts so far.
#[derive(Debug, Default)]
pub(super) struct TextFields {
    texts: BTreeMap<String, String>,
    total: usize,
}

impl TextFields {
    /// Reads a part whole.
    pub(super) async fn take(&mut self, mut part: TextPart<'_>) -> Result<(), Error> {
        if self.texts.len() == MAX_PARTS {
            return Err(Error::invalid("body", "must have at most 64 text parts"));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = part.next().await? {
            bytes.extend_from_slice(&piece);
            let total = self.total + part.name.len() + bytes.len();
            if bytes.len() > MAX_PART || total > MAX_TOTAL {
                return Err(Error::TooLarge {
                    limit: if bytes.len() > MAX_PART { MAX_PART } else { MAX_TOTAL } as u64,
                });
            }
        }
        self.total += part.name.len() + bytes.len();
        let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
        let text = text.ok_or_else(|| Error::invalid(part.name.clone(), "must be UTF-8 text without NUL"))?;
        match self.texts.insert(part.name.clone(), text) {
            None => Ok(()),
            Some(_) => Err(Error::invalid(part.name, "must be given once")),
        }
    }

    /// Everything that is said of the file.
    pub(super) fn describe(self, filename: String, content_type: String) -> Result<Description, Error> {
        describe(self.texts, filename, content_type)
    }
}

/// What is said of a file by texts with names, of which some have a place of their own.
pub(super) fn describe(
    mut texts: BTreeMap<String, String>,
    filename: String,
    content_type: String,
) -> Result<Description, Error> {
    let job_id = texts.remove("job_id").map(job_id).transpose()?;
    let now = clock::unix_seconds();
    let expires_at = texts.remove("expires_at").map(|text| expiry(&text, now)).transpose()?;
    Ok(Description { filename, content_type, job_id, metadata: texts, expires_at, ..Description::default() })
}

/// RFC 3339 section 5.6 in Unix seconds. The parser takes more than that, so the shape is checked here.
fn expiry(text: &str, now: u64) -> Result<u64, Error> {
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
