//! Reading a query the way both versions do: pairs split at `&`, name from value at the first `=`, names
//! percent-decoded before comparison, `+` a plus.

use crate::refusal::Refusal;
use memchr::{memchr, memchr_iter};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// Room for as many pairs as a URL of ours has.
const USUAL: usize = 10;

/// One `name=value` as on the wire.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    /// The whole pair, undecoded.
    pub(super) raw: &'a str,
    /// The name, undecoded.
    pub(super) name: &'a str,
    /// The value, undecoded; `None` without an `=`.
    pub(super) value: Option<&'a str>,
    /// The name may be another one than it looks like.
    is_escaped: bool,
}

impl<'a> Pair<'a> {
    fn is_named(&self, name: &str) -> bool {
        self.name == name || (self.is_escaped && *decoded(self.name) == *name.as_bytes())
    }

    pub(super) fn decoded_value(&self) -> Cow<'a, [u8]> {
        decoded(self.value.unwrap_or_default())
    }
}

/// The pairs of a query, in their order. An empty query has none; `a&&b` has an empty pair in the middle.
pub(super) struct Query<'a> {
    pairs: Vec<Pair<'a>>,
}

impl<'a> Query<'a> {
    pub(super) fn parse(query: &'a str) -> Self {
        let mut pairs = Vec::new();
        if query.is_empty() {
            return Self { pairs };
        }
        pairs.reserve(USUAL);
        let mut start = 0;
        for end in memchr_iter(b'&', query.as_bytes()).chain([query.len()]) {
            let raw = &query[start..end];
            let (name, value) = match memchr(b'=', raw.as_bytes()) {
                Some(at) => (&raw[..at], Some(&raw[at + 1..])),
                None => (raw, None),
            };
            pairs.push(Pair { raw, name, value, is_escaped: has_escape(name) });
            start = end + 1;
        }
        Self { pairs }
    }

    pub(super) fn pairs(&self) -> &[Pair<'a>] {
        &self.pairs
    }

    /// Version 2 exactly when there is a `v=2` and a `kid`.
    pub(super) fn is_v2(&self) -> bool {
        self.pairs.iter().any(|pair| pair.is_named("kid"))
            && self.pairs.iter().any(|pair| pair.is_named("v") && *pair.decoded_value() == *b"2")
    }

    /// The decoded value of the one parameter of this name.
    pub(super) fn exactly_one(&self, name: &str, missing: &'static str) -> Result<Cow<'a, [u8]>, Refusal> {
        let mut found = self.pairs.iter().filter(|pair| pair.is_named(name));
        match (found.next(), found.next()) {
            (Some(pair), None) if !pair.value.unwrap_or_default().is_empty() => Ok(pair.decoded_value()),
            _ => Err(Refusal::Malformed(missing)),
        }
    }
}

fn has_escape(text: &str) -> bool {
    memchr(b'%', text.as_bytes()).is_some()
}

pub(super) fn decoded(text: &str) -> Cow<'_, [u8]> {
    if has_escape(text) { percent_decode_str(text).into() } else { Cow::Borrowed(text.as_bytes()) }
}

/// A text without its escapes, as far as those are UTF-8.
#[must_use]
pub fn percent_decoded(text: &str) -> String {
    String::from_utf8_lossy(&decoded(text)).into_owned()
}
