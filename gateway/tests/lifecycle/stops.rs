//! A stop with two hundred transfers on their way (H3).

use crate::harness::{self, Connection, Download, Ended, File, Gateway, PATIENCE, Setup, bytes, eventually};
use rustix::process::Signal;
use std::time::Duration;

const TRANSFERS: usize = 200;
/// More than what lies between a gateway and a client with a small window.
const SIZE: usize = 1 << 20;

fn setup() -> Setup {
    harness::setup().set("DRAIN_SECONDS", "600")
}

/// All have begun, and none has come to its end.
fn transfers(gateway: &Gateway) -> (File, Vec<Download>) {
    let file = gateway.store("film.mp4", &bytes(SIZE));
    let downloads: Vec<_> = (0..TRANSFERS).map(|_| gateway.get(&file.url()).open_with_window(16 << 10)).collect();
    assert!(downloads.iter().all(|download| download.head().status() == 200));
    (file, downloads)
}

fn await_closed(gateway: &Gateway) {
    eventually("no more connections are taken", PATIENCE, || {
        Connection::try_open(gateway.public(), PATIENCE).is_none().then_some(())
    });
}

fn await_unready(gateway: &Gateway) {
    eventually("/readyz says 503", PATIENCE, || (gateway.readiness() == Some(503)).then_some(()));
}

#[track_caller]
fn assert_all_cut(file: &File, downloads: Vec<Download>) {
    for mut download in downloads {
        let (bytes, ended) = download.rest();
        assert_ne!(ended, Ended::Open);
        assert!(bytes.len() < SIZE && file.bytes.starts_with(&bytes), "cut, neither padded nor whole");
    }
}

#[test]
fn told_to_stop_it_finishes_every_transfer_and_takes_no_new_one() {
    let gateway = setup().start();
    let (file, downloads) = transfers(&gateway);
    gateway.signal(Signal::TERM);
    await_unready(&gateway);
    assert_eq!(gateway.admin("GET", "/rotation").send().status(), 503);
    await_closed(&gateway);
    for mut download in downloads {
        let (bytes, ended) = download.rest();
        assert!(bytes == file.bytes, "{} of {SIZE} bytes", bytes.len());
        assert_eq!(ended, Ended::Closed);
    }
    assert_eq!(gateway.exit_code_within(PATIENCE), 0, "{}", gateway.log());
}

#[test]
fn told_twice_it_cuts_every_transfer() {
    let gateway = setup().start();
    let (file, downloads) = transfers(&gateway);
    gateway.signal(Signal::TERM);
    await_unready(&gateway);
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.exit_code_within(PATIENCE), 0, "{}", gateway.log());
    assert_all_cut(&file, downloads);
}

#[test]
fn killed_it_cuts_every_transfer_and_starts_clean() {
    let gateway = setup().start();
    let (file, downloads) = transfers(&gateway);
    gateway.signal(Signal::KILL);
    eventually("it is gone", PATIENCE, || gateway.exited());
    assert_all_cut(&file, downloads);
    gateway.start_again();
    gateway.get(&file.url()).send().assert_whole(&file.bytes);
    gateway.assert_unharmed();
}

#[test]
fn what_is_asked_for_behind_a_running_answer_is_not_begun() {
    let gateway = setup().start();
    let film = gateway.store("film.mp4", &bytes(16 << 20));
    let mut connection = Connection::open_with_window(gateway.public(), 16 << 10).encrypted(gateway.tls());
    // A second request is read when the first one's answer has gone out, which is after the signal.
    let request = gateway.get(&film.url()).to_bytes();
    connection.send(&request);
    let first = connection.head();
    assert_eq!(first.status(), 200);
    gateway.signal(Signal::TERM);
    await_closed(&gateway);
    std::thread::sleep(Duration::from_millis(200));
    connection.send(&request);
    assert!(connection.take(16 << 20) == film.bytes, "what had begun is finished");
    let (more, ended) = connection.rest();
    assert!(more.is_empty() && ended != Ended::Open, "and nothing is begun behind it");
    assert_eq!(gateway.exit_code_within(PATIENCE), 0);
}
