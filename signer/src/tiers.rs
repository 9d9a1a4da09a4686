//! What a user may have, by the tier that their token names.
//!
//! | who | gets |
//! |---|---|
//! | no tier, or one that nobody described | `RATE_LIMIT`, `MAX_UPLOAD_BYTES`, no bound on the sum, a week |
//! | `free` | the same, but for what `SIGNER_TIERS` says of it |
//! | `premium` | the same with ten times the rate, but for what `SIGNER_TIERS` says of it |
//! | any other tier of `SIGNER_TIERS` | the same, but for what it says |

use crate::rate_limit::Rate;
use proto::settings::{self, Settings};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// The name of the setting: a TOML file with a table a tier.
const SETTING: &str = "SIGNER_TIERS";
/// The longest life of a URL that is ever issued, in seconds: a week.
pub(crate) const MAX_URL_SECONDS: u64 = 604_800;
const PREMIUM_FACTOR: u32 = 10;

/// What one user may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `rate`: URLs and uploads by time.
    pub rate: Rate,
    /// `max_upload_bytes`: of one file.
    pub max_upload_bytes: u64,
    /// `total_bytes`: of all files together; `None` is no bound.
    pub total_bytes: Option<u64>,
    /// `max_url_seconds`: the longest life of a URL.
    pub max_url_seconds: u64,
}

/// Every tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiers {
    default: Limits,
    named: BTreeMap<String, Limits>,
}

impl Tiers {
    /// Reads `RATE_LIMIT`, `MAX_UPLOAD_BYTES` and `SIGNER_TIERS`; mistakes stay noted in `settings`.
    #[must_use]
    pub fn read(settings: &mut Settings) -> Option<Self> {
        let rate = settings.parsed("RATE_LIMIT", str::parse);
        let max_upload_bytes = settings.bytes("MAX_UPLOAD_BYTES");
        let text = settings.text(SETTING).unwrap_or_default().to_owned();
        let table = match text.parse::<Table>() {
            Ok(table) => table,
            Err(error) => {
                settings.mistake(SETTING, &format!("is not TOML: {}", error.message()));
                Table::default()
            }
        };
        // Without those two there is still something to be said of the file.
        let stand_in = Rate::new(1, 1).expect("one a second is a rate");
        let default = Limits {
            rate: rate.unwrap_or(stand_in),
            max_upload_bytes: max_upload_bytes.unwrap_or_default(),
            total_bytes: None,
            max_url_seconds: MAX_URL_SECONDS,
        };
        let tiers =
            Self::described(default, &table, &mut |key, why| settings.mistake(SETTING, &format!("{key} {why}")));
        rate.and(max_upload_bytes).map(|_| tiers)
    }

    /// The same for everybody but `premium`, who may call more often.
    #[must_use]
    pub fn alike(limits: Limits) -> Self {
        Self::described(limits, &Table::default(), &mut |_, _| ())
    }

    fn described(default: Limits, table: &Table, mistake: &mut dyn FnMut(&str, &str)) -> Self {
        let premium = Limits { rate: default.rate.times(PREMIUM_FACTOR), ..default };
        let mut named = BTreeMap::from([("free".to_owned(), default), ("premium".to_owned(), premium)]);
        for (name, described) in table {
            let limits = named.entry(name.clone()).or_insert(default);
            match described.as_table() {
                Some(fields) => limits.describe(name, fields, mistake),
                None => mistake(name, "must be a table, such as [free]"),
            }
        }
        Self { default, named }
    }

    /// What a user of this tier may have.
    pub(crate) fn of(&self, tier: Option<&str>) -> Limits {
        tier.and_then(|tier| self.named.get(tier)).copied().unwrap_or(self.default)
    }

    /// The size of the largest file that any of them may upload.
    pub(crate) fn largest_upload(&self) -> u64 {
        self.named.values().chain([&self.default]).map(|limits| limits.max_upload_bytes).max().unwrap_or_default()
    }
}

impl Limits {
    fn describe(&mut self, tier: &str, fields: &Table, mistake: &mut dyn FnMut(&str, &str)) {
        const BYTES: &str = "must be a number of bytes, such as 1048576, \"64MiB\" or \"5GiB\"";
        for (key, value) in fields {
            let refused = match key.as_str() {
                "rate" => set(&mut self.rate, value.as_str().and_then(|text| text.parse().ok()))
                    .err()
                    .map(|()| "must be a text of calls/time, such as \"100/1h\""),
                "max_upload_bytes" => set(&mut self.max_upload_bytes, bytes(value)).err().map(|()| BYTES),
                "total_bytes" => set(&mut self.total_bytes, bytes(value).map(Some)).err().map(|()| BYTES),
                "max_url_seconds" => set(&mut self.max_url_seconds, seconds(value))
                    .err()
                    .map(|()| "must be a whole number from 1 to 604800"),
                _ => Some("is not known; rate, max_upload_bytes, total_bytes and max_url_seconds are"),
            };
            if let Some(why) = refused {
                mistake(&format!("{tier}.{key}"), why);
            }
        }
    }
}

fn set<T>(place: &mut T, value: Option<T>) -> Result<(), ()> {
    *place = value.ok_or(())?;
    Ok(())
}

fn bytes(value: &Value) -> Option<u64> {
    let number = || value.as_integer().and_then(|number| number.try_into().ok());
    value.as_str().and_then(settings::bytes).or_else(number)
}

fn seconds(value: &Value) -> Option<u64> {
    let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
    number.filter(|number| (1..=MAX_URL_SECONDS).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str) -> (Tiers, Vec<String>) {
        let default =
            Limits { rate: "5/1m".parse().unwrap(), max_upload_bytes: 10, total_bytes: None, max_url_seconds: 100 };
        let mut mistakes = Vec::new();
        let table = text.parse().unwrap();
        let tiers = Tiers::described(default, &table, &mut |key, why| mistakes.push(format!("{key} {why}")));
        (tiers, mistakes)
    }

    #[test]
    fn what_is_not_said_of_a_tier_is_as_for_everybody() {
        let (tiers, mistakes) = described("[team]\nmax_upload_bytes = '1GiB'\n[premium]\ntotal_bytes = 5");
        assert_eq!(mistakes, [""; 0]);
        let default = tiers.of(None);
        assert_eq!(tiers.of(Some("team")), Limits { max_upload_bytes: 1 << 30, ..default });
        let premium = Limits { rate: "50/1m".parse().unwrap(), total_bytes: Some(5), ..default };
        assert_eq!(tiers.of(Some("premium")), premium);
        for same in ["free", "unknown", "", "Premium"] {
            assert_eq!(tiers.of(Some(same)), default, "{same}");
        }
        assert_eq!(tiers.largest_upload(), 1 << 30);
    }

    #[test]
    fn a_tier_says_all_four() {
        let (tiers, _) =
            described("[free]\nrate = '1/1s'\nmax_upload_bytes = 1\ntotal_bytes = '1KiB'\nmax_url_seconds = 604800\n");
        let rate = "1/1s".parse().unwrap();
        let said = Limits { rate, max_upload_bytes: 1, total_bytes: Some(1024), max_url_seconds: 604_800 };
        assert_eq!(tiers.of(Some("free")), said);
    }

    #[test]
    fn every_mistake_is_reported_with_its_key() {
        let (_, mistakes) = described(
            "gold = 1\n[free]\nrate = 100\nmax_upload_bytes = -1\ntotal_bytes = '5GB'\nmax_url_seconds = 604801\n\
             [premium]\nrat = '1/1s'\nrate = '0/1s'\nmax_url_seconds = 1.5\n",
        );
        let keys: Vec<_> = mistakes.iter().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(
            keys,
            [
                "free.max_upload_bytes",
                "free.max_url_seconds",
                "free.rate",
                "free.total_bytes",
                "gold",
                "premium.max_url_seconds",
                "premium.rat",
                "premium.rate"
            ]
        );
    }
}
