//! A real gateway process, its storage and its catalog, and a client that keeps every byte.
//!
//! | module | holds |
//! |---|---|
//! | [`process`] | [`Setup`] and [`Gateway`]: start, ask, signal, stop |
//! | [`client`] | [`Request`], [`Download`], [`Connection`]: HTTP/1.1 over a socket, nothing hidden |
//! | [`tls`], [`http2`], [`frames`] | the same over TLS, and over HTTP/2: by a library, or frame by frame |
//! | [`answer`] | [`Answer`]: what came back, and what every error must look like |
//! | [`multipart`] | `multipart/byteranges`, read strictly |
//! | [`link`] | signed URLs, made from the contract and not by the code under test |
//! | [`file`], [`storage`], [`catalog`] | what the gateway serves from |
//! | [`origin`] | storage as the gateway meets it on a bad day |
//! | [`health`], [`metrics`] | what must hold after every abuse, what an operator sees |
//! | [`tool`] | a tool in place of a gateway: what it prints, how it ends |
//! | [`supervised`] | who hands over a socket and hears how the gateway is |
//! | [`host`], [`random`] | an address of a test's own, bytes that are the same on every run |
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of the harness")]

mod answer;
mod catalog;
mod client;
mod file;
pub(crate) mod frames;
mod health;
mod host;
mod http2;
mod link;
mod metrics;
mod multipart;
mod origin;
mod process;
mod random;
mod storage;
mod supervised;
mod tls;
mod tool;

pub(crate) use answer::{Answer, EXPOSED};
pub(crate) use client::{Connection, Download, Ended, Raw, Request};
pub(crate) use file::{File, NewFile};
pub(crate) use frames::{Frame, Frames};
pub(crate) use http2::{Http2, Stream};
pub(crate) use link::{KEY_ID, LinkV1, LinkV2, SECRET, hmac_hex, percent, signatures_made};
pub(crate) use multipart::{Part, parts};
pub(crate) use origin::{ALL, CANARY, Fault, Origin, Seen};
pub(crate) use process::{Exit, Gateway, Setup, setup, setup_without_schema, start};
pub(crate) use random::{Random, bytes};
pub(crate) use storage::{Storage, Stored, aws_variables};
pub(crate) use supervised::Ear;
pub(crate) use tls::{Certificate, ClientConfig};
pub(crate) use tool::{Said, tool_with};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// The bound on anything that has no bound of its own: far above what a slow machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Within this, every gateway follows a change in the catalog (2 s), give or take a slow machine.
pub(crate) const FOLLOWS: Duration = Duration::from_millis(2_500);

/// Whether tests may take long: with `TEST_LONG=true` they do as much as the abuse list asks for.
#[expect(clippy::disallowed_methods, reason = "how long tests may take is the test runner's to say")]
pub(crate) fn is_long() -> bool {
    std::env::var("TEST_LONG").is_ok_and(|value| value == "true")
}

/// Whether every gateway speaks TLS, unless a test says otherwise: with `TEST_TLS=true`.
#[expect(clippy::disallowed_methods, reason = "how gateways are reached is the test runner's to say")]
fn is_encrypted() -> bool {
    std::env::var("TEST_TLS").is_ok_and(|value| value == "true")
}

/// Unix seconds.
#[expect(clippy::disallowed_methods, reason = "the tests' one clock")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs()
}

/// How much of something a test run asks for, in a variable of this name.
#[expect(clippy::disallowed_methods, reason = "how long to test is the test runner's to say")]
pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

/// Lets this process hold as many connections as the system allows.
pub(crate) fn raise_fd_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("a soft limit may be raised");
}

/// Writes a file in one step: whoever reads it meanwhile finds all of the old text or all of the new.
pub(crate) fn replace(path: &Path, text: &str) {
    let new = path.with_added_extension("new");
    fs::write(&new, text).and_then(|()| fs::rename(&new, path)).expect("it is written");
}

/// Polls until `found` gives something; fails after `bound` with `what` was awaited.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, bound: Duration, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + bound;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {bound:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Repeats `exchange` until it begins and ends within one second of the clock, for answers that depend on it.
/// The exchange is given that second.
pub(crate) fn within_one_second<T>(mut exchange: impl FnMut(u64) -> T) -> T {
    for _ in 0..20 {
        let before = now();
        let outcome = exchange(before);
        if now() == before {
            return outcome;
        }
    }
    panic!("no exchange fitted into one second of the clock");
}
