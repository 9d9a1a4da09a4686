//! Who typed the command: what is asked for, what is said, and the code to end with.

use clap::{ArgMatches, Command};
use proto::{
    command_line::{EXIT_UNAVAILABLE, parse},
    settings::EXIT_USAGE,
};
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

/// How a tool of `program` ends: whether all is well, or why it could not be done. People are told, not the log.
pub fn tool_ended(program: &str, done: Result<bool, impl Display>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => say(io::stderr(), format_args!("{program}: {error}"), EXIT_UNAVAILABLE),
    }
}

/// Says something before the process ends with this code.
pub fn say(to: impl Write, what: impl Display, code: i32) -> ExitCode {
    tell(to, what);
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Says something, all of it at once: whoever reads along sees no half of it. A stream that cannot be written to leaves nobody
/// to tell.
pub fn tell(mut to: impl Write, what: impl Display) {
    let text = format!("{what}\n");
    let _ = to.write_all(text.as_bytes());
}
