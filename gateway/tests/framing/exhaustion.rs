//! More connections than there are file descriptors or permits for (A12).

use crate::harness::{self, Connection, Gateway, PATIENCE, bytes, eventually};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::{Duration, Instant};

const A_WHILE: Duration = Duration::from_millis(500);

/// So many connections that say nothing, or as many as the kernel queues for the gateway.
fn crowd(gateway: &Gateway, count: usize) -> Vec<Connection> {
    let patience = 5 * A_WHILE; // the kernel repeats a SYN that found the queue full after one second
    (0..count).map_while(|_| Connection::try_open(gateway.public(), patience)).collect()
}

/// Processor time used while nothing happens for a second.
fn idle_cost(gateway: &Gateway) -> Duration {
    let (start, before) = (Instant::now(), gateway.processor_time());
    while start.elapsed() < A_WHILE * 2 {
        std::thread::sleep(Duration::from_millis(50));
    }
    gateway.processor_time() - before
}

fn survives_a_crowd(gateway: &Gateway, count: usize) {
    let film = gateway.store("film.mp4", &bytes(16 << 20));
    let mut download = gateway.get(&film.url()).open_with_window(64 << 10);
    let first = download.take(100_000);

    let crowd = crowd(gateway, count);
    let taken = gateway.level().connections;
    assert!(taken < crowd.len(), "hardly a crowd: it took {taken} of {}", crowd.len());
    let cost = idle_cost(gateway);
    assert!(cost < A_WHILE, "a busy loop: {cost:?} of processor time in a second");
    assert!(gateway.readiness().is_some(), "the admin listener answers");
    assert_eq!(gateway.exited(), None);

    let (rest, _) = download.rest();
    assert!([first, rest].concat() == film.bytes, "a transfer that had begun is finished");
    drop((download, crowd));
    eventually("there is room again", PATIENCE, || {
        let mut connection = Connection::try_open(gateway.public(), PATIENCE)?;
        let request = gateway.get(&film.url()).range("bytes=0-1").header("Connection", "close");
        let (answer, _) = connection.send(&request.to_bytes()).rest_within(A_WHILE);
        answer.starts_with(b"HTTP/1.1 206").then_some(())
    });
    gateway.assert_unharmed();
}

#[test]
fn a_crowd_of_more_than_the_descriptors_does_no_harm() {
    for limit in [64, 256] {
        let gateway = harness::setup().fd_limit(limit).start();
        survives_a_crowd(&gateway, limit as usize * 2);
    }
}

#[test]
fn a_crowd_of_more_than_the_permits_does_no_harm() {
    let gateway = harness::setup().set("GATEWAY_MAX_CONNECTIONS", "20").start();
    survives_a_crowd(&gateway, 60);
}

#[test]
fn near_the_bound_the_longest_stalled_reader_makes_room() {
    let gateway = harness::setup().set("GATEWAY_MAX_CONNECTIONS", "10").start();
    let film = gateway.store("film.mp4", &bytes(32 << 20));
    let stalled: Vec<_> = (0..10).map(|_| gateway.get(&film.url()).open_with_window(4 << 10)).collect();
    eventually("a new client is served", PATIENCE, || {
        let mut connection = Connection::try_open(gateway.public(), A_WHILE)?;
        let request = gateway.get(&film.url()).range("bytes=0-1").header("Connection", "close");
        let (answer, _) = connection.send(&request.to_bytes()).rest_within(A_WHILE * 4);
        answer.starts_with(b"HTTP/1.1 206").then_some(())
    });
    drop(stalled);
    gateway.assert_unharmed();
}

/// As many of these connections as the test's own limit of open files allows.
fn within_own_limit(count: u32) -> u32 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("the limit can be raised as far as it goes");
    const OTHERS: u64 = 500;
    let allowed = limit.maximum.map_or(u64::MAX, |files| files.saturating_sub(OTHERS));
    count.min(u32::try_from(allowed).unwrap_or(u32::MAX))
}

#[test]
fn thousands_of_idle_connections_do_no_harm() {
    let count = within_own_limit(if harness::is_long() { 10_000 } else { 1_000 });
    let gateway = harness::start();
    let film = gateway.store("film.mp4", &bytes(16 << 20));
    let mut download = gateway.get(&film.url()).open_with_window(64 << 10);
    let first = download.take(100_000);
    let before = gateway.memory();

    let crowd = crowd(&gateway, count as usize);
    assert_eq!(crowd.len(), count as usize);
    let each = gateway.memory().saturating_sub(before) / u64::from(count);
    assert!(each < 32 << 10, "{each} bytes for each idle connection");
    let cost = idle_cost(&gateway);
    assert!(cost < A_WHILE, "{cost:?} of processor time in a second");
    assert_eq!(gateway.readiness(), Some(200));
    gateway.get(&film.url()).range("bytes=0-1").send().assert_part(&film.bytes, 0, 1);

    let (rest, _) = download.rest();
    assert!([first, rest].concat() == film.bytes, "a transfer that had begun is finished");
    drop((download, crowd));
    gateway.assert_unharmed();
}

#[test]
fn past_the_bound_of_answers_the_longest_stalled_reader_makes_room() {
    let gateway = harness::setup().set("GATEWAY_MAX_INFLIGHT", "4").start();
    let film = gateway.store("film.mp4", &bytes(32 << 20));
    let stalled: Vec<_> = (0..4).map(|_| gateway.get(&film.url()).open_with_window(4 << 10)).collect();
    eventually("a new client is served", PATIENCE, || {
        let answer = gateway.get(&film.url()).range("bytes=0-1").send();
        (answer.status() == 206).then_some(())
    });
    drop(stalled);
    gateway.assert_unharmed();
}
