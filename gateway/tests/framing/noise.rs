//! Bytes that were never meant as HTTP/1.1 (A15 on this port, A16).

use crate::{
    gateway_and_file,
    harness::{self, Connection, Ended, Gateway, Random},
};

/// What a TLS 1.3 client says first.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03\
    \x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\
    \x00\x00\x02\x13\x01\x01\x00";

/// What an HTTP/2 client with prior knowledge says first: the preface and empty SETTINGS.
const HTTP_2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Sends and says no more; whatever comes back is at most one refusal.
#[track_caller]
fn assert_refused(gateway: &Gateway, noise: &[u8]) {
    let mut connection = Connection::open(gateway.public());
    let (answer, ended) = connection.send(noise).finish_sending().rest();
    let shown = String::from_utf8_lossy(noise);
    assert_ne!(ended, Ended::Open, "{shown:?}");
    let refused = ["HTTP/1.1 400 ", "HTTP/1.1 414 ", "HTTP/1.1 431 "];
    let text = String::from_utf8_lossy(&answer);
    assert!(text.is_empty() || refused.iter().any(|line| text.starts_with(line)), "{shown:?}: {text}");
    assert!(text.matches("HTTP/1.1 ").count() <= 1, "{shown:?}: {text}");
}

#[test]
fn other_protocols_are_refused() {
    let (gateway, _) = gateway_and_file();
    for noise in
        [CLIENT_HELLO, HTTP_2, b"SSH-2.0-OpenSSH_9.2\r\n", b"EHLO x\r\n", b"\x05\x01\x00", b"*1\r\n$4\r\nPING\r\n"]
    {
        assert_refused(&gateway, noise);
    }
    gateway.assert_unharmed();
}

#[test]
fn random_bytes_are_refused() {
    let (gateway, _) = gateway_and_file();
    let before = gateway.log().lines().count();
    let seeds = if harness::is_long() { 10_000 } else { 400 };
    for seed in 0..seeds {
        let mut random = Random::seeded(seed);
        let length = 1 + random.below(3_000);
        assert_refused(&gateway, &random.bytes(usize::try_from(length).expect("it is under 3,001")));
    }
    let lines = gateway.log().lines().count() - before;
    assert!(lines as u64 <= seeds, "{lines} lines in the log for {seeds} connections");
    gateway.assert_unharmed();
}

#[test]
fn a_good_request_with_a_few_bytes_changed_never_breaks_anything() {
    let (gateway, file) = gateway_and_file();
    let good = gateway.get(&file.url()).range("bytes=0-1").header("If-None-Match", "\"x\"").to_bytes();
    for seed in 0..if harness::is_long() { 10_000 } else { 400 } {
        let mut random = Random::seeded(seed);
        let mut request = good.clone();
        for _ in 0..=random.below(3) {
            let at = usize::try_from(random.below(request.len() as u64)).expect("an index");
            match random.below(4) {
                0 => request[at] = random.bytes(1)[0],
                1 => request.insert(at, random.bytes(1)[0]),
                2 if request.len() > 1 => drop(request.remove(at)),
                _ => request.truncate(at.max(1)),
            }
        }
        let mut connection = Connection::open(gateway.public());
        let (answer, ended) = connection.send(&request).finish_sending().rest();
        assert_ne!(ended, Ended::Open, "seed {seed}");
        let whole = harness::Answer::parse_head(&answer);
        assert!(answer.is_empty() || whole.is_some_and(|(head, _)| head.status() < 500), "seed {seed}: {answer:?}");
    }
    gateway.assert_unharmed();
}
