//! Tools for whoever operates it: subcommands that do one thing and end.

use crate::config::TABLES;
use clap::{ArgMatches, Command};
use gateway::tools::Tool;
use proto::{
    command_line,
    health::{self, Probe},
    settings::{Mistakes, Settings, Source},
};

/// Both services' listeners for operators.
const LISTENERS: [&str; 2] = ["GATEWAY_ADMIN_LISTEN", "SIGNER_INTERNAL_LISTEN"];

/// Every tool, with those settings that it takes.
#[must_use]
pub fn commands() -> Vec<Command> {
    vec![command_line::tool(health::command("standalone", 9080), &TABLES, &LISTENERS)]
}

/// The tool that the flags of the whole command line ask for.
///
/// # Errors
/// Every mistake in its settings.
pub fn read(flags: &ArgMatches, source: &Source<'_>) -> Result<Tool, Mistakes> {
    let mut settings = Settings::read(&TABLES, flags, source, &[]);
    let probes = flags.subcommand().and_then(|(_, own)| Probe::read(&mut settings, own, &LISTENERS));
    settings.finish(probes.map(Tool::Health))
}
