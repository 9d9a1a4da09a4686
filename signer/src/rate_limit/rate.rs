//! How many calls in how long: `100/1h`.

use std::{fmt, str::FromStr};

/// As many as a window of calls may hold in memory: 16 bytes each.
const MAX_LIMIT: u32 = 1_000_000;
const MAX_SECONDS: u32 = 31 * 86_400;

/// So many calls within any stretch of so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    limit: u32,
    /// Whole seconds: `RateLimit-Policy` has no smaller unit.
    seconds: u32,
}

impl Rate {
    /// `None` unless there is at least one call and one second, at most a million and 31 days.
    #[must_use]
    pub const fn new(limit: u32, seconds: u32) -> Option<Self> {
        let fits = limit >= 1 && limit <= MAX_LIMIT && seconds >= 1 && seconds <= MAX_SECONDS;
        if fits { Some(Self { limit, seconds }) } else { None }
    }

    /// Calls.
    #[must_use]
    pub const fn limit(self) -> u32 {
        self.limit
    }

    /// The window's length.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.seconds
    }

    /// The window's length in milliseconds.
    pub(crate) fn window(self) -> u64 {
        u64::from(self.seconds) * 1000
    }

    /// So many times the calls in the same time, as far as a rate goes.
    pub(crate) fn times(self, factor: u32) -> Self {
        Self { limit: self.limit.saturating_mul(factor).min(MAX_LIMIT), ..self }
    }
}

/// No such rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidRate;

impl fmt::Display for InvalidRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be calls/time, such as 100/1h or 10/30s: 1 to 1000000 calls in up to 31 days (s, m, h, d)")
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let (limit, window) = text.trim().split_once('/').ok_or(InvalidRate)?;
        let digits = window.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
        let unit = match &window[digits.len()..] {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(InvalidRate),
        };
        let seconds = number(digits)?.checked_mul(unit).ok_or(InvalidRate)?;
        Self::new(number(limit)?, seconds).ok_or(InvalidRate)
    }
}

/// Digits and nothing else: no sign, no space.
fn number(text: &str) -> Result<u32, InvalidRate> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).ok_or(InvalidRate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_calls_by_time() {
        for (text, limit, seconds) in [
            ("100/1h", 100, 3600),
            (" 10/30s ", 10, 30),
            ("1/1m", 1, 60),
            ("1000000/31d", 1_000_000, 2_678_400),
            ("5/60s", 5, 60),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.limit(), rate.seconds()), (limit, seconds), "{text}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for bad in [
            "",
            "100",
            "100/h",
            "/1h",
            "0/1h",
            "1/0s",
            "-1/1h",
            "+1/1h",
            "1/+1h",
            "1000001/1h",
            "1/32d",
            "1/1w",
            "1/1H",
            "1/1hh",
            "1.5/1h",
            "1/1h/1h",
            "1 / 1h",
            "99999999999/1h",
            "1/99999999999s",
            "1e3/1h",
        ] {
            assert_eq!(bad.parse::<Rate>(), Err(InvalidRate), "{bad}");
        }
    }

    #[test]
    fn a_multiple_stays_a_rate() {
        assert_eq!("100/1h".parse::<Rate>().unwrap().times(10), "1000/1h".parse().unwrap());
        assert_eq!("900000/1h".parse::<Rate>().unwrap().times(10), "1000000/1h".parse().unwrap());
    }
}
