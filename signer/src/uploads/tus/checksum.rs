//! `Upload-Checksum`: what the bytes of one request must sum up to.

use super::headers::one;
use crate::error::Error;
use axum::http::{HeaderMap, HeaderName};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha1::Sha1;
use sha2::{Digest, Sha256};

const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
/// As `Tus-Checksum-Algorithm` lists them.
pub(super) const ALGORITHMS: &str = "sha1,sha256";

/// A sum that is expected, beside that of what came so far.
pub(super) struct Checksum {
    expected: Vec<u8>,
    sum: Sum,
}

enum Sum {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Checksum {
    /// `<algorithm> <Base64 of the sum>`, if it is given.
    pub(super) fn read(headers: &HeaderMap) -> Result<Option<Self>, Error> {
        const WHY: &str = "must be sha1 or sha256, a space, and the sum in Base64";
        let Some(line) = one(headers, &UPLOAD_CHECKSUM)? else { return Ok(None) };
        let refused = || Error::invalid("Upload-Checksum", WHY);
        let (algorithm, expected) = line.split_once(' ').ok_or_else(refused)?;
        let expected = STANDARD.decode(expected).map_err(|_| refused())?;
        let (sum, length) = match algorithm {
            "sha1" => (Sum::Sha1(Sha1::new()), 20),
            "sha256" => (Sum::Sha256(Sha256::new()), 32),
            _ => return Err(refused()),
        };
        if expected.len() != length {
            return Err(refused());
        }
        Ok(Some(Self { expected, sum }))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match &mut self.sum {
            Sum::Sha1(sum) => sum.update(bytes),
            Sum::Sha256(sum) => sum.update(bytes),
        }
    }

    pub(super) fn verify(self) -> Result<(), Error> {
        let holds = match self.sum {
            Sum::Sha1(sum) => sum.finalize()[..] == self.expected,
            Sum::Sha256(sum) => sum.finalize()[..] == self.expected,
        };
        if holds { Ok(()) } else { Err(Error::ChecksumMismatch) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_HELLO: [&str; 2] =
        ["sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=", "sha256 LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="];

    fn read(line: &str) -> Result<Option<Checksum>, Error> {
        Checksum::read(&HeaderMap::from_iter([(UPLOAD_CHECKSUM, line.parse().unwrap())]))
    }

    #[test]
    fn the_sum_of_all_pieces_is_compared() {
        for line in OF_HELLO {
            let mut good = read(line).unwrap().unwrap();
            good.update(b"hel");
            good.update(b"lo");
            assert!(good.verify().is_ok(), "{line}");
            let mut bad = read(line).unwrap().unwrap();
            bad.update(b"hello!");
            assert!(matches!(bad.verify(), Err(Error::ChecksumMismatch)), "{line}");
        }
        assert!(Checksum::read(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn what_is_no_checksum_of_ours_is_refused() {
        for bad in [
            "",
            "sha1",
            "sha1 ",
            "md5 XUFAKrxLKna5cZ2REBfFkg==",
            "sha1 LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
            "sha256 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
            "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ0",
            "sha1  qvTGHdzF6KLavt4PO0gs2a6pQ00=",
            "SHA1 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
            "crc32 AAAAAA==",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
