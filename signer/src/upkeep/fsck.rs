//! `signer fsck`: the comparison by hand.

use super::check::{Check, Pace, Repair};
use crate::{CatalogOpenError, Error, StorageOpenError, catalog::Catalog, clock, storage::Storage};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use proto::{
    settings::Settings,
    storage::{Aws, CatalogUrl, StorageUrl},
};
use std::{
    io::{self, Write},
    time::Duration,
};

/// The subcommand's name.
pub const NAME: &str = "fsck";

const ABOUT: &str = "Compares storage with the catalog, and prints what is in one of them only";
const MORE: &str = "Looks below STORAGE_URL and into DATABASE_URL, and needs no other setting. Other signers may run \
                    meanwhile. One line for each finding:\n  \
                    orphan   something below managed/ that belongs to no file and no upload\n  \
                    missing  a file whose object is not there\n  \
                    changed  a file whose object has another size or ETag than its row\n  \
                    accepted a file whose object was put back from a copy (--accept-copies)\n\n\
                    Examples:\n  \
                    signer fsck\n  \
                    signer fsck --repair --older-than 7d\n  \
                    signer fsck --accept-copies\n\n\
                    Exit codes:\n  \
                    0  nothing found\n  \
                    1  something found\n  \
                    64 wrong usage\n  \
                    69 it could not be compared";
const PACE: Pace = Pace { at_once: 16, pauses: false };

/// What is to be compared, and how.
#[derive(Debug)]
pub struct Fsck {
    storage: StorageUrl,
    aws: Aws,
    catalog: CatalogUrl,
    repair: bool,
    accepts_copies: bool,
    older_than: Duration,
}

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The catalog could not be opened.
    #[error("the catalog cannot be opened: {0}")]
    Catalog(#[from] CatalogOpenError),
    /// Storage could not be opened.
    #[error("storage cannot be opened: {0}")]
    Storage(#[from] StorageOpenError),
    /// Either was away, or answered nonsense.
    #[error("stopped: {0}")]
    Stopped(#[from] Error),
    /// Nobody takes what is printed.
    #[error("the findings cannot be printed: {0}")]
    Output(#[from] io::Error),
}

/// The subcommand, beside the settings that are flags.
#[must_use]
pub fn command() -> Command {
    let repair = Arg::new("repair")
        .long("repair")
        .action(ArgAction::SetTrue)
        .help("Remove orphans; what is missing or changed stays as it is");
    let accept_copies = Arg::new("accept-copies")
        .long("accept-copies")
        .action(ArgAction::SetTrue)
        .help("Read what has changed, and where it is the same bytes by its SHA-256 make the row right");
    let older_than = Arg::new("older-than")
        .long("older-than")
        .value_name("TIME")
        .default_value("24h")
        .value_parser(value_parser!(String))
        .help("Let orphans be that are younger: a number and s, m, h or d; 0s only while no signer runs");
    Command::new(NAME).about(ABOUT).after_help(MORE).arg(repair).arg(accept_copies).arg(older_than)
}

impl Fsck {
    /// Reads what it takes; mistakes stay noted in `settings`.
    #[must_use]
    pub fn read(settings: &mut Settings, flags: &ArgMatches) -> Option<Self> {
        let storage = settings.required("STORAGE_URL").and_then(|_| settings.parsed("STORAGE_URL", str::parse));
        let catalog = settings.required("DATABASE_URL").and_then(|_| settings.parsed("DATABASE_URL", str::parse));
        let older_than = flags.get_one::<String>("older-than").and_then(|text| time(text));
        if older_than.is_none() {
            settings.mistake("--older-than", "must be a number and s, m, h or d, such as 24h");
        }
        let (repair, accepts_copies) = (flags.get_flag("repair"), flags.get_flag("accept-copies"));
        let aws = settings.aws().clone();
        Some(Self { storage: storage?, aws, catalog: catalog?, repair, accepts_copies, older_than: older_than? })
    }

    /// Compares, and prints each finding and how it all stands. Whether all is as it should be.
    ///
    /// # Errors
    /// It could not be done, or not to the end.
    pub async fn run(&self, out: &mut (impl Write + Send)) -> Result<bool, Failed> {
        let storage = Storage::open_existing(&self.storage, &self.aws).await?;
        let catalog = Catalog::open_existing(&self.catalog).await?;
        let repair = if self.repair { Repair::All } else { Repair::Nothing };
        let check = Check {
            catalog: &catalog,
            storage: &storage,
            older_than: self.older_than.as_secs(),
            repair,
            accepts_copies: self.accepts_copies,
            pace: PACE,
        };
        let mut printed = Ok(());
        let mut tell = |finding: &_| {
            if printed.is_ok() {
                printed = writeln!(out, "{finding}");
            }
        };
        let compared = check.run(clock::unix_seconds(), &mut tell).await;
        storage.settle().await;
        catalog.close().await;
        printed?;
        let summary = compared?;
        writeln!(out, "{summary}")?;
        Ok(summary.is_clean())
    }
}

fn time(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse::<u64>().ok().filter(|_| is_plain)?.checked_mul(unit).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_its_unit() {
        for (text, seconds) in [("0s", 0), ("90m", 5_400), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(time(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for bad in
            ["", "24", "h", "-1h", "+1h", "1.5h", "1 h", "1w", "1H", "99999999999999999999s", "9999999999999999999d"]
        {
            assert_eq!(time(bad), None, "{bad}");
        }
    }
}
