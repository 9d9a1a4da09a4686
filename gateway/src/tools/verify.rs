//! `gateway verify`: whether a URL opens a file, as far as that stands in the URL.

use super::{
    Failed,
    link::Link,
    verdict::{Bounds, Verdict},
    words::distance,
};
use crate::config::SETTINGS;
use clap::{ArgMatches, Command};
use proto::{
    command_line,
    keys::KeyRing,
    settings::{COMMON, Settings},
    signed_url::Grant,
};
use std::io::{Read, Write};

pub(super) const NAME: &str = "verify";

const MORE: &str = "The gateway's own verdict, but for the catalog: whether the file is there, the user's own and not revoked. The link\n\
                    is never printed.\n\n\
                    Examples:\n  \
                    FILE_SIGNING_SECRET_FILE=secret gateway verify \"$URL\"\n  \
                    pbpaste | gateway verify -            # which keeps it out of the shell's history\n\n\
                    Exit codes:\n  \
                    0  valid\n  \
                    1  refused\n  \
                    64 wrong usage or settings";

/// A URL to be verified.
pub struct Verify {
    link: Link,
    keys: KeyRing,
    bounds: Bounds,
}

pub(super) fn command() -> Command {
    let tool = Command::new(NAME)
        .about("Says in one line whether a signed URL is valid")
        .arg(Link::argument())
        .arg(Bounds::clock_argument())
        .after_help(MORE);
    let names = ["FILE_SIGNING_SECRET", "FILE_SIGNING_KEYS", "ALLOW_SHORT_SIGNING_SECRET", "GATEWAY_MAX_URL_SECONDS"];
    command_line::tool(tool, &[COMMON, SETTINGS], &names)
}

impl Verify {
    /// What is asked for; mistakes stay noted in `settings`.
    pub(super) fn read(settings: &mut Settings, flags: &ArgMatches, input: impl Read) -> Option<Self> {
        let keys = settings.key_ring();
        let bounds = Bounds::read(settings, flags);
        Some(Self { link: Link::read(flags, input), keys: keys?, bounds: bounds? })
    }

    /// # Errors
    /// Nobody takes what is printed.
    pub(super) fn run(&self, out: &mut impl Write) -> Result<bool, Failed> {
        let verdict = Verdict::on(&self.link, Some(&self.keys), self.bounds);
        let line = match &verdict {
            Verdict::Opens(grant) => self.valid(grant),
            refused => {
                let (status, _, code, message) = refused.answer();
                format!("refused: {status} {code}: {message}")
            }
        };
        writeln!(out, "{line}")?;
        Ok(verdict.opens())
    }

    fn valid(&self, grant: &Grant) -> String {
        let until = distance(grant.expires(), self.bounds.now);
        format!("valid: file {} for user {}, expires {until}", grant.file(), grant.user())
    }
}
