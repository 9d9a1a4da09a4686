//! The settings of both services on one command line, and what the data folder stands in for.
//!
//! 1. [`read`]: what was given, by flag, variable or file, is taken as it is; what was not comes from the data
//!    folder: storage, catalog, signing secret, and a key for the development identity, which is on exactly when
//!    no other source of users is named;
//! 2. [`Config::read`]: gateway and signer read their own parts, and the development identity gets its bounds.

use crate::{
    banner::reachable,
    development::{AccessToken, Development, Expected},
    folder::Folder,
};
use clap::ArgMatches;
use proto::settings::{COMMON, Setting, Settings, Source};
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

/// The private key of the development identity, as PEM. Its `Debug` prints nothing.
pub struct DevelopmentKey(String);

impl std::fmt::Debug for DevelopmentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DevelopmentKey(..)")
    }
}

/// Reads every setting, and makes in the data folder what is missing there. The key is there exactly when the
/// development identity is on. A data folder that cannot be used is a mistake like any other.
#[must_use]
pub fn read(flags: &ArgMatches, source: &Source<'_>) -> (Settings, Option<DevelopmentKey>) {
    let given = Given { settings: Settings::read(&TABLES, flags, source, &[]), flags, source };
    let embedded = given.embedded();
    let defaults = embedded.as_ref().map_or(&[][..], |embedded| &embedded.defaults);
    let mut settings = Settings::read(&TABLES, flags, source, defaults);
    match embedded {
        Ok(embedded) => (settings, embedded.key),
        Err(error) => {
            settings.mistake("DATA_DIR", &format!("cannot be used: {error}"));
            (settings, None)
        }
    }
}

/// What the data folder gives, as defaults that go before those of the tables.
#[derive(Default)]
struct Embedded {
    defaults: Vec<(&'static str, String)>,
    key: Option<DevelopmentKey>,
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
        embedded.defaults.push(("PUBLIC_FILES_URL", format!("http://{}", self.gateway_address())));
        if [&["STORAGE_URL"][..], &["DATABASE_URL"], &SIGNING, &IDENTITY].iter().all(|names| self.has_any(names)) {
            return Ok(embedded);
        }
        let folder = Folder::open(Path::new(self.settings.text("DATA_DIR").unwrap_or_default()))?;
        let (storage, catalog) = folder.urls();
        embedded.defaults.extend([("STORAGE_URL", storage), ("DATABASE_URL", catalog)]);
        if !self.has_any(&SIGNING) {
            embedded.defaults.push(("FILE_SIGNING_SECRET", folder.signing_secret()?));
        }
        if !self.has_any(&IDENTITY) {
            let key = folder.development_key()?;
            embedded.defaults.push(("CLERK_JWT_KEY", public_half(&key)?));
            embedded.key = Some(DevelopmentKey(key));
        }
        Ok(embedded)
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
    pub fn read(settings: &mut Settings, key: Option<&DevelopmentKey>) -> Option<Self> {
        let gateway = gateway::config::Config::read(settings);
        let signer = signer::config::Config::read(settings);
        if key.is_some() {
            refuse_reachable_signer(settings);
        }
        let signer = signer?;
        let development = match key {
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

fn development(settings: &mut Settings, key: &DevelopmentKey, signer: &signer::config::Config) -> Option<Development> {
    let rules = &signer.identity.rules;
    let expected = Expected { audience: rules.audience.clone(), party: rules.parties.first().cloned() };
    let identity = AccessToken::random()
        .map_err(|error| error.to_string())
        .and_then(|token| Development::new(token, &key.0, expected).map_err(|error| error.to_string()));
    match identity {
        Ok(identity) => Some(identity),
        Err(error) => {
            settings.mistake("DATA_DIR", &format!("holds no usable development-key.pem: {error}"));
            None
        }
    }
}
