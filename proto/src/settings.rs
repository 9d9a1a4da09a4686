//! Settings: one table gives the flags, the environment variables, the help text and the defaults.
//!
//! A flag wins over the environment, the environment over the default; an empty variable counts as unset.
//! A secret is also taken from the file that `NAME_FILE` names. Every mistake is collected, none prints a value.
//! [`crate::command_line`] makes the flags.

#[cfg(test)]
mod tests;

use crate::storage::Aws;
use clap::ArgMatches;
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fmt,
    str::FromStr,
};

/// What names of ours begin with. Clerk's have other users, and are not ours to judge.
const PREFIXES: [&str; 3] = ["FILE_SIGNING_", "GATEWAY_", "SIGNER_"];

/// The object store's variables that are secret, and are also taken from the file that `NAME_FILE` names.
const AWS_SECRETS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// The exit code of a process whose settings are wrong: `EX_USAGE`.
pub const EXIT_USAGE: i32 = 64;

/// One setting as `--help` shows it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Environment name; the flag is the same in lower case with dashes.
    pub name: &'static str,
    /// Text that stands in for a value not given.
    pub default: Option<&'static str>,
    /// One line.
    pub help: &'static str,
    /// Also taken from the file that `NAME_FILE` names, again on SIGHUP.
    pub secret: bool,
    /// Where another service is, as a URL that may hold a password: also taken from such a file, when the process starts.
    pub connection: bool,
    /// Given as the path of a text file; what it means is that file's text.
    pub document: bool,
}

impl Setting {
    /// A setting with a default.
    #[must_use]
    pub const fn new(name: &'static str, default: &'static str, help: &'static str) -> Self {
        Self { name, default: Some(default), help, secret: false, connection: false, document: false }
    }

    /// A setting that is unset until given.
    #[must_use]
    pub const fn unset(name: &'static str, help: &'static str) -> Self {
        Self { name, default: None, help, secret: false, connection: false, document: false }
    }

    /// A secret, also read from `NAME_FILE`.
    #[must_use]
    pub const fn secret(name: &'static str, help: &'static str) -> Self {
        Self { name, default: None, help, secret: true, connection: false, document: false }
    }

    /// A URL that may hold a password, unset until given.
    #[must_use]
    pub const fn connection(name: &'static str, help: &'static str) -> Self {
        Self { name, default: None, help, secret: false, connection: true, document: false }
    }

    /// Whether `NAME_FILE` names a file that holds it.
    #[must_use]
    pub const fn has_file(&self) -> bool {
        self.secret || self.connection
    }

    /// The path of a text file, unset until given. [`Settings::text`] is the file's text.
    #[must_use]
    pub const fn document(name: &'static str, help: &'static str) -> Self {
        Self { name, default: None, help, secret: false, connection: false, document: true }
    }
}

const STORAGE_URL: Setting =
    Setting::unset("STORAGE_URL", "file:///absolute/folder, or s3://bucket/prefix with the usual AWS_* variables");

/// What both services take.
pub const COMMON: &[Setting] = &[
    Setting::secret("FILE_SIGNING_SECRET", "Secret of key `default`, at least 32 bytes; signs version 1 URLs"),
    Setting::secret("FILE_SIGNING_KEYS", "More keys as id:secret,id:secret; the first signs version 2 URLs"),
    Setting::new("ALLOW_SHORT_SIGNING_SECRET", "false", "Start with an inherited secret under 32 bytes"),
    STORAGE_URL,
    Setting::connection(
        "DATABASE_URL",
        "The catalog: sqlite:///absolute/catalog.db, or postgres://user:password@host/database",
    ),
    Setting::new("DRAIN_DELAY_SECONDS", "0", "After SIGTERM, go on accepting for this long while /readyz says 503"),
    Setting::new("DRAIN_SECONDS", "30", "Then finish running transfers for at most this long"),
    Setting::new("LOG_FORMAT", "text", "text or json"),
    Setting::new("RUST_LOG", "info", "Log filter, as of tracing's EnvFilter"),
    Setting::unset(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "A collector that takes traces by OTLP over HTTP, such as http://localhost:4318; none are exported unless given",
    ),
];

/// Where values come from besides flags. Passed in, so that this module reads nothing itself.
pub struct Source<'a> {
    /// An environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// The names of all that are set.
    pub names: &'a [String],
    /// A file's text.
    pub file: &'a dyn Fn(&str) -> Result<String, std::io::Error>,
    /// Whether accounts other than its owner's may read a file.
    pub is_shared: &'a dyn Fn(&str) -> bool,
    /// Every variable whose name begins with `AWS_`: the object store's own, too many to list.
    pub aws: &'a Aws,
}

/// Every mistake found in the settings, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the settings are not usable:")?;
        self.0.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        write!(f, "--help lists every setting")
    }
}

impl std::error::Error for Mistakes {}

/// Values being read, and the mistakes found so far. Its `Debug` prints no value.
pub struct Settings {
    values: BTreeMap<&'static str, String>,
    aws: Aws,
    mistakes: Vec<String>,
    warnings: Vec<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Settings {
    /// Reads every setting of the tables, for a tool those that it takes. `defaults` go before those of the tables, a tool's
    /// own flags before the program's.
    #[must_use]
    pub fn read(tables: &[&[Setting]], flags: &ArgMatches, source: &Source<'_>, defaults: &[(&str, String)]) -> Self {
        let mut settings =
            Self { values: BTreeMap::new(), aws: source.aws.clone(), mistakes: Vec::new(), warnings: Vec::new() };
        settings.warn_of_unknown(tables, source);
        if is_taken(&STORAGE_URL, flags) {
            settings.read_aws_files(source);
        }
        for setting in tables.iter().copied().flatten().filter(|setting| is_taken(setting, flags)) {
            let own = defaults.iter().find(|(name, _)| *name == setting.name).map(|(_, value)| value.clone());
            let given = settings.given(setting, flags, source);
            if let Some(value) = given.or(own).or(setting.default.map(Into::into)) {
                settings.values.insert(setting.name, value);
            }
        }
        settings
    }

    /// A name with the prefix of one of ours that is none of ours is most likely misspelt. The tables of the other service
    /// may stand in the same environment.
    fn warn_of_unknown(&mut self, tables: &[&[Setting]], source: &Source<'_>) {
        let own = || tables.iter().copied().flatten().map(|setting| setting.name);
        let prefixes: BTreeSet<_> =
            PREFIXES.into_iter().filter(|prefix| own().any(|name| name.starts_with(prefix))).collect();
        for name in source.names {
            let is_ours = prefixes.iter().any(|prefix| name.starts_with(prefix));
            let is_known = own().any(|own| name.strip_suffix("_FILE").unwrap_or(name) == own || name == own);
            if is_ours && !is_known {
                self.warnings.push(format!("{name} is set and is no setting; --help lists every setting"));
            }
        }
    }

    /// What is worth a line in the log, once there is one.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn given(&mut self, setting: &Setting, flags: &ArgMatches, source: &Source<'_>) -> Option<String> {
        if setting.secret && flags.subcommand().is_some() && flag(setting.name, flags).is_some() {
            let why = format!("is no flag of a tool, for others can read a command line; set {}_FILE", setting.name);
            self.mistake(setting.name, &why);
        }
        let direct = self.flag_or_variable(setting.name, flags, source);
        let file_name = format!("{}_FILE", setting.name);
        let path = if setting.has_file() { self.flag_or_variable(&file_name, flags, source) } else { None };
        if path.is_some() && direct.is_some() {
            self.mistake(setting.name, &format!("is given twice, also by {file_name}"));
        }
        match (path, direct) {
            (Some(path), _) => self.secret_file(&file_name, &path, source),
            (None, Some(path)) if setting.document => self.file(setting.name, &path, source),
            (None, direct) => direct,
        }
    }

    /// The object store's keys, too, may lie in files.
    fn read_aws_files(&mut self, source: &Source<'_>) {
        for name in AWS_SECRETS {
            let file_name = format!("{name}_FILE");
            let Some(path) = self.aws.take(&file_name).filter(|path| !path.is_empty()) else { continue };
            if self.aws.take(name).is_some_and(|value| !value.is_empty()) {
                self.mistake(name, &format!("is given twice, also by {file_name}"));
            }
            if let Some(value) = self.secret_file(&file_name, &path, source) {
                self.aws.0.push((name.to_owned(), value));
            }
        }
    }

    fn secret_file(&mut self, file_name: &str, path: &str, source: &Source<'_>) -> Option<String> {
        if (source.is_shared)(path.trim()) {
            self.warnings.push(format!("{file_name} names a file that other accounts may read; chmod 600 it"));
        }
        self.file(file_name, path, source).map(|text| without_newline(&text).to_owned())
    }

    fn file(&mut self, name: &str, path: &str, source: &Source<'_>) -> Option<String> {
        match (source.file)(path.trim()) {
            Ok(text) => Some(text),
            Err(error) => {
                self.mistake(name, &format!("names a file that cannot be read: {error}"));
                None
            }
        }
    }

    fn flag_or_variable(&mut self, name: &str, flags: &ArgMatches, source: &Source<'_>) -> Option<String> {
        let variable = || match (source.variable)(name)?.into_string() {
            Ok(text) => Some(text),
            Err(_) => {
                self.mistake(name, "is not UTF-8");
                None
            }
        };
        flag(name, flags).or_else(variable).filter(|text| !text.is_empty())
    }

    /// The value as it was given.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The value, or a mistake if there is none.
    pub fn required(&mut self, name: &str) -> Option<String> {
        let value = self.values.get(name).cloned();
        if value.is_none() {
            self.mistake(name, "is required");
        }
        value
    }

    /// The value made into what it means; a mistake, with `parse`'s words, if that fails.
    pub fn parsed<T, E: fmt::Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        match parse(self.values.get(name)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.mistake(name, &error.to_string());
                None
            }
        }
    }

    /// A value that [`FromStr`] reads; `expected` says what it should have been.
    pub fn value<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        self.parsed(name, |text| text.trim().parse().map_err(|_| format!("must be {expected}")))
    }

    /// A number of bytes: digits, with `KiB`, `MiB` or `GiB` behind them if wanted.
    pub fn bytes(&mut self, name: &str) -> Option<u64> {
        self.parsed(name, |text| bytes(text).ok_or("must be a number of bytes, such as 1048576, 64MiB or 5GiB"))
    }

    /// The `AWS_*` variables, for the object store.
    #[must_use]
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// The ring of signing keys.
    pub fn key_ring(&mut self) -> Option<crate::keys::KeyRing> {
        let allow_short = self.value("ALLOW_SHORT_SIGNING_SECRET", "true or false").unwrap_or(false);
        let text = |name| self.values.get(name).map(String::as_str);
        match crate::keys::KeyRing::from_settings(text("FILE_SIGNING_SECRET"), text("FILE_SIGNING_KEYS"), allow_short) {
            Ok(ring) => Some(ring),
            Err(error) => {
                self.note(error.to_string());
                None
            }
        }
    }

    /// Notes a mistake. `why` never holds the value.
    pub fn mistake(&mut self, name: &str, why: &str) {
        self.note(format!("{name} {why}"));
    }

    /// Two services that share a setting find the same mistake in it.
    fn note(&mut self, line: String) {
        if !self.mistakes.contains(&line) {
            self.mistakes.push(line);
        }
    }

    /// The finished configuration.
    ///
    /// # Errors
    /// Every mistake that was noted.
    pub fn finish<T>(self, config: Option<T>) -> Result<T, Mistakes> {
        match config {
            Some(config) if self.mistakes.is_empty() => Ok(config),
            _ => Err(Mistakes(self.mistakes)),
        }
    }
}

/// By the tool that was asked for; a program takes all.
fn is_taken(setting: &Setting, flags: &ArgMatches) -> bool {
    let Some((_, own)) = flags.subcommand() else { return true };
    let has = |name: &str| own.try_get_one::<String>(name).is_ok();
    has(setting.name) || (setting.secret && has(&format!("{}_FILE", setting.name)))
}

/// Of the tool that was asked for, else of the program.
fn flag(name: &str, flags: &ArgMatches) -> Option<String> {
    let given = |flags: &ArgMatches| flags.try_get_one::<String>(name).ok().flatten().cloned();
    flags.subcommand().and_then(|(_, own)| given(own)).or_else(|| given(flags))
}

fn without_newline(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// A number of bytes: digits, with `KiB`, `MiB` or `GiB` behind them if wanted.
#[must_use]
pub fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(unit)
}
