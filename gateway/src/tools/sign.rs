//! `gateway sign`: issues a URL by hand.

use super::Failed;
use crate::{clock::Now, config::SETTINGS};
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, builder::NonEmptyStringValueParser, value_parser};
use proto::{
    base_url::base_url,
    command_line,
    health::reachable,
    id::{FileId, KeyId, UserId},
    keys::KeyRing,
    settings::{COMMON, Setting, Settings},
    signed_url::{Disposition, LinkV2, sign_v1, sign_v2, verify},
};
use std::io::Write;

pub(super) const NAME: &str = "sign";

const MORE: &str = "The secret comes from the environment or a file, as the gateway has it; there is no flag for it. Nothing is asked of\n\
                    the catalog: whether the file is there and the user's own shows when the URL is used.\n\n\
                    Examples:\n  \
                    FILE_SIGNING_SECRET_FILE=secret gateway sign --file-id 0190... --user-id user_1 --expires-in 600\n  \
                    gateway sign --file-id 0190... --user-id user_1 --expires-in 600 --disposition inline --filename 'A day.mp4'\n  \
                    curl -r 0-1 -i \"$(gateway sign --file-id 0190... --user-id user_1 --expires-in 60)\"\n\n\
                    Exit codes:\n  \
                    0  printed\n  \
                    64 wrong usage or settings";

/// What printed URLs begin with.
pub(super) const BASE: &[Setting] = &[Setting::unset(
    "PUBLIC_FILES_URL",
    "Base of the URL, as the signer has it; where this gateway listens unless given",
)];

const SETTINGS_TAKEN: [&str; 7] = [
    "FILE_SIGNING_SECRET",
    "FILE_SIGNING_KEYS",
    "ALLOW_SHORT_SIGNING_SECRET",
    "GATEWAY_MAX_URL_SECONDS",
    "GATEWAY_LISTEN",
    "GATEWAY_TLS_CERT",
    "PUBLIC_FILES_URL",
];

/// A URL to be issued.
pub struct Sign {
    keys: KeyRing,
    base: String,
    file: FileId,
    user: UserId,
    expires: u64,
    now: u64,
    max_seconds: u64,
    /// What only version 2 can say; `None`: version 1.
    wishes: Option<Wishes>,
}

struct Wishes {
    disposition: Option<Disposition>,
    filename: Option<String>,
    not_before: Option<u64>,
}

pub(super) fn command() -> Command {
    let text = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    let seconds = || value_parser!(u64).range(1..=999_999_999_999_999);
    let tool = Command::new(NAME)
        .about("Prints a signed URL")
        .arg(text("file-id", "ID").required(true).value_parser(|id: &str| id.parse::<FileId>()).help("The file"))
        .arg(text("user-id", "ID").required(true).value_parser(|id: &str| id.parse::<UserId>()).help("Its owner"))
        .arg(text("expires-in", "SECONDS").value_parser(seconds()).help("Valid for so long from now"))
        .arg(text("expires", "UNIX").value_parser(seconds()).help("The last second at which it is valid"))
        .group(ArgGroup::new("until").args(["expires-in", "expires"]).required(true))
        .arg(Arg::new("v2").long("v2").action(ArgAction::SetTrue).help("Version 2, as the next four are in any case"))
        .arg(text("disposition", "HOW").value_parser(["inline", "attachment"]).help("Whether browsers show or save it"))
        .arg(
            text("filename", "NAME").value_parser(NonEmptyStringValueParser::new()).help("In place of the file's name"),
        )
        .arg(text("not-before", "UNIX").value_parser(seconds()).help("The first second at which it is valid"))
        .arg(text("kid", "KEY").value_parser(|id: &str| id.parse::<KeyId>()).help("The key of the ring that signs"))
        .after_help(MORE);
    command_line::tool(tool, &[COMMON, SETTINGS, BASE], &SETTINGS_TAKEN)
}

impl Sign {
    /// What is asked for; mistakes stay noted in `settings`.
    pub(super) fn read(settings: &mut Settings, flags: &ArgMatches) -> Option<Self> {
        let now = Now::read().unix_seconds;
        let keys = settings.key_ring();
        let max_seconds = settings.value("GATEWAY_MAX_URL_SECONDS", "a number of seconds");
        let base = base(settings);
        let keys = signing_with(keys?, flags.get_one::<KeyId>("kid"), settings)?;
        let expires_in = flags.get_one::<u64>("expires-in").map(|seconds| now + seconds);
        Some(Self {
            keys,
            base: base?,
            file: flags.get_one::<FileId>("file-id")?.clone(),
            user: flags.get_one::<UserId>("user-id")?.clone(),
            expires: expires_in.or_else(|| flags.get_one("expires").copied())?,
            now,
            max_seconds: max_seconds?,
            wishes: Wishes::read(flags),
        })
    }

    /// # Errors
    /// Nobody takes what is printed.
    pub(super) fn run(&self, out: &mut impl Write, err: &mut impl Write) -> Result<bool, Failed> {
        let target = self.target();
        writeln!(out, "{}{target}", self.base)?;
        let (path, query) = target.split_once('?').unwrap_or_default();
        if let Err(refusal) = verify(path, query, &self.keys, self.now, self.max_seconds) {
            writeln!(err, "as things are it opens nothing: {} {}", refusal.status(), refusal.code())?;
        }
        Ok(true)
    }

    fn target(&self) -> String {
        let Self { keys, file, user, expires, now, .. } = self;
        let Some(Wishes { disposition, filename, not_before }) = &self.wishes else {
            return sign_v1(keys, file, user, *expires);
        };
        let (disposition, not_before, filename) = (*disposition, *not_before, filename.as_deref());
        let (expires, issued_at) = (*expires, *now);
        sign_v2(keys, &LinkV2 { file, user, expires, issued_at, not_before, disposition, filename, segment: None })
    }
}

impl Wishes {
    fn read(flags: &ArgMatches) -> Option<Self> {
        let is_wished = ["disposition", "filename", "not-before", "kid"].iter().any(|name| flags.contains_id(name));
        (is_wished || flags.get_flag("v2")).then(|| Self {
            disposition: flags.get_one::<String>("disposition").and_then(|text| text.parse().ok()),
            filename: flags.get_one::<String>("filename").cloned(),
            not_before: flags.get_one("not-before").copied(),
        })
    }
}

fn signing_with(keys: KeyRing, kid: Option<&KeyId>, settings: &mut Settings) -> Option<KeyRing> {
    let Some(kid) = kid else { return Some(keys) };
    let keys = keys.signing_with(kid);
    if keys.is_none() {
        settings.mistake("--kid", "names no key of FILE_SIGNING_KEYS, nor `default`");
    }
    keys
}

fn base(settings: &mut Settings) -> Option<String> {
    if settings.text("PUBLIC_FILES_URL").is_some() {
        return settings.parsed("PUBLIC_FILES_URL", base_url);
    }
    let scheme = if settings.text("GATEWAY_TLS_CERT").is_some() { "https" } else { "http" };
    settings.parsed("GATEWAY_LISTEN", reachable).map(|authority| format!("{scheme}://{authority}"))
}
