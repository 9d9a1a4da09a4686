//! The `standalone` binary: settings, listeners, signals.

use anyhow::Context;
use clap::ArgMatches;
use proto::{
    settings::{EXIT_USAGE, Source, command},
    storage::Aws,
};
use standalone::{
    Listeners, Standalone,
    config::{self, Config, TABLES},
};
use std::{
    fmt::Display,
    io::{self, Write},
    net::SocketAddr,
    process::exit,
};
use supervision::{Signals, Stop, Supervisor};
use tokio::net::TcpListener;

const ABOUT: &str = "Signed file URLs from one process: takes uploads, issues links, streams what is behind them";

fn main() -> anyhow::Result<()> {
    let flags = flags();
    let (mut settings, embedded) = with_environment(|source| config::read(&flags, source));
    let logging = (settings.text("LOG_FORMAT").map(str::to_owned), settings.text("RUST_LOG").map(str::to_owned));
    if let Err(mistake) = signer::observe::init(&logging.0.unwrap_or_default(), &logging.1.unwrap_or_default()) {
        settings.mistake("LOG_FORMAT or RUST_LOG:", &mistake);
    }
    settings.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    let config = Config::read(&mut settings, &embedded);
    let config = match settings.finish(config) {
        Ok(config) => config,
        Err(mistakes) => {
            drop(embedded);
            usage(mistakes)
        }
    };
    embedded.keep().unwrap_or_else(|error| usage(format_args!("DATA_DIR cannot be used: {error}")));
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(config, &flags))
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
    say(&standalone);
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

/// For whoever started this, and too secret for a log. If nobody reads it, nothing is lost.
fn say(standalone: &Standalone) {
    let _ = writeln!(io::stdout(), "{}", standalone.banner());
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

fn flags() -> ArgMatches {
    command("standalone", ABOUT, &TABLES).try_get_matches().unwrap_or_else(|error| {
        // Nothing is lost if the reader of --help has gone.
        let _ = error.print();
        exit(if error.use_stderr() { EXIT_USAGE } else { 0 })
    })
}

#[expect(clippy::disallowed_methods, reason = "the one place of this binary that reads the environment")]
fn with_environment<T>(read: impl FnOnce(&Source<'_>) -> T) -> T {
    let aws = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("AWS_"));
    let aws = Aws(aws.collect());
    read(&Source {
        variable: &|name| std::env::var_os(name),
        names: &std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect::<Vec<_>>(),
        file: &|path| std::fs::read_to_string(path),
        is_shared: &is_shared,
        aws: &aws,
    })
}

#[expect(clippy::print_stderr, reason = "there may be no log yet")]
fn usage(mistakes: impl Display) -> ! {
    eprintln!("standalone: {mistakes}");
    exit(EXIT_USAGE)
}

/// By its mode: the group, or everybody.
fn is_shared(path: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o044 != 0)
}
