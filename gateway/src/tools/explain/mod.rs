//! `gateway explain`: why a URL is refused, in words.
//!
//! | module | holds |
//! |---|---|
//! | [`findings`] | each check, what explains a refusal |
//! | [`repairs`] | what happens to links on their way |
//! | [`catalog`] | what the catalog says of file and user |
//! | [`show`] | all of it for people, and as JSON |
//!
//! The verdict is that of [`super::verdict`]. What is printed holds no signature: neither the one of the link nor
//! the right one, with which whoever reads it could open the file.

mod catalog;
mod findings;
mod repairs;
mod show;

use super::{
    Failed,
    link::Link,
    verdict::{Bounds, Verdict},
};
use crate::{catalog::Catalog, config::SETTINGS};
use catalog::Found;
use clap::{Arg, ArgAction, ArgMatches, Command};
use findings::{Findings, Judge, Said};
use proto::{
    command_line,
    settings::{COMMON, Settings},
    storage::CatalogUrl,
};
use std::{
    io::{Read, Write},
    time::Duration,
};

pub(super) const NAME: &str = "explain";

const MORE: &str = "Says which check fails, which key made the signature, and which string is to be signed. With the secret at hand it\n\
                    tries what issuers get wrong: a line end behind the secret, a secret that was decoded, milliseconds, another order,\n\
                    escapes, a path in front, and says what explains it. Neither the link's signature nor the right one is ever printed,\n\
                    nor a secret.\n\n\
                    Examples:\n  \
                    FILE_SIGNING_SECRET_FILE=secret gateway explain \"$URL\"\n  \
                    pbpaste | gateway explain -           # which keeps it out of the shell's history\n  \
                    gateway explain --catalog --now 1767225600 - <link.txt\n  \
                    gateway explain --json - <link.txt | jq .reasons\n\n\
                    Exit codes:\n  \
                    0  it opens the file\n  \
                    1  it is refused, or without a secret not proven\n  \
                    64 wrong usage or settings\n  \
                    69 the catalog cannot be read";

const SETTINGS_TAKEN: [&str; 5] = [
    "FILE_SIGNING_SECRET",
    "FILE_SIGNING_KEYS",
    "ALLOW_SHORT_SIGNING_SECRET",
    "GATEWAY_MAX_URL_SECONDS",
    "DATABASE_URL",
];

/// A link to be explained.
pub struct Explain {
    link: Link,
    judge: Judge,
    catalog: Option<CatalogUrl>,
    is_json: bool,
}

pub(super) fn command() -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let tool = Command::new(NAME)
        .about("Says in words why a signed URL is refused")
        .arg(Link::argument())
        .arg(Bounds::clock_argument())
        .arg(flag("catalog").help("Look file and user up too, in DATABASE_URL; nothing is written"))
        .arg(flag("json").help("Print one JSON object"))
        .after_help(MORE);
    command_line::tool(tool, &[COMMON, SETTINGS], &SETTINGS_TAKEN)
}

impl Explain {
    /// What is asked for; mistakes stay noted in `settings`.
    pub(super) fn read(settings: &mut Settings, flags: &ArgMatches, input: impl Read) -> Option<Self> {
        let secrets = ["FILE_SIGNING_SECRET", "FILE_SIGNING_KEYS"].map(|name| settings.text(name).map(str::to_owned));
        let is_secret_here = secrets.iter().any(Option::is_some);
        let keys = if is_secret_here { settings.key_ring().map(Some) } else { Some(None) };
        let bounds = Bounds::read(settings, flags);
        let catalog = if flags.get_flag("catalog") { catalog_url(settings).map(Some) } else { Some(None) };
        let judge = Judge { keys: keys?, secrets, bounds: bounds? };
        Some(Self { link: Link::read(flags, input), judge, catalog: catalog?, is_json: flags.get_flag("json") })
    }

    /// # Errors
    /// The catalog cannot be read, or nobody takes what is printed.
    pub(super) async fn run(&self, out: &mut impl Write) -> Result<bool, Failed> {
        let (mut findings, now) = (self.judge.look_at(&self.link), self.judge.bounds.now);
        if let Some(url) = &self.catalog {
            self.look_up(url, &mut findings).await?;
        }
        if self.is_json {
            writeln!(out, "{:#}", findings.json(now))?;
        } else {
            write!(out, "{}", findings.page(now))?;
        }
        Ok(findings.verdict.opens())
    }

    async fn look_up(&self, url: &CatalogUrl, findings: &mut Findings) -> Result<(), Failed> {
        let Some(said) = &findings.said else { return Ok(()) };
        let (found, now) = (find(url, said).await?, self.judge.bounds.now);
        if let Verdict::Opens(grant) = &findings.verdict
            && let Err(refusal) = found.admit(grant, now)
        {
            findings.verdict = Verdict::Refused(refusal);
        }
        findings.checks.extend(found.checks(said, &findings.verdict, now));
        Ok(())
    }
}

fn catalog_url(settings: &mut Settings) -> Option<CatalogUrl> {
    settings.required("DATABASE_URL")?;
    settings.parsed("DATABASE_URL", crate::catalog::checked_url)
}

async fn find(url: &CatalogUrl, said: &Said) -> Result<Found, Failed> {
    let catalog = Catalog::open(url, Duration::ZERO).map_err(Failed::Catalog)?;
    let (file, user) = catalog.file_and_user(&said.file, &said.user).await.map_err(Failed::Catalog)?;
    Ok(Found { file, user })
}
