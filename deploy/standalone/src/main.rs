//! The `standalone` binary: settings, listeners, signals; or one of the tools, instead.

use anyhow::Context;
use clap::{ArgMatches, Command};
use proto::{
    command_line::program,
    settings::{EXIT_USAGE, Mistakes},
};
use standalone::{
    Listeners, Standalone,
    config::{self, Config, TABLES},
    tools,
};
use std::{io, net::SocketAddr, process::ExitCode};
use supervision::{Signals, Stop, Supervisor, arguments, say, tell, tool_ended, with_environment};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
};

const ABOUT: &str = "Signed file URLs from one process: takes uploads, issues links, streams what is behind them";
const MORE: &str = "Without settings it makes ./data and serves this machine only. It serves until SIGTERM or SIGINT; a second one cuts\n\
                    what runs. SIGHUP reads secrets and the certificate again.\n\n\
                    Examples:\n  \
                    standalone\n  \
                    standalone --data-dir /srv/t2m --gateway-listen 127.0.0.1:8090\n  \
                    standalone health\n\n\
                    Exit codes:\n  \
                    0  stopped when asked to\n  \
                    1  could not start, such as for an address in use\n  \
                    64 wrong usage or settings; every mistake is told";

fn main() -> ExitCode {
    let flags = match arguments(&command_line()) {
        Ok(flags) => flags,
        Err(answered) => return answered,
    };
    let ended = match flags.subcommand() {
        Some(_) => run_tool(&flags),
        None => run_standalone(&flags),
    };
    ended.unwrap_or_else(|mistakes| say(io::stderr(), format_args!("standalone: {mistakes}"), EXIT_USAGE))
}

fn command_line() -> Command {
    program("standalone", ABOUT, &TABLES, tools::commands()).after_help(MORE)
}

fn run_tool(flags: &ArgMatches) -> Result<ExitCode, Mistakes> {
    let tool = with_environment(|source| tools::read(flags, source))?;
    let (out, err) = (&mut io::stdout(), &mut io::stderr());
    let done = runtime(Builder::new_current_thread()).and_then(|runtime| Ok(runtime.block_on(tool.run(out, err))?));
    Ok(tool_ended("standalone", done))
}

fn run_standalone(flags: &ArgMatches) -> Result<ExitCode, Mistakes> {
    let (mut settings, embedded) = with_environment(|source| config::read(flags, source));
    let logging = (settings.text("LOG_FORMAT").map(str::to_owned), settings.text("RUST_LOG").map(str::to_owned));
    if let Err(mistake) = signer::observe::init(&logging.0.unwrap_or_default(), &logging.1.unwrap_or_default()) {
        settings.mistake("LOG_FORMAT or RUST_LOG:", &mistake);
    }
    settings.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    let config = Config::read(&mut settings, &embedded);
    let config = settings.finish(config)?;
    if let Err(error) = embedded.keep() {
        return Ok(say(io::stderr(), format_args!("standalone: DATA_DIR cannot be used: {error}"), EXIT_USAGE));
    }
    let served = runtime(Builder::new_multi_thread()).and_then(|runtime| runtime.block_on(serve(config, flags)));
    Ok(match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say(io::stderr(), format_args!("Error: {error:?}"), 1),
    })
}

fn runtime(mut of: Builder) -> anyhow::Result<Runtime> {
    Ok(of.enable_all().build()?)
}

async fn serve(config: Config, flags: &ArgMatches) -> anyhow::Result<()> {
    let listeners = Listeners {
        files: bind(config.gateway.listen, "GATEWAY_LISTEN").await?,
        admin: bind(config.gateway.admin_listen, "GATEWAY_ADMIN_LISTEN").await?,
        api: bind(config.signer.listen, "SIGNER_LISTEN").await?,
        internal: bind(config.signer.internal_listen, "SIGNER_INTERNAL_LISTEN").await?,
    };
    let standalone = Standalone::open(config).await?;
    let (signals, supervisor, stop) = (Signals::listen()?, Supervisor::of_this_process(), Stop::default());
    // For whoever started this, and too secret for a log.
    tell(io::stdout(), standalone.banner());
    tokio::select! {
        served = standalone.run(listeners, stop.drain.clone(), stop.cut.clone()) => {
            served.context("no threads to serve on")
        }
        never = signals.obey(&supervisor, &stop, || reread(&standalone, flags)) => match never {},
        never = supervisor.watch(|| standalone.is_ready(), || standalone.take_turns()) => match never {},
    }
}

async fn bind(address: SocketAddr, name: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} ({name})"))
}

/// What cannot be used stays as it was, and does not hold up the others.
fn reread(standalone: &Standalone, flags: &ArgMatches) {
    standalone.look_at_certificate();
    match with_environment(|source| config::keys(flags, source)) {
        Ok(keys) => {
            standalone.replace_keys(keys);
            tracing::info!("signing keys read again");
        }
        Err(mistakes) => tracing::error!(%mistakes, "signing keys kept as they were"),
    }
    match with_environment(|source| config::identity(flags, source)) {
        Ok(Some(identity)) => {
            standalone.replace_identity(identity);
            tracing::info!("identity read again");
        }
        Ok(None) => {}
        Err(mistakes) => tracing::error!(%mistakes, "identity kept as it was"),
    }
    match with_environment(|source| config::service_tokens(flags, source)) {
        Ok(tokens) => {
            standalone.replace_service_tokens(tokens);
            tracing::info!("service tokens read again");
        }
        Err(mistakes) => tracing::error!(%mistakes, "service tokens kept as they were"),
    }
}
