//! The `gateway` binary: settings, listeners, signals.

use anyhow::Context;
use gateway::{
    Gateway,
    config::{Config, SETTINGS, default_cache_folder},
    observe,
};
use proto::settings::{COMMON, EXIT_USAGE, Settings, Source, command};
use proto::storage::Aws;
use std::{net::SocketAddr, process::exit};
use supervision::{Signals, Sockets, Stop, Supervisor};
use tokio::net::TcpListener;

const ABOUT: &str = "Streams files behind signed URLs: verifies, then sends byte ranges from a folder or a bucket";
/// The listeners' names, for who hands them over.
const FILES: &str = "files";
const ADMIN: &str = "admin";
const TABLES: [&[proto::settings::Setting]; 2] = [COMMON, SETTINGS];

fn main() -> anyhow::Result<()> {
    let mut settings = read_settings();
    let logging = (settings.text("LOG_FORMAT").map(str::to_owned), settings.text("RUST_LOG").map(str::to_owned));
    if let Err(mistake) = observe::init(&logging.0.unwrap_or_default(), &logging.1.unwrap_or_default()) {
        settings.mistake("LOG_FORMAT or RUST_LOG:", &mistake);
    }
    settings.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    let config = Config::read(&mut settings);
    let config = settings.finish(config).unwrap_or_else(|mistakes| usage(&mistakes.to_string()));
    if config.keys.has_short_secret() {
        tracing::warn!("a signing secret is shorter than 32 bytes; rotate to a longer one");
    }
    let sockets = Sockets::inherit(&[FILES, ADMIN])?;
    // Connections are served on threads of their own; this one accepts, answers the admin listener and waits for signals.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(config, sockets))
}

async fn serve(config: Config, mut sockets: Sockets) -> anyhow::Result<()> {
    let listener = listen(&mut sockets, FILES, config.listen, "GATEWAY_LISTEN").await?;
    let admin = listen(&mut sockets, ADMIN, config.admin_listen, "GATEWAY_ADMIN_LISTEN").await?;
    let (signals, supervisor, stop) = (Signals::listen()?, Supervisor::of_this_process(), Stop::default());
    tracing::info!(files = %listener.local_addr()?, admin = %admin.local_addr()?, "listening");
    let gateway = Gateway::open(config)?;
    tokio::select! {
        served = gateway.run(listener, admin, stop.drain.clone(), stop.cut.clone()) => {
            served.context("no threads to serve on")
        }
        never = signals.obey(&supervisor, &stop, || reload(&gateway)) => match never {},
        never = supervisor.watch(|| gateway.is_ready(), || gateway.take_turns()) => match never {},
    }
}

async fn listen(
    sockets: &mut Sockets,
    socket: &str,
    address: SocketAddr,
    setting: &str,
) -> anyhow::Result<TcpListener> {
    sockets.listen(socket, address).await.with_context(|| format!("cannot listen on {address} ({setting})"))
}

fn reload(gateway: &Gateway) {
    reread_keys(gateway);
    gateway.look_at_certificate();
}

fn reread_keys(gateway: &Gateway) {
    let mut settings = read_settings();
    let keys = settings.key_ring();
    match settings.finish(keys) {
        Ok(keys) => {
            gateway.replace_keys(keys);
            tracing::info!("signing keys read again");
        }
        Err(mistakes) => tracing::error!(%mistakes, "signing keys kept as they were"),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place of this binary that reads the environment")]
fn read_settings() -> Settings {
    let flags = command("gateway", ABOUT, &TABLES).try_get_matches().unwrap_or_else(|error| {
        // Nothing is lost if the reader of --help has gone.
        let _ = error.print();
        exit(if error.use_stderr() { EXIT_USAGE } else { 0 })
    });
    let aws = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("AWS_"));
    let aws = Aws(aws.collect());
    let source = Source {
        variable: &|name| std::env::var_os(name),
        names: &std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect::<Vec<_>>(),
        file: &|path| std::fs::read_to_string(path),
        is_shared: &is_shared,
        aws: &aws,
    };
    let cache = ("GATEWAY_CACHE_DIR", default_cache_folder(source.variable));
    Settings::read(&TABLES, &flags, &source, &[cache])
}

#[expect(clippy::print_stderr, reason = "there may be no log yet")]
fn usage(mistakes: &str) -> ! {
    eprintln!("gateway: {mistakes}");
    exit(EXIT_USAGE)
}

/// By its mode: the group, or everybody.
fn is_shared(path: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o044 != 0)
}
