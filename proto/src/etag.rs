//! Strong validators: one text for the catalog, the `ETag` header and `If-Match` towards storage.

use std::fmt;

/// A strong entity tag with its quotes, as RFC 9110 section 8.8.3 writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(Box<str>);

impl ETag {
    /// Takes a tag as storage gives it, quoted or not. `None` for a weak or unwritable one,
    /// which cannot pin a version.
    #[must_use]
    pub fn from_storage(text: &str) -> Option<Self> {
        let opaque = match text.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"')?,
            None => text,
        };
        let writable = |byte: u8| byte == b'!' || (b'#'..=b'~').contains(&byte);
        let whole = !opaque.is_empty() && opaque.len() <= 256 && !opaque.starts_with("W/");
        (whole && opaque.bytes().all(writable)).then(|| Self(format!("\"{opaque}\"").into()))
    }

    /// The tag of a file in a folder: changed by every write and replacement, kept by a restored backup
    /// that keeps modification times.
    #[must_use]
    pub fn of_local_file(modified_ns: i128, size: u64) -> Self {
        Self(format!("\"{modified_ns:x}-{size:x}\"").into())
    }

    /// The tag with its quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_tags_are_quoted_once() {
        assert_eq!(ETag::from_storage("\"abc-3\"").unwrap().as_str(), "\"abc-3\"");
        assert_eq!(ETag::from_storage("abc-3").unwrap().as_str(), "\"abc-3\"");
    }

    #[test]
    fn tags_that_pin_nothing_are_refused() {
        for bad in ["", "\"\"", "W/\"abc\"", "\"abc", "a\"b", "a b", "a\r\nb", "é"] {
            assert_eq!(ETag::from_storage(bad), None, "{bad:?}");
        }
    }
}
