//! `gateway verify`: whether a URL opens a file, as far as that stands in the URL.

use super::{
    Failed,
    link::{Link, MAX_HEAD, clock_argument},
    words::distance,
};
use crate::{clock::Now, config::SETTINGS};
use clap::{ArgMatches, Command};
use proto::{
    command_line,
    keys::KeyRing,
    settings::{COMMON, Settings},
    signed_url::{Grant, verify},
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
    now: u64,
    max_seconds: u64,
}

pub(super) fn command() -> Command {
    let tool = Command::new(NAME)
        .about("Says in one line whether a signed URL is valid")
        .arg(Link::argument())
        .arg(clock_argument())
        .after_help(MORE);
    let names = ["FILE_SIGNING_SECRET", "FILE_SIGNING_KEYS", "ALLOW_SHORT_SIGNING_SECRET", "GATEWAY_MAX_URL_SECONDS"];
    command_line::tool(tool, &[COMMON, SETTINGS], &names)
}

impl Verify {
    /// What is asked for; mistakes stay noted in `settings`.
    pub(super) fn read(settings: &mut Settings, flags: &ArgMatches, input: impl Read) -> Option<Self> {
        let keys = settings.key_ring();
        let max_seconds = settings.value("GATEWAY_MAX_URL_SECONDS", "a number of seconds");
        let now = flags.get_one("now").copied().unwrap_or_else(|| Now::read().unix_seconds);
        Some(Self { link: Link::read(flags, input), keys: keys?, now, max_seconds: max_seconds? })
    }

    /// # Errors
    /// Nobody takes what is printed.
    pub(super) fn run(&self, out: &mut impl Write) -> Result<bool, Failed> {
        let (is_valid, line) = match self.judge() {
            Ok(grant) => (true, self.valid(&grant)),
            Err(line) => (false, line),
        };
        writeln!(out, "{line}")?;
        Ok(is_valid)
    }

    fn judge(&self) -> Result<Grant, String> {
        if self.link.is_too_long() {
            return Err(format!("refused: 431, longer than the {MAX_HEAD} bytes of a head that a gateway reads"));
        }
        if self.link.has_spaces_or_controls() {
            return Err("refused: 400 bad_request: no request can hold the spaces or control characters in it".into());
        }
        let target = self.link.target().filter(|target| target.is_served);
        let target = target.ok_or("refused: 404 unknown_route: files are at /files/secure/<file id>")?;
        let granted = verify(target.path, target.query, &self.keys, self.now, self.max_seconds);
        granted.map_err(|refusal| format!("refused: {} {}: {}", refusal.status(), refusal.code(), refusal.message()))
    }

    fn valid(&self, grant: &Grant) -> String {
        let until = distance(grant.expires(), self.now);
        format!("valid: file {} for user {}, expires {until}", grant.file(), grant.user())
    }
}
