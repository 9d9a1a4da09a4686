//! `Upload-Metadata`: pairs of a key and a text in Base64, with commas between.
//!
//! | key | what it is |
//! |---|---|
//! | `filename`, else `name` | the file's name |
//! | `filetype`, else `type` | its media type |
//! | `job_id`, `expires_at` | as in a form |
//! | any other | metadata, as it is |

use super::headers::{UPLOAD_METADATA, one};
use crate::{
    error::Error,
    uploads::{Description, fields::describe, media_type, name},
};
use axum::http::HeaderMap;
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::collections::BTreeMap;

const MAX_PAIRS: usize = 64;
/// Bytes of a key.
const MAX_KEY: usize = 128;
/// Bytes of a text.
const MAX_TEXT: usize = 8 << 10;
/// The name of a file that came without one.
const UNNAMED: &str = "file";

/// Clients differ in whether they pad.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is said of the file.
pub(super) fn read(headers: &HeaderMap) -> Result<Description, Error> {
    let mut texts = pairs(one(headers, &UPLOAD_METADATA)?.unwrap_or_default())?;
    let filename = either(&mut texts, "filename", "name").unwrap_or_else(|| UNNAMED.into());
    let filename = name("filename", filename)?;
    let content_type = media_type(either(&mut texts, "filetype", "type").as_deref(), &filename);
    describe(texts, filename, content_type)
}

fn pairs(line: &str) -> Result<BTreeMap<String, String>, Error> {
    let mut texts = BTreeMap::new();
    for pair in line.split(',').map(str::trim).filter(|_| !line.trim().is_empty()) {
        let (key, text) = pair.split_once(' ').unwrap_or((pair, ""));
        if key.is_empty() || key.len() > MAX_KEY || texts.len() == MAX_PAIRS {
            return Err(refused(
                "must be at most 64 pairs, each of a key of up to 128 characters and a text in Base64",
            ));
        }
        let text = BASE64.decode(text).map_err(|_| refused("must have its texts in Base64"))?;
        let text = String::from_utf8(text).ok().filter(|text| text.len() <= MAX_TEXT && !text.contains('\0'));
        let text = text.ok_or(refused("must have texts of UTF-8, without NUL, of up to 8 KiB"))?;
        if texts.insert(key.to_owned(), text).is_some() {
            return Err(refused("must have each key once"));
        }
    }
    Ok(texts)
}

fn refused(why: &'static str) -> Error {
    Error::invalid("Upload-Metadata", why)
}

/// The text of the first key that has one. Some clients give both with one text; another text is kept where it is.
fn either(texts: &mut BTreeMap<String, String>, first: &str, second: &str) -> Option<String> {
    let Some(text) = texts.remove(first).filter(|text| !text.is_empty()) else {
        return texts.remove(second).filter(|text| !text.is_empty());
    };
    if texts.get(second) == Some(&text) {
        texts.remove(second);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(line: &str) -> Result<Description, Error> {
        read(&HeaderMap::from_iter([(UPLOAD_METADATA, line.parse().unwrap())]))
    }

    fn pair(key: &str, text: &str) -> String {
        format!("{key} {}", BASE64.encode(text))
    }

    #[test]
    fn what_has_a_place_of_its_own_goes_there_and_the_rest_is_metadata() {
        let line = [
            pair("filename", "été 🎬.mp4"),
            pair("filetype", "video/mp4"),
            pair("job_id", "j-1"),
            pair("expires_at", "2100-01-01T00:00:00Z"),
            pair("title", "a\r\nb, \"c\""),
            "is_confidential".into(),
        ];
        let described = described(&line.join(",")).unwrap();
        assert_eq!((described.filename.as_str(), described.content_type.as_str()), ("été 🎬.mp4", "video/mp4"));
        assert_eq!((described.job_id.as_deref(), described.expires_at), (Some("j-1"), Some(4_102_444_800)));
        let rest = [("is_confidential", ""), ("title", "a\r\nb, \"c\"")];
        assert_eq!(described.metadata, rest.map(|(key, text)| (key.to_owned(), text.to_owned())).into());
    }

    #[test]
    fn a_name_is_given_in_one_of_two_ways_or_not_at_all() {
        for (line, filename, content_type, rest) in [
            (String::new(), "file", "application/octet-stream", 0),
            (pair("name", "a.mp4"), "a.mp4", "video/mp4", 0),
            ([pair("name", "a.mp4"), pair("filename", "a.mp4")].join(", "), "a.mp4", "video/mp4", 0),
            ([pair("name", "b"), pair("filename", "a.mp4")].join(","), "a.mp4", "video/mp4", 1),
            ([pair("filename", ""), pair("name", "b")].join(","), "b", "application/octet-stream", 0),
            ([pair("filename", "a.mp4"), pair("type", "text/plain")].join(","), "a.mp4", "text/plain", 0),
            ([pair("filename", "a.mp4"), pair("type", "no type")].join(","), "a.mp4", "application/octet-stream", 0),
            (pair("filename", "../../etc/passwd"), "../../etc/passwd", "application/octet-stream", 0),
        ] {
            let described = described(&line).unwrap();
            let found = (described.filename.as_str(), described.content_type.as_str(), described.metadata.len());
            assert_eq!(found, (filename, content_type, rest), "{line}");
        }
        assert_eq!(read(&HeaderMap::new()).unwrap().filename, "file");
    }

    #[test]
    fn padding_is_the_clients_choice() {
        assert_eq!(described("filename YQ==").unwrap().filename, "a");
        assert_eq!(described("filename YQ").unwrap().filename, "a");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let many: Vec<_> = (0..65).map(|n| pair(&n.to_string(), "x")).collect();
        for bad in [
            "filename !",
            "filename YQ== YQ==",
            "filename  YQ==",
            "a YQ,a YQ",
            ",",
            "a YQ,",
            "a YQ,,b YQ",
            "filename /w",
            "title AA",
            &format!("{} YQ", "k".repeat(129)),
            &pair("title", &"x".repeat((8 << 10) + 1)),
            &pair("filename", &"n".repeat(1025)),
            &pair("job_id", &"j".repeat(129)),
            &pair("expires_at", "tomorrow"),
            &pair("expires_at", "2001-01-01T00:00:00Z"),
            &many.join(","),
        ] {
            assert!(described(bad).is_err(), "{bad:?}");
        }
        assert!(described(&many[1..].join(",")).is_ok());
    }
}
