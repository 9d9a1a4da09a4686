//! Gateways are restarted in turn under load (H4): clients try again elsewhere, and no body is short.

use crate::harness::{self, Connection, Ended, File, Gateway, PATIENCE, Random, bytes, eventually};
use rustix::process::Signal;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const RESTARTS: usize = 20;
const CLIENTS: u64 = 4;
const SIZE: u64 = 2 << 20;

/// What became of all attempts.
#[derive(Debug, Default)]
struct Tally {
    exact: AtomicUsize,
    /// Before there was any answer: somebody in front would try again, and so do we.
    refused: AtomicUsize,
    /// With a head and fewer bytes than it promised: broken, and plain to see.
    cut: AtomicUsize,
}

/// One request on a connection of its own; whether it was answered in full.
fn attempt(gateway: &Gateway, file: &File, random: &mut Random, tally: &Tally) -> bool {
    let first = usize::try_from(random.below(SIZE)).expect("an index");
    let last = usize::try_from(first as u64 + random.below(SIZE - first as u64)).expect("an index");
    let request = gateway.get(&file.url()).range(&format!("bytes={first}-{last}")).header("Connection", "close");
    let connection = Connection::try_open(gateway.public(), PATIENCE);
    let connection = connection.and_then(|connection| match gateway.tls() {
        Some(tls) => connection.try_encrypted(tls).ok(),
        None => Some(connection),
    });
    let answer = connection.map(|mut connection| {
        let (answer, ended) = connection.send(&request.to_bytes()).rest();
        assert_ne!(ended, Ended::Open, "a client is left waiting");
        answer
    });
    let Some((head, end)) = answer.as_deref().and_then(harness::Answer::parse_head) else {
        tally.refused.fetch_add(1, Ordering::Relaxed);
        return false;
    };
    let body = &answer.as_deref().unwrap_or_default()[end..];
    assert_eq!(head.status(), 206, "{head:?}");
    assert_eq!(head.sure_header("content-length"), (last - first + 1).to_string(), "the whole range is promised");
    let is_whole = body.len() == last - first + 1;
    assert!(file.bytes[first..=last].starts_with(body), "other bytes than the file's");
    (if is_whole { &tally.exact } else { &tally.cut }).fetch_add(1, Ordering::Relaxed);
    is_whole
}

/// Asks for one range after another, of whoever answers.
fn client(gateways: [&Gateway; 2], file: &File, seed: u64, tally: &Tally, is_over: &AtomicBool) {
    let mut random = Random::seeded(seed);
    while !is_over.load(Ordering::Relaxed) {
        let preferred = usize::from(random.below(2) == 1);
        if !attempt(gateways[preferred], file, &mut random, tally) {
            attempt(gateways[1 - preferred], file, &mut random, tally);
        }
    }
}

fn restart_under_load(signal: Signal) -> Tally {
    let first = harness::setup().set("DRAIN_SECONDS", "600").start();
    let second = harness::setup_without_schema().beside(&first).set("DRAIN_SECONDS", "600").start_without_canary();
    let file = first.store("film.mp4", &bytes(usize::try_from(SIZE).expect("it fits")));
    let (tally, is_over) = (Tally::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for seed in 0..CLIENTS {
            let (first, second, file, tally, is_over) = (&first, &second, &file, &tally, &is_over);
            scope.spawn(move || client([first, second], file, seed, tally, is_over));
        }
        let _over = Over(&is_over);
        for number in 0..RESTARTS {
            let before = tally.exact.load(Ordering::Relaxed);
            eventually("clients are served", PATIENCE, || {
                (tally.exact.load(Ordering::Relaxed) > before + 4).then_some(())
            });
            let gateway = if number % 2 == 0 { &first } else { &second };
            gateway.signal(signal);
            gateway.start_again();
        }
    });
    first.assert_unharmed();
    tally
}

/// Lets the clients go, also when an assertion fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn twenty_restarts_under_load_cut_no_body() {
    let tally = restart_under_load(Signal::TERM);
    assert_eq!(tally.cut.load(Ordering::Relaxed), 0, "{tally:?}");
}

#[test]
fn twenty_kills_under_load_leave_no_body_that_looks_whole_and_is_not() {
    let tally = restart_under_load(Signal::KILL);
    assert!(tally.exact.load(Ordering::Relaxed) >= RESTARTS, "{tally:?}");
}
