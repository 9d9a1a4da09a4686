//! Times and spans, for people.

use std::time::{Duration, UNIX_EPOCH};

const UNITS: [(u64, &str); 5] = [(31_536_000, "y"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
/// The last second of the year 9999; what lies behind has no date that people write.
const LAST: u64 = 253_402_300_799;

/// The two largest units of a span: `3 min 12 s`.
pub(super) fn span(seconds: u64) -> String {
    let first = UNITS.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(UNITS.len() - 1);
    let (unit, name) = UNITS[first];
    let rest = UNITS.get(first + 1).map(|(next, name)| (seconds % unit / next, name)).filter(|(count, _)| *count > 0);
    let rest = rest.map(|(count, name)| format!(" {count} {name}")).unwrap_or_default();
    format!("{} {name}{rest}", seconds / unit)
}

/// `in 3 min`, `3 min ago`, `now`.
pub(super) fn distance(then: u64, now: u64) -> String {
    match then.abs_diff(now) {
        0 => "now".into(),
        apart if then > now => format!("in {}", span(apart)),
        apart => format!("{} ago", span(apart)),
    }
}

/// A Unix second with its date, and how far away it is.
pub(super) fn moment(then: u64, now: u64) -> String {
    let date = match then {
        0..=LAST => httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(then)),
        _ => "after the year 9999".into(),
    };
    format!("{then} ({date}, {})", distance(then, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_its_two_largest_units() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (192, "3 min 12 s"),
            (3_600, "1 h"),
            (3_659, "1 h"),
            (90_000, "1 d 1 h"),
            (2_678_400, "31 d"),
            (40_000_000, "1 y 97 d"),
        ] {
            assert_eq!(span(seconds), words);
        }
    }

    #[test]
    fn a_moment_has_its_date_and_its_distance() {
        assert_eq!(moment(192, 0), "192 (Thu, 01 Jan 1970 00:03:12 GMT, in 3 min 12 s)");
        assert_eq!(moment(0, 192), "0 (Thu, 01 Jan 1970 00:00:00 GMT, 3 min 12 s ago)");
        assert!(moment(LAST, LAST).ends_with("31 Dec 9999 23:59:59 GMT, now)"));
        assert!(moment(999_999_999_999_999, 0).contains("after the year 9999, in 31709791 y"));
    }
}
