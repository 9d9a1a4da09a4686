//! `signer token`: tokens for development, by a key that it makes.
//!
//! None of them opens a service by accident:
//! 1. their issuer is [`DEVELOPMENT_ISSUER`], which a signer takes only if `CLERK_ISSUER` says just that;
//! 2. a signer whose `CLERK_ISSUER` says so listens on loopback addresses only;
//! 3. nothing is signed with a key that was not made here.

use super::Failed;
use crate::{clock, config::SETTINGS, identity::DEVELOPMENT_ISSUER};
use clap::{Arg, ArgMatches, Command, value_parser};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proto::{
    command_line,
    id::UserId,
    settings::{COMMON, Settings},
};
use serde_json::{Map, Value, json};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

pub(super) const NAME: &str = "token";

const MORE: &str = "A key pair is made at the first use: a private key, 0600, and the public half in a file beside it. The tokens' issuer is\n\
                    https://development.invalid. A signer takes them only if CLERK_ISSUER is that, and then it listens on loopback\n\
                    addresses only.\n\n\
                    Examples:\n  \
                    signer token --user-id user_1\n  \
                    curl -H \"Authorization: Bearer $(signer token --user-id user_1)\" http://localhost:8081/api/files\n  \
                    CLERK_JWT_KEY_FILE=development-token.pub.pem CLERK_ISSUER=https://development.invalid signer\n\n\
                    Exit codes:\n  \
                    0  printed\n  \
                    64 wrong usage or settings\n  \
                    69 the key cannot be made, or is not one that was made here";

/// The first line of a private key that was made here (RFC 7468 section 2 lets text stand before it).
const MARK: &str = "Signs tokens for development only: made by signer token";

/// A token to be minted.
#[derive(Debug)]
pub struct Token {
    key: PathBuf,
    claims: Value,
}

pub(super) fn command() -> Command {
    let text = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    let claim = |name: &'static str| text(name, "TEXT").help(format!("The claim `{}`", name.replace('-', "_")));
    let tool = Command::new(NAME)
        .about("Mints a token for development, which no service in production takes")
        .arg(text("user-id", "ID").required(true).value_parser(|id: &str| id.parse::<UserId>()).help("The user: `sub`"))
        .arg(
            text("expires-in", "SECONDS")
                .default_value("3600")
                .value_parser(value_parser!(u64).range(1..=86_400))
                .help("How long it is valid, a day at most"),
        )
        .arg(claim("role"))
        .arg(claim("email"))
        .arg(claim("subscription-tier"))
        .arg(
            text("key", "FILE")
                .default_value("development-token.pem")
                .help("The private key, made if it is not there; its public half is in FILE with .pub.pem at its end"),
        )
        .after_help(MORE);
    command_line::tool(tool, &[COMMON, SETTINGS], &["CLERK_AUDIENCE", "CLERK_AUTHORIZED_PARTIES"])
}

impl Token {
    pub(super) fn read(settings: &Settings, flags: &ArgMatches) -> Option<Self> {
        let (now, lasts) = (clock::unix_seconds(), *flags.get_one::<u64>("expires-in")?);
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.into(), value);
        claim("sub", flags.get_one::<UserId>("user-id")?.as_str().into());
        claim("iss", DEVELOPMENT_ISSUER.into());
        claim("aud", settings.text("CLERK_AUDIENCE").unwrap_or_default().into());
        for (name, second) in [("iat", now), ("nbf", now), ("exp", now + lasts)] {
            claim(name, second.into());
        }
        for (name, flag) in [("role", "role"), ("email", "email"), ("subscription_tier", "subscription-tier")] {
            if let Some(text) = flags.get_one::<String>(flag) {
                claim(name, text.as_str().into());
            }
        }
        let parties = settings.text("CLERK_AUTHORIZED_PARTIES").unwrap_or_default();
        if let Some(party) = parties.split(',').map(str::trim).find(|party| !party.is_empty()) {
            claim("azp", json!(party));
        }
        Some(Self { key: flags.get_one::<String>("key")?.into(), claims: claims.into() })
    }

    /// # Errors
    /// There is no usable key, or nobody takes what is printed.
    pub(super) fn run(&self, out: &mut impl Write, err: &mut impl Write) -> Result<bool, Failed> {
        let pem = self.pem(err)?;
        let key =
            EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| Failed::Key(self.key.clone(), "is no RSA key"))?;
        let header = Header { kid: Some("development".into()), ..Header::new(Algorithm::RS256) };
        let token = jsonwebtoken::encode(&header, &self.claims, &key);
        writeln!(out, "{}", token.map_err(|_| Failed::Key(self.key.clone(), "cannot sign"))?)?;
        Ok(true)
    }

    /// The private key, made if there is none.
    fn pem(&self, err: &mut impl Write) -> Result<String, Failed> {
        let unusable = |why| Failed::Key(self.key.clone(), why);
        match fs::read_to_string(&self.key) {
            Ok(text) => {
                let is_shared = fs::metadata(&self.key)?.permissions().mode() & 0o077 != 0;
                if is_shared {
                    return Err(unusable("is open to other accounts; chmod 600 it"));
                }
                let pem = text
                    .strip_prefix(MARK)
                    .ok_or_else(|| unusable("was not made by signer token, which signs with no other"))?;
                Ok(pem.trim_start().to_owned())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.made(err),
            Err(error) => Err(Failed::KeyFile(self.key.clone(), error)),
        }
    }

    /// The public half first: a private key that is there has its own beside it.
    fn made(&self, err: &mut impl Write) -> Result<String, Failed> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| Failed::KeyFile(path, error)
        };
        let made = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256);
        let pair = made.map_err(|error| failed(&self.key)(io::Error::other(error)))?;
        let (pem, public) = (pair.serialize_pem(), public_half(&self.key));
        write_new(&public, 0o644, &pair.public_key_pem()).map_err(failed(&public))?;
        if let Err(error) = write_new(&self.key, 0o600, &format!("{MARK}\n{pem}")) {
            let _ = fs::remove_file(&public);
            return Err(failed(&self.key)(error));
        }
        let (key, public) = (self.key.display(), public.display());
        writeln!(err, "made {key} and {public}; a signer that takes its tokens has")?;
        writeln!(err, "  CLERK_JWT_KEY_FILE={public} CLERK_ISSUER={DEVELOPMENT_ISSUER}")?;
        Ok(pem)
    }
}

fn public_half(key: &Path) -> PathBuf {
    key.with_extension("pub.pem")
}

/// Nothing that is there is ever written over.
fn write_new(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(text.as_bytes())
}
