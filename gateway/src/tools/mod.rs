//! Tools for whoever operates a gateway: subcommands that do one thing and end.
//!
//! | module | what it does |
//! |---|---|
//! | [`health`] | asks a gateway that runs whether it is ready |
//! | [`doctor`](crate::doctor) | plays against any server what players play |

pub mod health;

use crate::{
    config::SETTINGS,
    doctor::{self, Doctor, Unexamined},
};
use clap::{ArgMatches, Command};
use proto::{
    command_line,
    health::Probe,
    settings::{COMMON, Settings},
};
use std::io::{self, Write};

/// What is asked for on the command line.
pub enum Tool {
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
}

/// Every tool, with those settings that it takes.
#[must_use]
pub fn commands() -> Vec<Command> {
    let with = |tool, names: &[&str]| command_line::tool(tool, &[COMMON, SETTINGS], names);
    vec![with(proto::health::command(), &["GATEWAY_ADMIN_LISTEN"]), with(doctor::command(), &[])]
}

impl Tool {
    /// What the flags of the whole command line ask for; mistakes stay noted in `settings`. `None` without one too, if no
    /// tool is asked for.
    #[must_use]
    pub fn read(settings: &mut Settings, flags: &ArgMatches) -> Option<Self> {
        let (name, flags) = flags.subcommand()?;
        match name {
            proto::health::NAME => Probe::read(settings, flags, &["GATEWAY_ADMIN_LISTEN"]).map(Self::Health),
            doctor::NAME => examine(settings, flags),
            _ => None,
        }
    }

    /// Does it, and prints what there is to say. Whether all is well.
    ///
    /// # Errors
    /// It could not be done.
    pub async fn run(&self, out: &mut impl Write) -> Result<bool, Failed> {
        match self {
            Self::Health(probes) => health::run(probes, out).await,
            Self::Doctor(doctor) => Ok(doctor.run(out).await?),
        }
    }
}

fn examine(settings: &mut Settings, flags: &ArgMatches) -> Option<Tool> {
    let doctor = Doctor::read(flags, || io::read_to_string(io::stdin()).unwrap_or_default());
    doctor.map(Tool::Doctor).map_err(|mistake| settings.mistake("the URL:", &mistake.to_string())).ok()
}
