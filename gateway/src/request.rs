//! A request's head, as far as an answer depends on it, from whichever protocol it came.

use http::{HeaderValue, Method, Version, request};
use memchr::memchr;
use proto::trace_context::{TRACEPARENT, TRACESTATE, TraceContext};
use std::ops::Range;

/// What the fields of most requests take, in bytes.
const ROOM: usize = 96;

/// A field that an answer may depend on. No other is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Host,
    IfMatch,
    IfModifiedSince,
    IfNoneMatch,
    IfRange,
    IfUnmodifiedSince,
    Origin,
    Range,
    RequestId,
    TraceParent,
    TraceState,
}

impl Field {
    const ALL: [(Self, &'static str); 11] = [
        (Self::Host, "host"),
        (Self::Range, "range"),
        (Self::IfRange, "if-range"),
        (Self::IfMatch, "if-match"),
        (Self::IfNoneMatch, "if-none-match"),
        (Self::IfModifiedSince, "if-modified-since"),
        (Self::IfUnmodifiedSince, "if-unmodified-since"),
        (Self::Origin, "origin"),
        (Self::RequestId, "x-request-id"),
        (Self::TraceParent, TRACEPARENT),
        (Self::TraceState, TRACESTATE),
    ];

    /// The field of this name, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, own)| name.eq_ignore_ascii_case(own)).map(|(field, _)| *field)
    }
}

/// Method, target, and the fields that count.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) version: Version,
    /// `:authority` of HTTP/2.
    pub(crate) authority: Option<HeaderValue>,
    target: String,
    /// Of the target, its path.
    path: usize,
    /// Those of `fields`, one behind the other.
    values: Vec<u8>,
    fields: Vec<(Field, Range<usize>)>,
}

impl Head {
    /// Of a target in origin form, or `*`.
    pub(crate) fn new(method: Method, version: Version, target: &str) -> Self {
        let target = &target[..memchr(b'#', target.as_bytes()).unwrap_or(target.len())];
        let path = memchr(b'?', target.as_bytes()).unwrap_or(target.len());
        let (values, fields) = (Vec::with_capacity(ROOM), Vec::with_capacity(4));
        Self { method, version, authority: None, target: target.into(), path, values, fields }
    }

    pub(crate) fn push(&mut self, field: Field, value: &[u8]) {
        let start = self.values.len();
        self.values.extend_from_slice(value);
        self.fields.push((field, start..self.values.len()));
    }

    pub(crate) fn path(&self) -> &str {
        &self.target[..self.path]
    }

    /// Without its question mark; empty where there is none.
    pub(crate) fn query(&self) -> &str {
        self.target.get(self.path + 1..).unwrap_or_default()
    }

    /// The values of a field's lines, in their order.
    pub(crate) fn all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().filter(move |(own, _)| *own == field).map(|(_, at)| &self.values[at.clone()])
    }

    pub(crate) fn has(&self, field: Field) -> bool {
        self.fields.iter().any(|(own, _)| *own == field)
    }

    /// The value of a field that was given once, in visible ASCII.
    pub(crate) fn one(&self, field: Field) -> Option<&str> {
        let mut values = self.all(field);
        visible(values.next()?).filter(|_| values.next().is_none())
    }

    /// The trace that the request belongs to, if it says so rightly.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        TraceContext::read(self.all(Field::TraceParent), self.all(Field::TraceState))
    }
}

/// As hyper gives it.
impl From<&request::Parts> for Head {
    fn from(parts: &request::Parts) -> Self {
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        let mut head = Self::new(parts.method.clone(), parts.version, target);
        if parts.version == Version::HTTP_2 {
            let authority = parts.uri.authority().map(|authority| HeaderValue::from_str(authority.as_str()));
            head.authority = authority.and_then(Result::ok);
        }
        for (field, name) in Field::ALL {
            parts.headers.get_all(name).iter().for_each(|value| head.push(field, value.as_bytes()));
        }
        head
    }
}

/// A field's value as text, if it is visible ASCII.
pub(crate) fn visible(value: &[u8]) -> Option<&str> {
    let is_visible = value.iter().all(|b| matches!(b, b' '..=b'~' | b'\t'));
    if is_visible { std::str::from_utf8(value).ok() } else { None }
}

#[cfg(test)]
impl Head {
    /// A request with these fields.
    pub(crate) fn of(fields: &[(Field, &str)]) -> Self {
        let mut head = Self::new(Method::GET, Version::HTTP_11, "/");
        fields.iter().for_each(|(field, value)| head.push(*field, value.as_bytes()));
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_cut_into_its_path_and_its_query() {
        for (target, path, query) in [
            ("/a?b=c&d", "/a", "b=c&d"),
            ("/a", "/a", ""),
            ("/a?", "/a", ""),
            ("/a?b?c", "/a", "b?c"),
            ("/a?b#c?d", "/a", "b"),
            ("*", "*", ""),
        ] {
            let mut head = Head::new(Method::GET, Version::HTTP_11, target);
            head.push(Field::Host, b"host");
            assert_eq!((head.path(), head.query()), (path, query), "{target}");
        }
    }

    #[test]
    fn one_is_a_field_given_once_and_readable() {
        let head = Head::of(&[(Field::Range, "a"), (Field::Host, "b"), (Field::Range, "c"), (Field::Origin, "\u{e9}")]);
        assert_eq!((head.one(Field::Host), head.one(Field::Range), head.one(Field::Origin)), (Some("b"), None, None));
        assert_eq!(head.all(Field::Range).collect::<Vec<_>>(), [b"a", b"c"]);
        assert!(head.has(Field::Origin) && !head.has(Field::IfRange));
    }

    #[test]
    fn names_are_known_in_any_case() {
        for (field, name) in Field::ALL {
            assert_eq!(Field::named(&name.to_uppercase()), Some(field));
        }
        assert_eq!(Field::named("rang"), None);
    }
}
