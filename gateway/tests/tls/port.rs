//! The port speaks TLS and nothing else, whatever comes (A16), and waits for nobody (A9).

use crate::{
    gateway_and_file,
    harness::{self, Connection, Ended, PATIENCE, Random, eventually},
};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn plain_http_is_not_answered() {
    let (gateway, file) = gateway_and_file();
    let mut connection = Connection::open(gateway.public());
    let (answer, ended) = connection.send(&gateway.get(&file.url()).to_bytes()).rest();
    assert_ne!(ended, Ended::Open);
    assert!(!answer.starts_with(b"HTTP"), "{:?}", String::from_utf8_lossy(&answer));
    // Counted once the connection is closed, which the client may see first.
    eventually("the failed handshake is counted", PATIENCE, || {
        (gateway.series("gateway_tls_handshake_errors_total") >= 1).then_some(())
    });
    gateway.assert_unharmed();
}

#[test]
fn random_bytes_end_the_connection() {
    let (gateway, _) = gateway_and_file();
    let before = gateway.log().lines().count();
    let seeds = if harness::is_long() { 10_000 } else { 200 };
    for seed in 0..seeds {
        let mut random = Random::seeded(seed);
        let length = 1 + usize::try_from(random.below(3_000)).expect("it is under 3,001");
        let mut noise = random.bytes(length);
        if seed % 2 == 0 {
            // As a handshake would begin: the rest is for its parser.
            noise.splice(..5.min(length), [0x16, 3, 1, 0x01, 0x00]);
        }
        let mut connection = Connection::open(gateway.public());
        let (answer, ended) = connection.send(&noise).finish_sending().rest();
        assert_ne!(ended, Ended::Open, "seed {seed}");
        assert!(answer.len() < 100, "seed {seed}: an alert and no more, but {} bytes", answer.len());
    }
    let lines = gateway.log().lines().count() - before;
    assert!(lines as u64 <= seeds, "{lines} lines in the log for {seeds} connections");
    gateway.assert_unharmed();
}

#[test]
fn a_client_that_never_shakes_hands_is_closed() {
    let gateway = harness::setup().tls().set("GATEWAY_HEADER_SECONDS", "1").start();
    for begun in [&b""[..], &[0x16], &[0x16, 3, 1, 2, 0, 1, 0]] {
        let mut connection = Connection::open(gateway.public());
        let start = Instant::now();
        let (answer, ended) = connection.send(begun).rest();
        assert_ne!(ended, Ended::Open, "{begun:?}");
        assert!(start.elapsed() > SECOND / 2, "closed before its time");
        assert!(answer.len() < 100);
    }
    gateway.assert_unharmed();
}

#[test]
fn a_client_that_is_silent_behind_the_handshake_is_closed() {
    let gateway = harness::setup().tls().set("GATEWAY_HEADER_SECONDS", "1").start();
    let mut connection = gateway.connect();
    let (answer, ended) = connection.rest();
    assert_ne!(ended, Ended::Open);
    assert_eq!(answer, b"");
    gateway.assert_unharmed();
}

#[test]
fn http2_is_spoken_only_where_it_was_agreed_on() {
    let (gateway, file) = gateway_and_file();
    // The client of HTTP/1.1 agrees on nothing.
    let raw = gateway.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    assert_ne!(raw.ended, Ended::Open);
    assert!(raw.bytes.is_empty() || raw.bytes.starts_with(b"HTTP/1.1 400 "), "{raw:?}");
    gateway.get(&file.url()).send().assert_whole(&file.bytes);
    gateway.http2().answer(&gateway.get(&file.url())).assert_whole(&file.bytes);
    gateway.assert_unharmed();
}

#[test]
fn a_connection_that_is_shaking_hands_makes_room_for_others() {
    let gateway = harness::setup().tls().set("GATEWAY_MAX_CONNECTIONS", "10").start();
    let file = gateway.store("clip.mp4", b"bytes");
    let silent: Vec<_> = (0..10).map(|_| Connection::open(gateway.public())).collect();
    eventually("a new client is served", PATIENCE, || {
        gateway.get(&file.url()).send().assert_whole(&file.bytes);
        Some(())
    });
    drop(silent);
    gateway.assert_unharmed();
}
