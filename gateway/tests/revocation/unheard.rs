//! A catalog that cannot be read: files that were looked up are served for a while, no others (H6).

use crate::harness::{self, Gateway, PATIENCE, Setup, eventually};

const TABLES: [&str; 3] = ["files", "users", "changes"];

/// Nothing can be looked up, and no change be read.
fn take_away(gateway: &Gateway) {
    TABLES.iter().for_each(|table| gateway.catalog().run(&format!("ALTER TABLE {table} RENAME TO {table}_away"), &[]));
}

fn give_back(gateway: &Gateway) {
    TABLES.iter().for_each(|table| gateway.catalog().run(&format!("ALTER TABLE {table}_away RENAME TO {table}"), &[]));
}

fn start_with_grace(seconds: &str) -> Gateway {
    Setup::start(harness::setup().set("GATEWAY_FEED_GRACE", seconds))
}

fn status(gateway: &Gateway, url: &str) -> u16 {
    gateway.get(url).send().status()
}

fn rotation(gateway: &Gateway) -> u16 {
    gateway.admin("GET", "/rotation").send().status()
}

#[track_caller]
fn await_rotation(gateway: &Gateway, awaited: u16) {
    eventually(&format!("/rotation says {awaited}"), PATIENCE, || (rotation(gateway) == awaited).then_some(()));
}

#[track_caller]
fn await_status(gateway: &Gateway, url: &str, awaited: u16) {
    eventually(&format!("{awaited}"), PATIENCE, || (status(gateway, url) == awaited).then_some(()));
}

#[test]
fn what_was_looked_up_is_served_and_nothing_else_until_the_catalog_is_back() {
    let gateway = start_with_grace("300");
    let (known, unknown) = (gateway.store("known.txt", b"known"), gateway.store("unknown.txt", b"unknown"));
    assert_eq!(status(&gateway, &known.url()), 200);
    take_away(&gateway);
    gateway.get(&unknown.url()).send().assert_error_code(503, "catalog_unavailable");
    eventually("/readyz says so", PATIENCE, || (gateway.readiness() == Some(503)).then_some(()));
    assert_eq!(rotation(&gateway), 200, "it was ready, and serves on");
    eventually("the feed is missed", PATIENCE, || (gateway.metric("gateway_feed_errors_total") > 5.0).then_some(()));
    gateway.get(&known.url()).send().assert_whole(b"known");
    gateway.get(&unknown.url()).send().assert_error_code(503, "catalog_unavailable");
    give_back(&gateway);
    gateway.await_ready();
    await_status(&gateway, &unknown.url(), 200);
    gateway.assert_unharmed();
}

#[test]
fn the_grace_has_an_end() {
    let gateway = start_with_grace("4");
    let known = gateway.store("known.txt", b"known");
    assert_eq!(status(&gateway, &known.url()), 200);
    take_away(&gateway);
    await_status(&gateway, &known.url(), 503);
    assert!(gateway.metric("gateway_feed_errors_total") >= 2.0, "not before the grace was over");
    await_rotation(&gateway, 503);
    give_back(&gateway);
    await_status(&gateway, &known.url(), 200);
    await_rotation(&gateway, 200);
}

#[test]
fn without_grace_nothing_is_served_that_cannot_be_asked_for() {
    let gateway = start_with_grace("0");
    let known = gateway.store("known.txt", b"known");
    assert_eq!(status(&gateway, &known.url()), 200);
    assert_eq!(rotation(&gateway), 200);
    take_away(&gateway);
    await_status(&gateway, &known.url(), 503);
    await_rotation(&gateway, 503);
    give_back(&gateway);
    await_status(&gateway, &known.url(), 200);
    await_rotation(&gateway, 200);
}

#[test]
fn without_its_feed_alone_it_is_not_ready_and_hears_later_what_it_missed() {
    let gateway = start_with_grace("300");
    let file = gateway.store("film.mp4", b"film");
    assert_eq!(status(&gateway, &file.url()), 200);
    gateway.catalog().run("ALTER TABLE changes RENAME TO changes_away", &[]);
    eventually("/readyz says so", PATIENCE, || (gateway.readiness() == Some(503)).then_some(()));
    gateway.catalog().run("ALTER TABLE changes_away RENAME TO changes", &[]);
    gateway.catalog().delete(&file);
    await_status(&gateway, &file.url(), 404);
    gateway.await_ready();
}
