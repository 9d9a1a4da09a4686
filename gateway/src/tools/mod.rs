//! Tools for whoever operates a gateway: subcommands that do one thing and end.
//!
//! | module | what it does |
//! |---|---|
//! | `sign` | issues a URL by hand |
//! | `verify` | says whether one is valid |
//! | `explain` | says why one is refused |
//! | `health` | asks a gateway that runs whether it is ready |
//! | [`doctor`] | plays against any server what players play |
//! | `link`, `verdict` | a link as it was pasted; what a gateway makes of it |
//! | `words` | times for people |

mod explain;
mod link;
mod sign;
mod verdict;
mod verify;
mod words;

pub use explain::Explain;
pub use sign::Sign;
pub use verify::Verify;

pub(crate) use link::Link;

use crate::{
    config::SETTINGS,
    doctor::{self, Doctor, Unexamined},
};
use clap::{ArgMatches, Command};
use proto::{
    command_line,
    health::Probe,
    settings::{COMMON, Setting, Settings},
};
use std::io::{self, Read, Write};
use supervision::health;

/// Settings of the tools alone.
pub const TOOL_SETTINGS: &[Setting] = sign::BASE;

/// What is asked for on the command line.
pub enum Tool {
    /// `sign`.
    Sign(Sign),
    /// `verify`.
    Verify(Verify),
    /// `explain`.
    Explain(Explain),
    /// `health`.
    Health(Vec<Probe>),
    /// `doctor`.
    Doctor(Doctor),
}

/// Why a tool could not do what it is for.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Nobody takes what is printed.
    #[error("the result cannot be printed: {0}")]
    Output(#[from] io::Error),
    /// `doctor` found nothing to judge.
    #[error("{0}")]
    Unexamined(#[from] Unexamined),
    /// File and user cannot be looked up.
    #[error("the catalog cannot be read: {0}")]
    Catalog(sqlx::Error),
}

/// Every tool, with those settings that it takes.
#[must_use]
pub fn commands() -> Vec<Command> {
    let with = |tool, names: &[&str]| command_line::tool(tool, &[COMMON, SETTINGS], names);
    vec![
        sign::command(),
        verify::command(),
        explain::command(),
        with(doctor::command(), &[]),
        with(proto::health::command("gateway", 9080), &["GATEWAY_ADMIN_LISTEN"]),
    ]
}

impl Tool {
    /// What the flags of the whole command line ask for; mistakes stay noted in `settings`. `input` is read where a link is
    /// to come from there. `None` without a mistake, if no tool is asked for.
    #[must_use]
    pub fn read(settings: &mut Settings, flags: &ArgMatches, input: impl Read) -> Option<Self> {
        let (name, flags) = flags.subcommand()?;
        match name {
            sign::NAME => Sign::read(settings, flags).map(Self::Sign),
            verify::NAME => Verify::read(settings, flags, input).map(Self::Verify),
            explain::NAME => Explain::read(settings, flags, input).map(Self::Explain),
            proto::health::NAME => Probe::read(settings, flags, &["GATEWAY_ADMIN_LISTEN"]).map(Self::Health),
            doctor::NAME => examine(settings, flags, input),
            _ => None,
        }
    }

    /// Does it, and prints what there is to say. Whether all is well.
    ///
    /// # Errors
    /// It could not be done.
    pub async fn run(&self, out: &mut impl Write, err: &mut impl Write) -> Result<bool, Failed> {
        match self {
            Self::Sign(sign) => sign.run(out, err),
            Self::Verify(verify) => verify.run(out),
            Self::Explain(explain) => explain.run(out).await,
            Self::Health(probes) => Ok(health::ask(probes, out).await?),
            Self::Doctor(doctor) => doctor.run(out).await,
        }
    }
}

fn examine(settings: &mut Settings, flags: &ArgMatches, input: impl Read) -> Option<Tool> {
    let doctor = Doctor::read(flags, input);
    doctor.map(Tool::Doctor).map_err(|mistake| settings.mistake("the URL:", &mistake.to_string())).ok()
}
