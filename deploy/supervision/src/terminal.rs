//! Who typed the command: what is asked for, what is said, and the code to end with.

use clap::{ArgMatches, Command};
use proto::{command_line::parse, settings::EXIT_USAGE};
use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

/// The arguments of this process.
///
/// # Errors
/// There is no more to do: `--help` and the like were answered, or a mistake was told.
pub fn arguments(program: &Command) -> Result<ArgMatches, ExitCode> {
    parse(program, std::env::args_os()).map_err(|answer| match answer.is_mistake {
        true => say(io::stderr(), answer.text, EXIT_USAGE),
        false => say(io::stdout(), answer.text, 0),
    })
}

/// Says something before the process ends with this code. A stream that cannot be written to leaves nobody to tell.
pub fn say(mut to: impl Write, what: impl Display, code: i32) -> ExitCode {
    let _ = writeln!(to, "{what}");
    exit_code(code)
}

/// As a process ends with it.
#[must_use]
pub fn exit_code(code: i32) -> ExitCode {
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}
