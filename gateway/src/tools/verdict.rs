//! What a gateway makes of a link, but for the catalog: its own checks, and its own words.

use super::link::{Link, Target};
use crate::{clock::Now, reject::Reject};
use clap::{Arg, ArgMatches, value_parser};
use proto::{
    keys::KeyRing,
    refusal::Refusal,
    settings::Settings,
    signed_url::{Claims, Grant, verify},
};

/// What links are judged by, beside the keys.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// In Unix seconds.
    pub(super) now: u64,
    /// `GATEWAY_MAX_URL_SECONDS`.
    pub(super) max_seconds: u64,
}

/// What becomes of a request for a link.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    Opens(Grant),
    Refused(Refusal),
    /// No route leads there.
    NoRoute,
    /// Longer than a head may be.
    TooLong,
    /// With characters that no request can hold.
    Unsendable,
    /// As far as that can be told without the secret.
    Unproven,
}

impl Bounds {
    /// `--now`.
    pub(super) fn clock_argument() -> Arg {
        Arg::new("now")
            .long("now")
            .value_name("UNIX")
            .value_parser(value_parser!(u64).range(..=999_999_999_999_999))
            .help("Judge as if this were the time, in Unix seconds")
    }

    /// Of a tool that takes [`Bounds::clock_argument`]; mistakes stay noted in `settings`.
    pub(super) fn read(settings: &mut Settings, flags: &ArgMatches) -> Option<Self> {
        let max_seconds = settings.value("GATEWAY_MAX_URL_SECONDS", "a number of seconds")?;
        let now = flags.get_one("now").copied().unwrap_or_else(|| Now::read().unix_seconds);
        Some(Self { now, max_seconds })
    }
}

impl Verdict {
    /// The gateway's own; without keys what its other checks say.
    pub(super) fn on(link: &Link, keys: Option<&KeyRing>, bounds: Bounds) -> Self {
        if link.is_too_long() {
            return Self::TooLong;
        }
        if link.has_spaces_or_controls() {
            return Self::Unsendable;
        }
        let target = link.target().filter(|target| target.is_served);
        let Some(Target { path, query, .. }) = target else { return Self::NoRoute };
        let judged = match keys {
            Some(keys) => verify(path, query, keys, bounds.now, bounds.max_seconds).map(Self::Opens),
            None => refuse_without_keys(path, query, bounds).map(|()| Self::Unproven),
        };
        judged.unwrap_or_else(Self::Refused)
    }

    pub(super) fn opens(&self) -> bool {
        matches!(self, Self::Opens(_))
    }

    /// Status, `error`, `code` and sentence of the answer.
    pub(super) fn answer(&self) -> (u16, &'static str, &'static str, String) {
        let reject = match self {
            Self::Opens(_) => return (200, "", "granted", "A request for this link is answered with the file.".into()),
            Self::Unproven => {
                let message = "It may open the file: whether the signature is right was not looked at.";
                return (0, "", "unproven", message.into());
            }
            Self::TooLong => return (431, "", "too_large", "The link is too long to be read.".into()),
            Self::Unsendable => Reject::Framing(
                "No request can hold the spaces or control characters in it; give the link as it was issued.",
            ),
            Self::NoRoute => Reject::UnknownRoute,
            Self::Refused(refusal) => Reject::Refused(*refusal),
        };
        (reject.status().as_u16(), reject.error(), reject.code(), reject.message())
    }
}

fn refuse_without_keys(path: &str, query: &str, Bounds { now, max_seconds }: Bounds) -> Result<(), Refusal> {
    let claims = Claims::read(path, query)?;
    claims.refuse_expired(now)?;
    claims.refuse_early(now)?;
    claims.refuse_long(now, max_seconds)
}
