//! Byte ranges, RFC 9110 section 14: from a header and a size to what is cut.

use http_range_header::{SyntacticallyCorrectRange as Asked, parse_range_header};
use std::ops::Range;

/// More ranges than this in one header are answered with the whole file.
const MAX_RANGES: usize = 16;

/// What of a file is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cut {
    /// All of it, as 200.
    Whole,
    /// One range, as 206. Never empty.
    One(Range<u64>),
    /// Ascending, apart from each other, at least two; as 206 `multipart/byteranges`.
    Many(Vec<Range<u64>>),
    /// No byte of the file was asked for: 416.
    Unsatisfiable,
}

impl Cut {
    /// Resolves a `Range` header against a file of `size` bytes. What is malformed is ignored, and so is every
    /// range of an empty file: there is nothing to cut.
    pub(crate) fn resolve(header: &str, size: u64) -> Self {
        match plain(header) {
            Some((first, last)) if size > 0 => {
                resolve_one(Asked::Indexed(first, last), size).map_or(Self::Unsatisfiable, Self::One)
            }
            _ => Self::resolve_parsed(header, size),
        }
    }

    fn resolve_parsed(header: &str, size: u64) -> Self {
        let Ok(parsed) = parse_range_header(header) else { return Self::Whole };
        let asked = parsed.into_ranges();
        if size == 0 || asked.len() > MAX_RANGES {
            return Self::Whole;
        }
        let satisfiable: Vec<_> = asked.into_iter().filter_map(|range| resolve_one(range, size)).collect();
        let bytes_asked: u64 = satisfiable.iter().map(|range| range.end - range.start).fold(0, u64::saturating_add);
        let mut merged = merge(satisfiable);
        match merged.len() {
            0 => Self::Unsatisfiable,
            1 => Self::One(merged.remove(0)),
            _ if bytes_asked > size => Self::Whole,
            _ => Self::Many(merged),
        }
    }
}

/// First and last of what players send: `bytes=<first>-<last>`, in order and short enough for any number. All else is the
/// parser's.
fn plain(header: &str) -> Option<(u64, u64)> {
    let number = |digits: &str| {
        let is_short = matches!(digits.len(), 1..=18) && digits.bytes().all(|b| b.is_ascii_digit());
        is_short.then(|| digits.bytes().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    };
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

/// Section 14.1.2: an end past the end is clipped, a suffix longer than the file is the file. `None` if no byte is left.
fn resolve_one(asked: Asked, size: u64) -> Option<Range<u64>> {
    let range = match asked {
        Asked::FromStart(first) => first..size,
        Asked::FromLast(length) => size.saturating_sub(length)..size,
        Asked::Indexed(first, last) => first..size.min(last.saturating_add(1)),
    };
    (range.start < range.end).then_some(range)
}

/// Section 14.2 allows overlapping and adjacent ranges to be joined; no byte is then sent twice.
fn merge(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 1_000;

    #[test]
    fn the_short_way_decides_as_the_parser_does() {
        let numbers = [
            "",
            "0",
            "1",
            "007",
            "998",
            "999",
            "1000",
            "99999",
            "999999999999999999",
            "18446744073709551616",
            "+1",
            " 1",
        ];
        for size in [0, 1, SIZE, u64::MAX] {
            for (first, last) in numbers.iter().flat_map(|first| numbers.map(|last| (*first, last))) {
                let header = format!("bytes={first}-{last}");
                assert_eq!(Cut::resolve(&header, size), Cut::resolve_parsed(&header, size), "{header} of {size}");
            }
        }
    }

    #[test]
    fn one_range_is_clipped_to_the_file() {
        for (header, range) in [
            ("bytes=0-1", 0..2),
            ("bytes=0-0", 0..1),
            ("bytes=0-", 0..1_000),
            ("bytes=0-999", 0..1_000),
            ("bytes=-1", 999..1_000),
            ("bytes=-5000", 0..1_000),
            ("bytes=999-", 999..1_000),
            ("bytes=0-99999", 0..1_000),
            ("BYTES=0-1", 0..2),
            ("bytes=0-18446744073709551615", 0..1_000),
        ] {
            assert_eq!(Cut::resolve(header, SIZE), Cut::One(range), "{header}");
        }
    }

    #[test]
    fn a_range_outside_the_file_is_unsatisfiable() {
        for header in ["bytes=1000-", "bytes=-0", "bytes=2000-3000", "bytes=1000-,-0", "bytes=18446744073709551615-"] {
            assert_eq!(Cut::resolve(header, SIZE), Cut::Unsatisfiable, "{header}");
        }
    }

    #[test]
    fn what_is_malformed_is_ignored() {
        let digits = format!("bytes={}-", "9".repeat(31));
        for header in [
            "bytes=5-4",
            "alpha",
            "bytes=alpha",
            "bytes=10",
            "bytes=--5",
            "bytes=0x1-0x2",
            "bytes=1-2 3-",
            "items=0-1",
            "bytes=",
            "bytes=,",
            "bytes=+0-1",
            "bytes=0-1,x",
            "",
            "bytes 0-1",
            &digits,
        ] {
            assert_eq!(Cut::resolve(header, SIZE), Cut::Whole, "{header}");
        }
    }

    #[test]
    fn an_empty_file_has_nothing_to_cut() {
        for header in ["bytes=0-", "bytes=-1", "bytes=5-9"] {
            assert_eq!(Cut::resolve(header, 0), Cut::Whole, "{header}");
        }
    }

    #[test]
    fn several_ranges_are_sorted_and_joined_where_they_touch() {
        assert_eq!(Cut::resolve("bytes=-1,0-0", SIZE), Cut::Many(vec![0..1, 999..1_000]));
        assert_eq!(Cut::resolve("bytes=0-9,10-19", SIZE), Cut::One(0..20));
        assert_eq!(Cut::resolve("bytes=0-9,5-14,8-20", SIZE), Cut::One(0..21));
        assert_eq!(Cut::resolve("bytes=0-0,2-2,5000-", SIZE), Cut::Many(vec![0..1, 2..3]));
    }

    #[test]
    fn more_than_sixteen_or_more_than_the_file_is_the_whole_file() {
        let ranges = |count: u64| {
            format!("bytes={}", (0..count).map(|n| format!("{0}-{0}", n * 2)).collect::<Vec<_>>().join(","))
        };
        assert!(matches!(Cut::resolve(&ranges(16), SIZE), Cut::Many(parts) if parts.len() == 16));
        assert_eq!(Cut::resolve(&ranges(17), SIZE), Cut::Whole);
        assert_eq!(Cut::resolve(&format!("bytes={}", ["0-"; 1_300].join(",")), SIZE), Cut::Whole);
        assert_eq!(Cut::resolve("bytes=0-899,0-899,990-", SIZE), Cut::Whole);
    }
}
