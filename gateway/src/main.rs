//! The `gateway` binary: settings, listeners, signals; or one of the tools, instead.

use anyhow::Context;
use clap::{ArgMatches, Command};
use gateway::{
    Gateway,
    config::{Config, SETTINGS, default_cache_folder},
    observe,
    tools::{self, TOOL_SETTINGS, Tool},
};
use proto::{
    command_line::program,
    settings::{COMMON, EXIT_USAGE, Mistakes, Setting, Settings},
};
use std::{io, process::ExitCode};
use supervision::{Signals, Sockets, Stop, Supervisor, arguments, say, tell, tool_ended, with_environment};

const ABOUT: &str = "Streams files behind signed URLs: verifies, then sends byte ranges from a folder or a bucket";
const MORE: &str = "Without a tool it serves until SIGTERM or SIGINT; a second one cuts what runs. SIGHUP reads secrets and the\n\
                    certificate again.\n\n\
                    Examples:\n  \
                    FILE_SIGNING_SECRET_FILE=secret STORAGE_URL=file:///srv/files DATABASE_URL=sqlite:///srv/catalog.db gateway\n  \
                    gateway health\n\n\
                    Exit codes:\n  \
                    0  stopped when asked to\n  \
                    1  could not start, such as for an address in use\n  \
                    64 wrong usage or settings; every mistake is told";
/// The listeners' names, for who hands them over.
const FILES: &str = "files";
const ADMIN: &str = "admin";
const TABLES: &[&[Setting]] = &[COMMON, SETTINGS];
const TABLES_OF_ALL: &[&[Setting]] = &[COMMON, SETTINGS, TOOL_SETTINGS];

fn main() -> ExitCode {
    let flags = match arguments(&command_line()) {
        Ok(flags) => flags,
        Err(answered) => return answered,
    };
    let ended = match flags.subcommand() {
        Some(_) => run_tool(&flags),
        None => run_gateway(&flags),
    };
    ended.unwrap_or_else(|mistakes| say(io::stderr(), format_args!("gateway: {mistakes}"), EXIT_USAGE))
}

fn command_line() -> Command {
    program("gateway", ABOUT, TABLES, tools::commands()).after_help(MORE)
}

fn run_tool(flags: &ArgMatches) -> Result<ExitCode, Mistakes> {
    let mut settings = read_settings(flags);
    for warning in settings.warnings() {
        tell(io::stderr(), format_args!("gateway: {warning}"));
    }
    let tool = Tool::read(&mut settings, flags, io::stdin());
    let tool = settings.finish(tool)?;
    let (out, err) = (&mut io::stdout(), &mut io::stderr());
    let done = one_thread().and_then(|runtime| Ok(runtime.block_on(tool.run(out, err))?));
    Ok(tool_ended("gateway", done))
}

fn run_gateway(flags: &ArgMatches) -> Result<ExitCode, Mistakes> {
    let mut settings = read_settings(flags);
    let logging = (settings.text("LOG_FORMAT").map(str::to_owned), settings.text("RUST_LOG").map(str::to_owned));
    if let Err(mistake) = observe::init(&logging.0.unwrap_or_default(), &logging.1.unwrap_or_default()) {
        settings.mistake("LOG_FORMAT or RUST_LOG:", &mistake);
    }
    settings.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    let config = Config::read(&mut settings);
    let config = settings.finish(config)?;
    if config.keys.has_short_secret() {
        tracing::warn!("a signing secret is shorter than 32 bytes; rotate to a longer one");
    }
    Ok(match run(config, flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say(io::stderr(), format_args!("Error: {error:?}"), 1),
    })
}

/// Connections are served on threads of their own; this one accepts, answers the admin listener and waits for signals.
fn run(config: Config, flags: &ArgMatches) -> anyhow::Result<()> {
    let sockets = Sockets::inherit(&[FILES, ADMIN])?;
    one_thread()?.block_on(serve(config, flags, sockets))
}

fn one_thread() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

async fn serve(config: Config, flags: &ArgMatches, mut sockets: Sockets) -> anyhow::Result<()> {
    let listener = sockets.listen(FILES, config.listen, "GATEWAY_LISTEN").await?;
    let admin = sockets.listen(ADMIN, config.admin_listen, "GATEWAY_ADMIN_LISTEN").await?;
    let (signals, supervisor, stop) = (Signals::listen()?, Supervisor::of_this_process(), Stop::default());
    tracing::info!(files = %listener.local_addr()?, admin = %admin.local_addr()?, "listening");
    let gateway = Gateway::open(config)?;
    tokio::select! {
        served = gateway.run(listener, admin, stop.drain.clone(), stop.cut.clone()) => {
            served.context("no threads to serve on")
        }
        never = signals.obey(&supervisor, &stop, || reload(&gateway, flags)) => match never {},
        never = supervisor.watch(|| gateway.is_ready(), || gateway.take_turns()) => match never {},
    }
}

fn reload(gateway: &Gateway, flags: &ArgMatches) {
    reread_keys(gateway, flags);
    gateway.look_at_certificate();
}

fn reread_keys(gateway: &Gateway, flags: &ArgMatches) {
    let mut settings = read_settings(flags);
    let keys = settings.key_ring();
    match settings.finish(keys) {
        Ok(keys) => {
            gateway.replace_keys(keys);
            tracing::info!("signing keys read again");
        }
        Err(mistakes) => tracing::error!(%mistakes, "signing keys kept as they were"),
    }
}

fn read_settings(flags: &ArgMatches) -> Settings {
    with_environment(|source| {
        let cache = ("GATEWAY_CACHE_DIR", default_cache_folder(source.variable));
        Settings::read(TABLES_OF_ALL, flags, source, &[cache])
    })
}
