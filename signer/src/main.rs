//! The signer as a process: settings in, listeners up, signals.
//!
//! The first SIGTERM or SIGINT drains, the second cuts; SIGHUP reads the signing keys, Clerk's key and the services' tokens
//! again. A subcommand is one of the tools instead.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

use clap::{ArgMatches, Command};
use proto::{
    command_line::program,
    settings::{COMMON, EXIT_USAGE, Mistakes, Setting, Settings},
};
use signer::{
    Signer,
    config::{self, Config, SETTINGS},
    observe,
    tools::{self, Tool},
};
use std::{io, process::ExitCode};
use supervision::{Signals, Sockets, Stop, Supervisor, arguments, say, tool_ended, with_environment};

const ABOUT: &str = "Takes uploads and issues signed URLs";
const MORE: &str = "Without a tool it serves until SIGTERM or SIGINT; a second one cuts what runs. SIGHUP reads secrets again.\n\n\
                    Examples:\n  \
                    FILE_SIGNING_SECRET_FILE=secret CLERK_JWT_KEY_FILE=clerk.pem PUBLIC_FILES_URL=https://files.example.com \\\n    \
                    STORAGE_URL=file:///srv/files DATABASE_URL=sqlite:///srv/catalog.db signer\n  \
                    signer health\n\n\
                    Exit codes:\n  \
                    0  stopped when asked to\n  \
                    1  could not start, such as for an address in use\n  \
                    64 wrong usage or settings; every mistake is told";
const TABLES: &[&[Setting]] = &[COMMON, SETTINGS];

/// The listeners' names, for who hands them over.
const API: &str = "api";
const INTERNAL: &str = "internal";

fn main() -> ExitCode {
    let flags = match arguments(&command_line()) {
        Ok(flags) => flags,
        Err(answered) => return answered,
    };
    let ended = match flags.subcommand() {
        Some(_) => configure(&flags, |settings| Tool::read(settings, &flags)).map(|tool| run_tool(&tool)),
        None => configure(&flags, Config::read).map(|config| run_signer(config, &flags)),
    };
    ended.unwrap_or_else(|mistakes| say(io::stderr(), mistakes, EXIT_USAGE))
}

fn command_line() -> Command {
    program("signer", ABOUT, TABLES, tools::commands()).after_help(MORE)
}

#[tokio::main]
async fn run_tool(tool: &Tool) -> ExitCode {
    match tool.run(&mut io::stdout(), &mut io::stderr()).await {
        Err(failed) if failed.is_usage() => say(io::stderr(), failed, EXIT_USAGE),
        done => tool_ended("signer", done.map_err(|failed| format!("{:#}", anyhow::Error::new(failed)))),
    }
}

fn run_signer(config: Config, flags: &ArgMatches) -> ExitCode {
    serve(config, flags).unwrap_or_else(|error| {
        tracing::error!("{error:#}");
        ExitCode::FAILURE
    })
}

/// Reads the settings and sets up logging; every mistake of either is reported together.
fn configure<T>(flags: &ArgMatches, make: impl FnOnce(&mut Settings) -> Option<T>) -> Result<T, Mistakes> {
    let mut settings = read(TABLES, flags);
    let made = make(&mut settings);
    let format = settings.text("LOG_FORMAT").unwrap_or("text").to_owned();
    let filter = settings.text("RUST_LOG").unwrap_or("info").to_owned();
    if let Err(why) = observe::init(&format, &filter) {
        settings.mistake("LOG_FORMAT, RUST_LOG:", &why);
    }
    settings.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    settings.finish(made)
}

fn read(tables: &[&[Setting]], flags: &ArgMatches) -> Settings {
    with_environment(|source| Settings::read(tables, flags, source, &[]))
}

fn serve(config: Config, flags: &ArgMatches) -> anyhow::Result<ExitCode> {
    let sockets = Sockets::inherit(&[API, INTERNAL])?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(config, flags, sockets))
}

async fn run(config: Config, flags: &ArgMatches, mut sockets: Sockets) -> anyhow::Result<ExitCode> {
    let listener = sockets.listen(API, config.listen, "SIGNER_LISTEN").await?;
    if let Err(mistake) = config.check_listener(listener.local_addr()?) {
        return Ok(say(io::stderr(), mistake, EXIT_USAGE));
    }
    let internal = sockets.listen(INTERNAL, config.internal_listen, "SIGNER_INTERNAL_LISTEN").await?;
    let signer = Signer::open(config).await?;
    let (signals, supervisor, stop) = (Signals::listen()?, Supervisor::of_this_process(), Stop::default());
    tracing::info!(api = %listener.local_addr()?, internal = %internal.local_addr()?, "listening");
    tokio::select! {
        () = signer.run(listener, internal, signer.router(), stop.drain.clone(), stop.cut.clone()) => {}
        never = signals.obey(&supervisor, &stop, || reload(&signer, flags)) => match never {},
        never = supervisor.watch(|| signer.is_ready(), || signer.take_turn()) => match never {},
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the secrets again. What cannot be used stays as it was, and does not hold up the other.
fn reload(signer: &Signer, flags: &ArgMatches) {
    if let Some(ring) = reread("signing keys", &[COMMON], flags, Settings::key_ring) {
        signer.replace_keys(ring);
    }
    if let Some(identity) = reread("identity", &[SETTINGS], flags, config::identity) {
        signer.replace_identity(identity);
    }
    if let Some(tokens) = reread("service tokens", &[SETTINGS], flags, config::service_tokens) {
        signer.replace_service_tokens(tokens);
    }
}

fn reread<T>(
    what: &str,
    tables: &[&[Setting]],
    flags: &ArgMatches,
    make: impl FnOnce(&mut Settings) -> Option<T>,
) -> Option<T> {
    let mut settings = read(tables, flags);
    let made = make(&mut settings);
    match settings.finish(made) {
        Ok(made) => {
            tracing::info!("{what} read again");
            Some(made)
        }
        Err(mistakes) => {
            let mistakes = mistakes.to_string().lines().collect::<Vec<_>>().join(" ");
            tracing::error!(mistakes, "{what} kept as before");
            None
        }
    }
}
