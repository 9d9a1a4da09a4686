//! Nobody holds a connection by saying nothing (A9), by saying it slowly, or by not listening (A11).
//! The bounds are lower ones of the setting itself, and upper ones far above it: a slow machine changes nothing.

use crate::harness::{self, Connection, Download, Ended, Gateway, PATIENCE, bytes, eventually};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
/// What a setting of 1 or 2 s may take at the most, on any machine.
const SOON: Duration = Duration::from_secs(10);

fn impatient() -> Gateway {
    harness::setup().set("GATEWAY_HEADER_SECONDS", "2").start()
}

#[test]
fn a_connection_that_never_says_anything_is_closed() {
    let gateway = impatient();
    let waited = gateway.connect().time_to_close();
    assert!(waited < SOON, "{waited:?}");
    gateway.assert_unharmed();
}

#[test]
fn half_a_head_is_not_waited_for() {
    let gateway = impatient();
    let file = gateway.store("clip.mp4", b"bytes");
    let request = gateway.get(&file.url()).to_bytes();
    for part in [&request[..1], &request[..20], &request[..request.len() - 1], b"PRI * HT", b"\r\n"] {
        let mut connection = gateway.connect();
        let start = Instant::now();
        let (answer, ended) = connection.send(part).rest_within(SOON);
        assert_ne!(ended, Ended::Open, "{:?}", String::from_utf8_lossy(part));
        assert!(start.elapsed() > SECOND / 2 || part.starts_with(b"PRI"), "closed before its time");
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{:?}", String::from_utf8_lossy(&answer));
    }
    gateway.assert_unharmed();
}

#[test]
fn a_head_in_small_drops_is_closed_although_something_always_comes() {
    let gateway = impatient();
    let mut connection = gateway.connect();
    connection.send(b"GET / HTTP/1.1\r\nHost: h\r\nX: ");
    let start = Instant::now();
    let ended = loop {
        connection.send(b"x");
        let (_, ended) = connection.rest_within(Duration::from_millis(100));
        if ended != Ended::Open {
            break ended;
        }
        assert!(start.elapsed() < SOON, "still open after {:?}", start.elapsed());
    };
    assert!(matches!(ended, Ended::Closed | Ended::Reset));
    gateway.assert_unharmed();
}

#[test]
fn the_second_head_on_a_connection_has_no_more_time_than_the_first() {
    let gateway = impatient();
    let file = gateway.store("clip.mp4", b"bytes");
    let mut connection = gateway.connect();
    gateway.get(&file.url()).over(&mut connection).assert_whole(&file.bytes);
    connection.send(b"GET / HTTP/1.1\r\nHo");
    let (answer, ended) = connection.rest_within(SOON);
    assert_ne!(ended, Ended::Open);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"));
}

#[test]
fn between_two_requests_the_idle_time_counts_and_not_the_heads() {
    let gateway = harness::setup().set("GATEWAY_HEADER_SECONDS", "2").set("GATEWAY_IDLE_SECONDS", "60").start();
    let file = gateway.store("clip.mp4", b"bytes");
    let mut connection = gateway.connect();
    gateway.get(&file.url()).over(&mut connection).assert_whole(&file.bytes);
    assert!(connection.stays_quiet_for(SECOND * 7 / 2), "a player thinks for longer than a head takes");
    gateway.get(&file.url()).over(&mut connection).assert_whole(&file.bytes);
}

#[test]
fn an_idle_connection_is_closed_when_its_time_is_over() {
    let gateway = harness::setup().set("GATEWAY_IDLE_SECONDS", "3").start();
    let file = gateway.store("clip.mp4", b"bytes");
    let mut connection = gateway.connect();
    for _ in 0..3 {
        gateway.get(&file.url()).over(&mut connection).assert_whole(&file.bytes);
        assert!(connection.stays_quiet_for(SECOND * 5 / 4), "its time begins anew with every answer");
    }
    let waited = connection.time_to_close();
    assert!(waited > SECOND / 4 && waited < SOON, "{waited:?}");
    gateway.assert_unharmed();
}

/// A download of a file too large for the kernel's buffers, by a client that takes little in advance.
fn download(gateway: &Gateway, size: usize) -> (Download, Vec<u8>) {
    let file = gateway.store("film.mp4", &bytes(size));
    let download = gateway.get(&file.url()).open_with_window(64 << 10);
    assert_eq!(download.head().status(), 200);
    (download, file.bytes)
}

#[test]
fn a_reader_that_stops_is_cut() {
    let gateway = harness::setup().set("GATEWAY_STALL_SECONDS", "2").start();
    let (mut download, whole) = download(&gateway, 32 << 20);
    let first = download.take(100_000);
    let start = Instant::now();
    eventually("the gateway lets go of a reader that has stopped", 2 * SOON, || {
        (gateway.level().connections == 0).then_some(())
    });
    assert!(start.elapsed() > SECOND, "after {:?}, which is no stall", start.elapsed());
    let (rest, _) = download.rest();
    assert!(first.len() + rest.len() < whole.len(), "it was cut, and not sent whole");
    assert!(whole.starts_with(&[first, rest].concat()), "what came before the cut is right");
    gateway.assert_unharmed();
}

#[test]
fn a_reader_that_is_slow_but_steady_is_not_cut() {
    let gateway = harness::setup().set("GATEWAY_STALL_SECONDS", "2").start();
    let (mut download, whole) = download(&gateway, 24 << 20);
    let mut received = Vec::new();
    let start = Instant::now();
    while start.elapsed() < SECOND * 6 {
        received.extend(download.take(200_000));
        std::thread::sleep(Duration::from_millis(100));
    }
    let (rest, ended) = download.rest();
    received.extend(rest);
    assert!(received == whole, "{} of {} bytes", received.len(), whole.len());
    assert_eq!(ended, Ended::Closed);
    gateway.assert_unharmed();
}

#[test]
fn a_reader_that_pauses_for_less_than_the_stall_time_goes_on() {
    let gateway = harness::setup().set("GATEWAY_STALL_SECONDS", "30").set("GATEWAY_HEADER_SECONDS", "1");
    let gateway = gateway.set("GATEWAY_IDLE_SECONDS", "1").start();
    let (mut download, whole) = download(&gateway, 32 << 20);
    let first = download.take(100_000);
    std::thread::sleep(SECOND * 3);
    let (rest, ended) = download.rest();
    assert!([first, rest].concat() == whole, "neither the head's time nor the idle time is the body's");
    assert_eq!(ended, Ended::Closed);
}

#[test]
fn many_readers_that_have_stopped_cost_little_memory_each() {
    let gateway = harness::setup().set("GATEWAY_STALL_SECONDS", "2").start();
    let file = gateway.store("film.mp4", &bytes(32 << 20));
    let before = gateway.memory();
    let stopped: Vec<_> = (0..50).map(|_| gateway.get(&file.url()).open_with_window(4 << 10)).collect();
    let each = gateway.memory().saturating_sub(before) / 50;
    assert!(each < 600 << 10, "{each} bytes for each reader");
    eventually("all of them are cut", 2 * PATIENCE, || (gateway.level().connections == 0).then_some(()));
    drop(stopped);
    gateway.assert_unharmed();
}

#[test]
fn a_client_that_pipelines_and_never_reads_is_cut() {
    let gateway = harness::setup().set("GATEWAY_STALL_SECONDS", "2").start();
    let file = gateway.store("clip.mp4", &bytes(1 << 20));
    let mut connection = Connection::open_with_window(gateway.public(), 4 << 10);
    let request = gateway.get(&file.url()).to_bytes();
    connection.send(&request.repeat(20));
    eventually("it is cut", 2 * SOON, || (gateway.level().connections == 0).then_some(()));
    drop(connection);
    gateway.assert_unharmed();
}

#[test]
fn a_connection_that_has_rested_goes_on_where_it_was() {
    let gateway = harness::setup().set("GATEWAY_IDLE_SECONDS", "5").start();
    let file = gateway.store("clip.mp4", &bytes(100_000));
    let mut connection = gateway.connect();
    for _ in 0..2 {
        gateway.get(&file.url()).over(&mut connection).assert_whole(&file.bytes);
        // Longer than a connection keeps what it was served with, and not as long as it is kept.
        assert!(connection.stays_quiet_for(Duration::from_millis(3_000)));
    }
    let request = gateway.get(&file.url()).range("bytes=0-9").to_bytes();
    connection.send(&request[..5]);
    assert!(connection.stays_quiet_for(Duration::from_millis(100)));
    connection.send(&[&request[5..], &request].concat());
    connection.answer("GET").assert_part(&file.bytes, 0, 9);
    connection.answer("GET").assert_part(&file.bytes, 0, 9);
    let kept = connection.time_to_close();
    assert!(kept >= Duration::from_secs(4), "{kept:?}");
    gateway.assert_unharmed();
}
