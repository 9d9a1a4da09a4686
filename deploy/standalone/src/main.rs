//! The `standalone` binary: settings, listeners, signals.

use anyhow::Context;
use proto::settings::{EXIT_USAGE, Settings, Source, command};
use proto::storage::Aws;
use standalone::{
    Listeners, Standalone,
    config::{self, Config, DevelopmentKey, TABLES},
};
use std::{
    collections::BTreeSet,
    io::{self, Write},
    net::SocketAddr,
    process::exit,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

const ABOUT: &str = "Signed file URLs from one process: takes uploads, issues links, streams what is behind them";

fn main() -> anyhow::Result<()> {
    let (mut settings, key) = read_settings();
    let logging = (settings.text("LOG_FORMAT").map(str::to_owned), settings.text("RUST_LOG").map(str::to_owned));
    if let Err(mistake) = signer::observe::init(&logging.0.unwrap_or_default(), &logging.1.unwrap_or_default()) {
        settings.mistake("LOG_FORMAT or RUST_LOG:", &mistake);
    }
    let config = Config::read(&mut settings, key.as_ref());
    let config = settings.finish(config).unwrap_or_else(|mistakes| usage(&mistakes.to_string()));
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = config.gateway.threads {
        runtime.worker_threads(threads);
    }
    runtime.enable_all().build()?.block_on(serve(config))
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let listeners = Listeners {
        files: bind(config.gateway.listen, "GATEWAY_LISTEN").await?,
        admin: bind(config.gateway.admin_listen, "GATEWAY_ADMIN_LISTEN").await?,
        api: bind(config.signer.listen, "SIGNER_LISTEN").await?,
        internal: bind(config.signer.internal_listen, "SIGNER_INTERNAL_LISTEN").await?,
    };
    let standalone = Standalone::open(config).await?;
    say(&standalone);
    let (drain, cut) = (CancellationToken::new(), CancellationToken::new());
    let listening = standalone.run(listeners, drain.clone(), cut.clone());
    tokio::select! {
        done = listening => Ok(done?),
        failed = signals(&standalone, drain, cut) => failed,
    }
}

async fn bind(address: SocketAddr, name: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} ({name})"))
}

/// For whoever started this, and too secret for a log. If nobody reads it, nothing is lost.
fn say(standalone: &Standalone) {
    let _ = writeln!(io::stdout(), "{}", standalone.banner());
}

/// SIGTERM or SIGINT drains, a second one cuts; SIGHUP reads the secrets' files again.
async fn signals(standalone: &Standalone, drain: CancellationToken, cut: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = hang_up.recv() => reread_keys(standalone),
            _ = async { tokio::select! { s = terminate.recv() => s, s = interrupt.recv() => s } } => {
                if drain.is_cancelled() {
                    cut.cancel();
                }
                drain.cancel();
                tracing::info!("draining; a second signal cuts");
            }
        }
    }
}

fn reread_keys(standalone: &Standalone) {
    let (mut settings, _) = read_settings();
    let keys = settings.key_ring();
    match settings.finish(keys) {
        Ok(keys) => {
            standalone.replace_keys(keys);
            tracing::info!("signing keys read again");
        }
        Err(mistakes) => tracing::error!(%mistakes, "signing keys kept as they were"),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place of this binary that reads the environment")]
fn read_settings() -> (Settings, Option<DevelopmentKey>) {
    let flags = command("standalone", ABOUT, &TABLES).try_get_matches().unwrap_or_else(|error| {
        // Nothing is lost if the reader of --help has gone.
        let _ = error.print();
        exit(if error.use_stderr() { EXIT_USAGE } else { 0 })
    });
    let aws = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("AWS_"));
    let aws = Aws(aws.collect());
    let source =
        Source { variable: &|name| std::env::var_os(name), file: &|path| std::fs::read_to_string(path), aws: &aws };
    config::read(&flags, &source)
}

/// Each mistake once: both services report what both of them read.
#[expect(clippy::print_stderr, reason = "there may be no log yet")]
fn usage(mistakes: &str) -> ! {
    let mut said = BTreeSet::new();
    let lines: Vec<_> = mistakes.lines().filter(|line| said.insert(*line)).collect();
    eprintln!("standalone: {}", lines.join("\n"));
    exit(EXIT_USAGE)
}
