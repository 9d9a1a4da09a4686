//! Tools for whoever operates a signer: subcommands that do one thing and end.
//!
//! | module | what it does |
//! |---|---|
//! | [`crate::upkeep::fsck`] | compares storage with the catalog |
//! | [`crate::import`] | makes files of what storage holds already |
//! | `health` | asks a signer that runs whether it is ready |
//! | `token` | mints tokens for development |

mod token;

pub use token::Token;

use crate::{
    config::SETTINGS,
    import::{self, Import},
    upkeep::fsck::{self, Fsck},
};
use clap::{ArgMatches, Command};
use proto::{
    command_line,
    health::Probe,
    settings::{COMMON, Settings},
};
use std::{
    io::{self, Write},
    path::PathBuf,
};
use supervision::health;

/// What is asked for on the command line.
#[derive(Debug)]
pub enum Tool {
    /// `fsck`.
    Fsck(Fsck),
    /// `import`.
    Import(Import),
    /// `health`.
    Health(Vec<Probe>),
    /// `token`.
    Token(Token),
}

/// Why a tool could not do what it is for.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Storage and catalog could not be compared.
    #[error(transparent)]
    Fsck(#[from] fsck::Failed),
    /// What storage holds could not be registered, or not to the end.
    #[error(transparent)]
    Import(#[from] import::Failed),
    /// Nobody takes what is printed.
    #[error("the result cannot be printed: {0}")]
    Output(#[from] io::Error),
    /// A key that is not to be used.
    #[error("{0} {1}")]
    Key(PathBuf, &'static str),
    /// A key that can be neither read nor made.
    #[error("{0} cannot be used: {1}")]
    KeyFile(PathBuf, io::Error),
}

impl Failed {
    /// Whether it was asked for wrongly.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Import(failed) if failed.is_usage())
    }
}

/// Every tool, with those settings that it takes.
#[must_use]
pub fn commands() -> Vec<Command> {
    let with = |tool, names: &[&str]| command_line::tool(tool, &[COMMON, SETTINGS], names);
    vec![
        with(fsck::command(), &["STORAGE_URL", "DATABASE_URL", "LOG_FORMAT", "RUST_LOG"]),
        with(import::command(), &["STORAGE_URL", "DATABASE_URL", "LOG_FORMAT", "RUST_LOG"]),
        with(proto::health::command("signer", 9081), &["SIGNER_INTERNAL_LISTEN"]),
        token::command(),
    ]
}

impl Tool {
    /// What the flags of the whole command line ask for; mistakes stay noted in `settings`. `None` without one too, if no
    /// tool is asked for.
    #[must_use]
    pub fn read(settings: &mut Settings, flags: &ArgMatches) -> Option<Self> {
        let (name, flags) = flags.subcommand()?;
        match name {
            fsck::NAME => Fsck::read(settings, flags).map(Self::Fsck),
            import::NAME => Import::read(settings, flags).map(Self::Import),
            proto::health::NAME => Probe::read(settings, flags, &["SIGNER_INTERNAL_LISTEN"]).map(Self::Health),
            token::NAME => Token::read(settings, flags).map(Self::Token),
            _ => None,
        }
    }

    /// Does it, and prints what there is to say; `people` gets what does not belong to the result. Whether all is well.
    ///
    /// # Errors
    /// It could not be done.
    pub async fn run(&self, out: &mut (impl Write + Send), people: &mut (impl Write + Send)) -> Result<bool, Failed> {
        match self {
            Self::Fsck(asked) => Ok(asked.run(out).await?),
            Self::Import(asked) => Ok(asked.run(out, people).await?.refused == 0),
            Self::Health(probes) => Ok(health::ask(probes, out).await?),
            Self::Token(token) => token.run(out, people),
        }
    }
}
