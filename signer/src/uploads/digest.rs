//! Checksums that a client sends along with a file: `Content-Digest` and `Repr-Digest` (RFC 9530), and `Digest` (RFC 3230)
//! as older clients have it. Content and representation are the same here, for no encoding is taken. Every checksum of an
//! algorithm that is known must be right; others are ignored (RFC 9530 section 2).

use crate::error::Error;
use axum::http::{HeaderMap, HeaderName};
use base64::{Engine, engine::general_purpose::STANDARD};
use sfv::{BareItem, Dictionary, ListEntry, Parser};
use sha2::{Digest, Sha512};

const STRUCTURED: [HeaderName; 2] = [HeaderName::from_static("content-digest"), HeaderName::from_static("repr-digest")];
const OLDER: HeaderName = HeaderName::from_static("digest");
const WHY: &str = "must be of the form that its RFC gives, with sha-256 or sha-512 of their length in base64";

/// What a client says of the bytes that it sends.
#[derive(Debug, Default)]
pub(super) struct Expected {
    sha256: Vec<[u8; 32]>,
    sha512: Vec<[u8; 64]>,
    /// Only where it is asked for: SHA-256 is computed of every file, this one beside it.
    hash: Option<Box<Sha512>>,
}

impl Expected {
    /// Of a request, or of a part of a form.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Error> {
        let mut expected = Self::default();
        for name in STRUCTURED {
            let Some(text) = joined(headers, &name)? else { continue };
            let dictionary: Dictionary = Parser::new(&text).parse().map_err(|_| malformed(&name))?;
            for (algorithm, entry) in &dictionary {
                let ListEntry::Item(item) = entry else { return Err(malformed(&name)) };
                let BareItem::ByteSequence(digest) = &item.bare_item else { return Err(malformed(&name)) };
                expected.add(algorithm.as_str(), digest).ok_or_else(|| malformed(&name))?;
            }
        }
        if let Some(text) = joined(headers, &OLDER)? {
            expected.add_older(&text).ok_or_else(|| malformed(&OLDER))?;
        }
        expected.hash = (!expected.sha512.is_empty()).then(Box::default);
        Ok(expected)
    }

    /// `sha-256=<base64>,md5=<base64>`: RFC 3230 section 4.3.2, algorithms in any case.
    fn add_older(&mut self, text: &str) -> Option<()> {
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (algorithm, digest) = entry.split_once('=')?;
            let algorithm = algorithm.trim().to_ascii_lowercase();
            // Those of other algorithms are not all base64.
            if ["sha-256", "sha-512"].contains(&&*algorithm) {
                self.add(&algorithm, &STANDARD.decode(digest.trim()).ok()?)?;
            }
        }
        Some(())
    }

    /// `None` if it is not as long as the algorithm makes it.
    fn add(&mut self, algorithm: &str, digest: &[u8]) -> Option<()> {
        match algorithm {
            "sha-256" => self.sha256.push(digest.try_into().ok()?),
            "sha-512" => self.sha512.push(digest.try_into().ok()?),
            _ => {}
        }
        Some(())
    }

    /// Takes note of a piece.
    pub(super) fn update(&mut self, piece: &[u8]) {
        if let Some(hash) = &mut self.hash {
            hash.update(piece);
        }
    }

    /// Refuses a file that is not what its client sent; `sha256` is that of all pieces.
    pub(super) fn verify(self, sha256: [u8; 32]) -> Result<(), Error> {
        let sha512: Option<[u8; 64]> = self.hash.map(|hash| hash.finalize().into());
        let are_right = self.sha256.iter().all(|expected| *expected == sha256)
            && self.sha512.iter().all(|expected| Some(*expected) == sha512);
        if are_right { Ok(()) } else { Err(Error::DigestMismatch) }
    }
}

/// Several lines are one list (RFC 9110 section 5.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Error> {
    let lines = headers.get_all(name).iter().map(|line| line.to_str().map_err(|_| malformed(name)));
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    Ok((!lines.is_empty()).then(|| lines.join(", ")))
}

fn malformed(name: &HeaderName) -> Error {
    let shown = match name.as_str() {
        "content-digest" => "Content-Digest",
        "repr-digest" => "Repr-Digest",
        _ => "Digest",
    };
    Error::invalid(shown, WHY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Sha256;

    const SHA256: &str = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    const SHA512: &str = "m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw==";

    fn judge(name: &'static str, lines: &[&str]) -> Result<(), Error> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        let mut expected = Expected::read(&headers)?;
        for piece in [b"hel".as_slice(), b"", b"lo"] {
            expected.update(piece);
        }
        expected.verify(Sha256::digest(b"hello").into())
    }

    #[test]
    fn what_is_right_is_taken_in_every_form() {
        for (name, lines) in [
            ("content-digest", vec![format!("sha-256=:{SHA256}:")]),
            ("repr-digest", vec![format!("sha-512=:{SHA512}:, sha-256=:{SHA256}:")]),
            ("content-digest", vec![format!("sha-256=:{SHA256}:;a=1"), format!("sha-512=:{SHA512}:")]),
            ("digest", vec![format!("SHA-256={SHA256}")]),
            (
                "digest",
                vec![format!(" sha-256 = {SHA256} ,, md5=HUXZLQLMuI/KZ5KDcJPcOA==,UNIXsum=30637"), "sha=x".into()],
            ),
        ] {
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            assert!(judge(name, &lines).is_ok(), "{name}: {lines:?}");
        }
    }

    #[test]
    fn algorithms_that_are_not_known_are_ignored() {
        for (name, line) in
            [("content-digest", "md5=:HUXZLQLMuI/KZ5KDcJPcOA==:"), ("repr-digest", ""), ("digest", "crc32c=x")]
        {
            assert!(judge(name, &[line]).is_ok(), "{name}: {line}");
        }
        assert!(judge("content-digest", &[]).is_ok());
    }

    #[test]
    fn each_one_that_is_known_must_be_right() {
        let other = STANDARD.encode([0; 32]);
        let long = STANDARD.encode([0; 64]);
        for (name, line) in [
            ("content-digest", format!("sha-256=:{other}:")),
            ("repr-digest", format!("sha-256=:{SHA256}:, sha-512=:{long}:")),
            ("digest", format!("sha-256={SHA256},SHA-256={other}")),
            ("digest", format!("sha-512={long}")),
        ] {
            assert!(matches!(judge(name, &[&line]), Err(Error::DigestMismatch)), "{name}: {line}");
        }
    }

    #[test]
    fn what_is_of_no_form_is_refused_by_its_name() {
        let short = STANDARD.encode([0; 31]);
        for (name, line) in [
            ("content-digest", format!("sha-256={SHA256}")),
            ("content-digest", format!("sha-256=\"{SHA256}\"")),
            ("content-digest", format!("sha-256=(:{SHA256}:)")),
            ("content-digest", "sha-256".into()),
            ("content-digest", "sha-256=:é:".into()),
            ("repr-digest", format!("sha-256=:{short}:")),
            ("repr-digest", format!("sha-256=:{SHA256}:,")),
            ("digest", format!("sha-256={short}")),
            ("digest", "sha-256".into()),
            ("digest", "sha-256=!".into()),
        ] {
            let refused = judge(name, &[&line]).unwrap_err();
            let Error::Invalid { field, .. } = &refused else { panic!("{name}: {line}: {refused}") };
            assert!(field.eq_ignore_ascii_case(name), "{field}");
        }
    }
}
