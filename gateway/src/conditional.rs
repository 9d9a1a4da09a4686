//! Conditional requests, RFC 9110 section 13: pure decisions on a request's headers and a file's validators.

use crate::request::{Field, Head, visible};
use proto::etag::ETag;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a file's version is known by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Validators<'a> {
    pub(crate) etag: &'a ETag,
    pub(crate) modified_at: u64,
}

/// What the conditions of a request lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Proceed,
    NotModified,
    Failed,
}

impl Validators<'_> {
    /// Evaluates the preconditions in the order of section 13.2.2.
    pub(crate) fn evaluate(&self, request: &Head) -> Outcome {
        let holds = if request.has(Field::IfMatch) {
            self.is_matched(request)
        } else {
            date(request, Field::IfUnmodifiedSince).is_none_or(|since| self.modified() <= since)
        };
        if !holds {
            return Outcome::Failed;
        }
        let is_current = if request.has(Field::IfNoneMatch) {
            self.is_among_none_match(request)
        } else {
            date(request, Field::IfModifiedSince).is_some_and(|since| self.modified() <= since)
        };
        if is_current { Outcome::NotModified } else { Outcome::Proceed }
    }

    /// Section 13.1.5: whether a range may be cut. A weak tag or another date never matches.
    pub(crate) fn allows_range(&self, request: &Head) -> bool {
        !request.has(Field::IfRange)
            || request.one(Field::IfRange).is_some_and(|line| {
                line == self.etag.as_str() || httpdate::parse_http_date(line).is_ok_and(|date| date == self.modified())
            })
    }

    /// Section 13.1.1: strong comparison.
    fn is_matched(&self, request: &Head) -> bool {
        tags(request, Field::IfMatch).any(|tag| tag == "*" || tag == self.etag.as_str())
    }

    /// Section 13.1.2: weak comparison.
    fn is_among_none_match(&self, request: &Head) -> bool {
        tags(request, Field::IfNoneMatch)
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag.as_str())
    }

    fn modified(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.modified_at)
    }
}

/// Every entity tag of a list header, or its `*`. What follows the first malformed member is not read.
fn tags(request: &Head, field: Field) -> impl Iterator<Item = &str> {
    request.all(field).filter_map(visible).flat_map(tags_of_line)
}

fn tags_of_line(line: &str) -> impl Iterator<Item = &str> {
    let is_star = line.trim_matches([' ', '\t']) == "*";
    let mut rest = line;
    let members = std::iter::from_fn(move || {
        let member = rest.trim_start_matches([' ', '\t', ',']);
        let opaque = member.strip_prefix("W/").unwrap_or(member).strip_prefix('"')?;
        let end = member.len() - opaque.len() + opaque.find('"')? + 1;
        rest = &member[end..];
        Some(&member[..end])
    });
    is_star.then_some("*").into_iter().chain(members)
}

/// A date condition; one that is no single HTTP date is ignored (sections 13.1.3 and 13.1.4).
fn date(request: &Head, field: Field) -> Option<SystemTime> {
    httpdate::parse_http_date(request.one(field)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODIFIED: u64 = 784_111_777;
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn outcome(fields: &[(Field, &str)]) -> Outcome {
        let etag = ETag::from_storage("a,b").unwrap();
        Validators { etag: &etag, modified_at: MODIFIED }.evaluate(&Head::of(fields))
    }

    fn allows_range(fields: &[(Field, &str)]) -> bool {
        let etag = ETag::from_storage("a,b").unwrap();
        Validators { etag: &etag, modified_at: MODIFIED }.allows_range(&Head::of(fields))
    }

    #[test]
    fn if_none_match_compares_weakly() {
        for current in ["\"a,b\"", "W/\"a,b\"", "*", "\"x\", \"a,b\"", ",\"a,b\"", " * "] {
            assert_eq!(outcome(&[(Field::IfNoneMatch, current)]), Outcome::NotModified, "{current}");
        }
        for other in [",", "", "\"a\"", "a,b", "\"a,b", "\"x\", *", "w/\"a,b\""] {
            assert_eq!(outcome(&[(Field::IfNoneMatch, other)]), Outcome::Proceed, "{other}");
        }
    }

    #[test]
    fn if_match_compares_strongly() {
        for good in ["\"a,b\"", "*", "\"x\",\"a,b\""] {
            assert_eq!(outcome(&[(Field::IfMatch, good)]), Outcome::Proceed, "{good}");
        }
        for bad in ["\"x\"", "W/\"a,b\"", ",", ""] {
            assert_eq!(outcome(&[(Field::IfMatch, bad)]), Outcome::Failed, "{bad}");
        }
    }

    #[test]
    fn dates_are_compared_and_garbage_is_ignored() {
        for (since, expected) in [
            (DATE, Outcome::NotModified),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Outcome::NotModified),
            ("Sun Nov  6 08:49:37 1994", Outcome::NotModified),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Outcome::NotModified),
            ("Sun, 06 Nov 1994 08:49:36 GMT", Outcome::Proceed),
            ("0", Outcome::Proceed),
            ("yesterday", Outcome::Proceed),
        ] {
            assert_eq!(outcome(&[(Field::IfModifiedSince, since)]), expected, "{since}");
        }
        assert_eq!(outcome(&[(Field::IfUnmodifiedSince, "Sun, 06 Nov 1994 08:49:36 GMT")]), Outcome::Failed);
        assert_eq!(outcome(&[(Field::IfUnmodifiedSince, DATE)]), Outcome::Proceed);
        assert_eq!(outcome(&[(Field::IfUnmodifiedSince, "0")]), Outcome::Proceed);
    }

    #[test]
    fn a_tag_wins_over_a_date_and_a_failed_match_over_all() {
        assert_eq!(outcome(&[(Field::IfNoneMatch, "\"x\""), (Field::IfModifiedSince, DATE)]), Outcome::Proceed);
        assert_eq!(
            outcome(&[(Field::IfMatch, "*"), (Field::IfUnmodifiedSince, "Sun, 06 Nov 1994 08:49:36 GMT")]),
            Outcome::Proceed
        );
        assert_eq!(outcome(&[(Field::IfMatch, "\"x\""), (Field::IfNoneMatch, "*")]), Outcome::Failed);
    }

    #[test]
    fn a_range_is_cut_only_of_the_very_same_version() {
        for same in ["\"a,b\"", DATE] {
            assert!(allows_range(&[(Field::IfRange, same)]), "{same}");
        }
        assert!(allows_range(&[]));
        for other in ["W/\"a,b\"", "\"x\"", "Sun, 06 Nov 1994 08:49:38 GMT", "garbage", "*"] {
            assert!(!allows_range(&[(Field::IfRange, other)]), "{other}");
        }
        assert!(!allows_range(&[(Field::IfRange, DATE), (Field::IfRange, DATE)]));
    }
}
