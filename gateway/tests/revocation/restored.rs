//! A catalog that is put back from a copy while the gateway runs: what it heard since then is not so any more, and what
//! comes now has numbers that it has heard before.

use crate::harness::{self, Ended, PATIENCE, Request, bytes, eventually};
use rustix::process::Signal;

/// More than the system buffers of one connection.
const LARGE: usize = 32 << 20;

#[track_caller]
fn await_status(gateway: &harness::Gateway, url: &str, awaited: u16) {
    let status = || gateway.get(url).range("bytes=0-1").send().status();
    eventually(&format!("{awaited}"), PATIENCE, || (status() == awaited).then_some(()));
}

#[test]
fn changes_under_numbers_that_were_read_before_are_heard() {
    let gateway = harness::start();
    let film = gateway.file("film.mp4").owner("user_1").store(&bytes(LARGE));
    let [one, two] = ["one", "two"].map(|name| gateway.store(name, b"bytes"));
    gateway.catalog().delete(&one);
    gateway.catalog().delete(&two);
    eventually("both are read", PATIENCE, || (gateway.metric("gateway_feed_position") == 2.0).then_some(()));
    let mut stream = Request::open_with_window(gateway.get(&film.url()), 4096);
    assert_eq!(stream.head().status(), 200);

    gateway.signal(Signal::STOP);
    gateway.catalog().run("DELETE FROM changes WHERE seq > 1", &[]);
    gateway.catalog().delete(&film);
    gateway.catalog().block("user_2");
    gateway.signal(Signal::CONT);

    let cut = "gateway_broken_bodies_total{reason=\"revoked\"}";
    eventually("its stream is cut", PATIENCE, || (gateway.series(cut) == 1).then_some(()));
    let (rest, ended) = stream.rest();
    assert!(rest.len() < LARGE && ended != Ended::Open, "{} bytes, {ended:?}", rest.len());
    await_status(&gateway, &film.url(), 404);
    assert_eq!(gateway.metric("gateway_feed_gaps_total"), 1.0);
    let next = gateway.store("next", b"bytes");
    await_status(&gateway, &next.url(), 206);
    gateway.catalog().delete(&next);
    await_status(&gateway, &next.url(), 404);
    gateway.assert_unharmed();
}

#[test]
fn a_feed_that_is_empty_again_is_read_from_its_beginning() {
    let gateway = harness::start();
    let [one, two] = ["one", "two"].map(|name| gateway.store(name, b"bytes"));
    gateway.catalog().delete(&one);
    eventually("it is read", PATIENCE, || (gateway.metric("gateway_feed_position") == 1.0).then_some(()));
    await_status(&gateway, &two.url(), 206);
    gateway.catalog().run("DELETE FROM changes", &[]);
    eventually("the gap is seen", PATIENCE, || (gateway.metric("gateway_feed_gaps_total") == 1.0).then_some(()));
    gateway.catalog().delete(&two);
    await_status(&gateway, &two.url(), 404);
    assert_eq!(gateway.metric("gateway_feed_gaps_total"), 1.0);
}

/// Whoever has the old file open would read it for ever.
#[test]
fn another_file_under_the_name_of_the_catalog_is_opened() {
    let gateway = harness::start();
    if !gateway.catalog().is_sqlite() {
        return;
    }
    let kept = gateway.store("kept", b"kept");
    let deleted = gateway.store("deleted", b"deleted");
    let copy = gateway.catalog().copy();
    let later = gateway.store("later", b"later");
    gateway.catalog().delete(&deleted);
    await_status(&gateway, &deleted.url(), 404);
    for file in [&kept, &later] {
        await_status(&gateway, &file.url(), 206);
    }

    gateway.catalog().put_back(&copy);
    await_status(&gateway, &later.url(), 404);
    await_status(&gateway, &deleted.url(), 206);
    assert_eq!(gateway.metric("gateway_feed_gaps_total"), 1.0);
    gateway.catalog().delete(&kept);
    await_status(&gateway, &kept.url(), 404);
    gateway.await_ready();
    gateway.assert_unharmed();
}
