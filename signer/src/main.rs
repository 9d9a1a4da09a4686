//! The signer as a process: settings in, listeners up, signals.
//!
//! The first SIGTERM or SIGINT drains, the second cuts; SIGHUP reads the signing keys, Clerk's key and the services' tokens
//! again. A subcommand is one of the tools instead.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

use anyhow::Context;
use clap::{ArgMatches, Command};
use proto::{
    command_line::{EXIT_UNAVAILABLE, parse, program},
    settings::{COMMON, EXIT_USAGE, Mistakes, Setting, Settings, Source},
    storage::Aws,
};
use signer::{
    Signer,
    config::{self, Config, SETTINGS},
    observe,
    tools::{self, Tool},
};
use std::{
    convert::Infallible,
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

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

fn main() -> ExitCode {
    let flags = match parse(&command_line(), std::env::args_os()) {
        Ok(flags) => flags,
        Err(answer) if answer.is_mistake => return say(io::stderr(), answer.text, exit_code(EXIT_USAGE)),
        Err(answer) => return say(io::stdout(), answer.text, ExitCode::SUCCESS),
    };
    let ended = match flags.subcommand() {
        Some(_) => configure(&flags, |settings| Tool::read(settings, &flags)).map(|tool| run_tool(&tool)),
        None => configure(&flags, Config::read).map(|config| serve(config, &flags)),
    };
    match ended {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            tracing::error!("{error:#}");
            if flags.subcommand().is_some() { exit_code(EXIT_UNAVAILABLE) } else { ExitCode::FAILURE }
        }
        Err(mistakes) => say(io::stderr(), mistakes, exit_code(EXIT_USAGE)),
    }
}

fn command_line() -> Command {
    program("signer", ABOUT, TABLES, tools::commands()).after_help(MORE)
}

#[tokio::main]
async fn run_tool(tool: &Tool) -> anyhow::Result<ExitCode> {
    let is_well = tool.run(&mut io::stdout(), &mut io::stderr()).await?;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn exit_code(code: i32) -> ExitCode {
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// A stream that cannot be written to leaves nobody to tell.
fn say(mut to: impl Write, what: impl Display, code: ExitCode) -> ExitCode {
    let _ = writeln!(to, "{what}");
    code
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

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn read(tables: &[&[Setting]], flags: &ArgMatches) -> Settings {
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
    Settings::read(tables, flags, &source, &[])
}

#[tokio::main]
async fn serve(config: Config, flags: &ArgMatches) -> anyhow::Result<ExitCode> {
    let listener = listen("SIGNER_LISTEN", config.listen).await?;
    let internal = listen("SIGNER_INTERNAL_LISTEN", config.internal_listen).await?;
    let signer = Signer::open(config).await?;
    let (drain, cut) = (CancellationToken::new(), CancellationToken::new());
    let signals = Signals::listen()?;
    tracing::info!(api = %listener.local_addr()?, internal = %internal.local_addr()?, "listening");
    tokio::select! {
        () = signer.run(listener, internal, signer.router(), drain.clone(), cut.clone()) => {}
        never = signals.obey(&signer, flags, &drain, &cut) => match never {},
    }
    Ok(ExitCode::SUCCESS)
}

async fn listen(name: &str, address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{name} {address} cannot be listened on"))
}

/// What operators send.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// From here on none of them ends the process by itself.
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn obey(
        mut self,
        signer: &Signer,
        flags: &ArgMatches,
        drain: &CancellationToken,
        cut: &CancellationToken,
    ) -> Infallible {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => stop(drain, cut),
                _ = self.interrupt.recv() => stop(drain, cut),
                _ = self.hang_up.recv() => reload(signer, flags),
            }
        }
    }
}

fn stop(drain: &CancellationToken, cut: &CancellationToken) {
    if drain.is_cancelled() {
        cut.cancel();
    }
    drain.cancel();
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

/// By its mode: the group, or everybody.
fn is_shared(path: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o044 != 0)
}
