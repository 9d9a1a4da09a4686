//! Reading a query the way both versions do: pairs split at `&`, name from value at the first `=`, names
//! percent-decoded before comparison, `+` a plus.

use crate::refusal::Refusal;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// One `name=value` as on the wire.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    /// The whole pair, undecoded.
    pub(super) raw: &'a str,
    /// The name, undecoded.
    pub(super) name: &'a str,
    /// The value, undecoded; `None` without an `=`.
    pub(super) value: Option<&'a str>,
}

impl<'a> Pair<'a> {
    fn is_named(&self, name: &str) -> bool {
        self.name == name || (self.name.contains('%') && *decoded(self.name) == *name.as_bytes())
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
        let split = |raw: &'a str| match raw.split_once('=') {
            Some((name, value)) => Pair { raw, name, value: Some(value) },
            None => Pair { raw, name: raw, value: None },
        };
        let pairs = if query.is_empty() { Vec::new() } else { query.split('&').map(split).collect() };
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

pub(super) fn decoded(text: &str) -> Cow<'_, [u8]> {
    if text.contains('%') { percent_decode_str(text).into() } else { Cow::Borrowed(text.as_bytes()) }
}
