//! The settings of both services on one command line, and what the data folder stands in for.
//!
//! 1. [`read`]: what was given, by flag, variable or file, is taken as it is; what was not comes from the data
//!    folder: storage, catalog, signing secret, and a key for the development identity, which is on exactly when
//!    no other source of users is named;
//! 2. [`Config::read`]: gateway and signer read their own parts, and the development identity gets its bounds;
//! 3. [`Embedded::keep`]: once there is no mistake, what was missing in the data folder is written there.
//!
//! [`keys`] reads the signing keys alone, for a process that runs.

use crate::{
    banner::reachable,
    development::{AccessToken, Development, Expected},
    folder::{Folder, find_signing_secret},
};
use clap::ArgMatches;
use proto::{
    keys::KeyRing,
    settings::{COMMON, Mistakes, Setting, Settings, Source},
};
use signer::{identity::Identity, internal::ServiceTokens};
use std::{io, net::SocketAddr, path::Path};

/// Standalone's own settings, beside those of both services.
pub const SETTINGS: &[Setting] =
    &[Setting::new("DATA_DIR", "./data", "Folder for what is given no other place; made at the first start")];

/// Every setting of the process.
pub const TABLES: [&[Setting]; 4] = [COMMON, gateway::config::SETTINGS, signer::config::SETTINGS, SETTINGS];

/// Any of these names the users, and turns the development identity off.
const IDENTITY: [&str; 3] = ["CLERK_JWT_KEY", "CLERK_JWKS_URL", "CLERK_ISSUER"];

/// Either of these gives the signing keys.
const SIGNING: [&str; 2] = ["FILE_SIGNING_SECRET", "FILE_SIGNING_KEYS"];

/// What the data folder stands in for. Dropped before [`Embedded::keep`], it leaves nothing behind.
#[derive(Default)]
pub struct Embedded {
    /// They go before those of the tables.
    defaults: Vec<(&'static str, String)>,
    folder: Option<Folder>,
    /// The private key of the development identity as PEM, exactly when that is on.
    key: Option<String>,
}

impl Embedded {
    /// Writes into the data folder what was missing there.
    ///
    /// # Errors
    /// It cannot be made durable.
    pub fn keep(self) -> io::Result<()> {
        self.folder.map_or(Ok(()), Folder::keep)
    }
}

/// Reads every setting. A data folder that cannot be used is a mistake like any other.
#[must_use]
pub fn read(flags: &ArgMatches, source: &Source<'_>) -> (Settings, Embedded) {
    let given = Given { settings: Settings::read(&TABLES, flags, source, &[]), flags, source };
    let (embedded, failed) = match given.embedded() {
        Ok(embedded) => (embedded, None),
        Err(error) => (Embedded::default(), Some(error)),
    };
    let mut settings = Settings::read(&TABLES, flags, source, &embedded.defaults);
    if let Some(error) = failed {
        settings.mistake("DATA_DIR", &format!("cannot be used: {error}"));
    }
    (settings, embedded)
}

/// Reads the signing keys again. Nothing is made: a new secret in place of one that is missing would end every link.
///
/// # Errors
/// Keys that cannot be read, or cannot be used.
pub fn keys(flags: &ArgMatches, source: &Source<'_>) -> Result<KeyRing, Mistakes> {
    let tables = [COMMON, SETTINGS];
    let mut given = Given { settings: Settings::read(&tables, flags, source, &[]), flags, source };
    if !given.has_any(&SIGNING) {
        match find_signing_secret(given.data_folder()) {
            Ok(secret) => {
                given.settings = Settings::read(&tables, flags, source, &[("FILE_SIGNING_SECRET", secret)]);
            }
            Err(error) => {
                given.settings.mistake("DATA_DIR", &format!("holds no signing-secret that can be read: {error}"));
                return given.settings.finish(None);
            }
        }
    }
    let keys = given.settings.key_ring();
    given.settings.finish(keys)
}

/// The identity provider's key as it stands now; `None` with the development identity, which never changes.
///
/// # Errors
/// A key that cannot be read, or cannot be used.
pub fn identity(flags: &ArgMatches, source: &Source<'_>) -> Result<Option<Identity>, Mistakes> {
    let mut settings = Settings::read(&[signer::config::SETTINGS], flags, source, &[]);
    if IDENTITY.iter().all(|name| settings.text(name).is_none()) {
        return settings.finish(Some(None));
    }
    let identity = signer::config::identity(&mut settings);
    settings.finish(identity.map(Some))
}

/// The services' tokens as they stand now.
///
/// # Errors
/// A file that cannot be read, or tokens that cannot be used.
pub fn service_tokens(flags: &ArgMatches, source: &Source<'_>) -> Result<ServiceTokens, Mistakes> {
    let mut settings = Settings::read(&[signer::config::SETTINGS], flags, source, &[]);
    let tokens = signer::config::service_tokens(&mut settings);
    settings.finish(tokens)
}

/// What was given, before any default of ours.
struct Given<'a> {
    settings: Settings,
    flags: &'a ArgMatches,
    source: &'a Source<'a>,
}

impl Given<'_> {
    fn embedded(&self) -> io::Result<Embedded> {
        let mut embedded = Embedded::default();
        let scheme = if self.has_any(&["GATEWAY_TLS_CERT"]) { "https" } else { "http" };
        embedded.defaults.push(("PUBLIC_FILES_URL", format!("{scheme}://{}", self.gateway_address())));
        let cache = gateway::config::default_cache_folder(self.source.variable);
        embedded.defaults.push(("GATEWAY_CACHE_DIR", cache));
        if [&["STORAGE_URL"][..], &["DATABASE_URL"], &SIGNING, &IDENTITY].iter().all(|names| self.has_any(names)) {
            return Ok(embedded);
        }
        let mut folder = Folder::open(self.data_folder())?;
        let (storage, catalog) = folder.urls();
        embedded.defaults.extend([("STORAGE_URL", storage), ("DATABASE_URL", catalog)]);
        if !self.has_any(&SIGNING) {
            embedded.defaults.push(("FILE_SIGNING_SECRET", folder.signing_secret()?));
        }
        if !self.has_any(&IDENTITY) {
            let key = folder.development_key()?;
            embedded.defaults.push(("CLERK_JWT_KEY", public_half(&key)?));
            embedded.key = Some(key);
        }
        embedded.folder = Some(folder);
        Ok(embedded)
    }

    fn data_folder(&self) -> &Path {
        Path::new(self.settings.text("DATA_DIR").unwrap_or_default())
    }

    /// Where a browser reaches the gateway. An address that cannot be read is the gateway's mistake to report.
    fn gateway_address(&self) -> String {
        let address = self.settings.text("GATEWAY_LISTEN").and_then(|text| text.trim().parse::<SocketAddr>().ok());
        address.map_or_else(|| "localhost:8080".into(), reachable)
    }

    /// Whether one of these, or the file for it, was named at all: a file that cannot be read counts too.
    fn has_any(&self, names: &[&str]) -> bool {
        let is_named = |name: &str| {
            self.flags.try_get_one::<String>(name).ok().flatten().is_some_and(|text| !text.is_empty())
                || (self.source.variable)(name).is_some_and(|text| !text.is_empty())
        };
        names.iter().any(|name| is_named(name) || is_named(&format!("{name}_FILE")))
    }
}

fn public_half(key_pem: &str) -> io::Result<String> {
    let key = rcgen::KeyPair::from_pem(key_pem).map_err(|error| {
        io::Error::other(format!("development-key.pem is not a key ({error}); delete it and a new one is made"))
    })?;
    Ok(key.public_key_pem())
}

/// What the process is made from.
pub struct Config {
    /// The gateway's part.
    pub gateway: gateway::config::Config,
    /// The signer's part.
    pub signer: signer::config::Config,
    /// The development identity, where it is on.
    pub development: Option<Development>,
}

impl Config {
    /// Reads both services' settings; mistakes stay noted in `settings`.
    #[must_use]
    pub fn read(settings: &mut Settings, embedded: &Embedded) -> Option<Self> {
        let gateway = gateway::config::Config::read(settings);
        let signer = signer::config::Config::read(settings);
        if embedded.key.is_some() {
            refuse_reachable_signer(settings);
        }
        let signer = signer?;
        let development = match &embedded.key {
            Some(key) => Some(development(settings, key, &signer)?),
            None => None,
        };
        Some(Self { gateway: gateway?, signer, development })
    }
}

/// The development identity trusts whoever can reach it, so nobody else may.
fn refuse_reachable_signer(settings: &mut Settings) {
    let address = settings.text("SIGNER_LISTEN").and_then(|text| text.trim().parse::<SocketAddr>().ok());
    if address.is_some_and(|address| !address.ip().is_loopback()) {
        let why = format!("must be a loopback address, unless one of {} names your users", IDENTITY.join(", "));
        settings.mistake("SIGNER_LISTEN", &why);
    }
}

fn development(settings: &mut Settings, key: &str, signer: &signer::config::Config) -> Option<Development> {
    let rules = &signer.identity.rules;
    let expected = Expected { audience: rules.audience.clone(), party: rules.parties.first().cloned() };
    let identity = AccessToken::random()
        .map_err(|error| error.to_string())
        .and_then(|token| Development::new(token, key, expected).map_err(|error| error.to_string()));
    match identity {
        Ok(identity) => Some(identity),
        Err(error) => {
            settings.mistake("DATA_DIR", &format!("holds no usable development-key.pem: {error}"));
            None
        }
    }
}
