//! Past the bound of answers at once, the excess is refused in so many words, and what was admitted is exact (H1).

use crate::harness::{self, Answer, File, Gateway, bytes};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// Answers at once.
const ROOM: usize = 8;
/// A reader that paused for nearly as long as one whose place is given away may have been taken for it.
const LONG_PAUSE: Duration = Duration::from_millis(500);

enum Outcome {
    Admitted,
    Refused,
}

/// One client: holds its answer, if it gets one, until everybody has been told; reads slowly, but reads.
fn client(gateway: &Gateway, file: &File, told: &AtomicUsize, clients: usize) -> Outcome {
    let opened = Instant::now();
    let mut download = gateway.get(&file.url()).open_with_window(64 << 10);
    let head = download.head().clone();
    told.fetch_add(1, Ordering::Relaxed);
    if head.status() == 503 {
        let (body, _) = download.rest();
        assert_overloaded(&head.with_body(body));
        return Outcome::Refused;
    }
    assert_eq!(head.status(), 200, "{head:?}");
    let (mut received, mut longest) = (Vec::new(), opened.elapsed());
    while told.load(Ordering::Relaxed) < clients && received.len() < file.bytes.len() / 2 {
        let start = Instant::now();
        std::thread::sleep(Duration::from_millis(50));
        received.extend(download.take(64 << 10));
        longest = longest.max(start.elapsed());
    }
    let (rest, _) = download.rest();
    received.extend(rest);
    assert!(received == file.bytes || longest > LONG_PAUSE, "{} of {} bytes", received.len(), file.bytes.len());
    assert!(file.bytes.starts_with(&received), "cut, not mixed");
    Outcome::Admitted
}

#[track_caller]
fn assert_overloaded(answer: &Answer) {
    answer.assert_error_code(503, "overloaded");
    let seconds: u64 = answer.sure_header("retry-after").parse().expect("a number of seconds");
    assert!((1..60).contains(&seconds));
}

fn overload(times: usize) {
    let gateway = harness::setup().set("GATEWAY_MAX_INFLIGHT", &ROOM.to_string()).start();
    let file = gateway.store("film.mp4", &bytes(16 << 20));
    let (clients, told) = (ROOM * times, AtomicUsize::new(0));
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(|| client(&gateway, &file, &told, clients))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a client's assertions hold")).collect()
    });
    let admitted = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Admitted)).count();
    assert!(admitted >= ROOM, "{admitted} of {clients} were admitted, and there is room for {ROOM}");
    let refused = u64::try_from(clients - admitted).expect("it is small");
    assert_eq!(gateway.series("gateway_refusals_total{code=\"overloaded\"}"), refused);
    gateway.get(&file.url()).range("bytes=0-1").send().assert_part(&file.bytes, 0, 1);
    gateway.assert_unharmed();
}

#[test]
fn twice_as_many_as_there_is_room_for() {
    overload(2);
}

#[test]
fn five_times_as_many() {
    overload(5);
}

#[test]
fn ten_times_as_many() {
    overload(10);
}

#[test]
fn a_refused_client_keeps_its_connection_and_is_served_when_there_is_room() {
    let gateway = harness::setup().set("GATEWAY_MAX_INFLIGHT", "1").start();
    let film = gateway.store("film.mp4", &bytes(16 << 20));
    let opened = Instant::now();
    let mut holds = gateway.get(&film.url()).open_with_window(64 << 10);
    let mut waits = gateway.connect();
    let request = gateway.get(&film.url()).range("bytes=0-1");
    let refused = request.over(&mut waits);
    let has_paused = opened.elapsed() > LONG_PAUSE;
    assert_overloaded(&refused);
    assert!(!refused.says_close());
    let (rest, _) = holds.rest();
    assert!(rest == film.bytes || has_paused);
    harness::eventually("there is room again", harness::PATIENCE, || {
        let answer = request.over(&mut waits);
        (answer.status() == 206).then(|| answer.assert_part(&film.bytes, 0, 1).status())
    });
    drop((holds, waits));
    // The place is given back behind the last byte, which a client may see first.
    gateway.assert_at_rest();
    gateway.assert_unharmed();
}
