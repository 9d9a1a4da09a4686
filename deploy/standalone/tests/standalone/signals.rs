//! What signals do.

use crate::process::{PATIENCE, Standalone};
use rustix::process::Signal;
use std::{fs, time::Instant};
use tempfile::tempdir;

#[test]
fn either_signal_drains_and_ends_well() {
    for signal in [Signal::TERM, Signal::INT] {
        let home = tempdir().unwrap();
        let standalone = Standalone::start(&home, &[]);
        standalone.signal(signal);
        assert!(standalone.end().success());
    }
}

#[test]
fn a_hang_up_reads_the_secret_again_for_both_services() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[]);
    let listed = standalone.request("GET", "/files").send().data();
    let path = format!("/files/{}/signed-url", listed["files"][0]["id"].as_str().unwrap());
    let sign = || standalone.request("POST", &path).send().data()["url"].as_str().unwrap().to_owned();
    let old = sign();
    assert_eq!(standalone.link(&old).send().status, 200);

    fs::write(home.path().join("data/signing-secret"), "b".repeat(64)).unwrap();
    standalone.signal(Signal::HUP);
    let start = Instant::now();
    while standalone.link(&old).send().status != 403 {
        assert!(start.elapsed() < PATIENCE, "the old secret is still in use");
    }
    assert_eq!(standalone.link(&sign()).send().status, 200);
}

#[test]
fn a_hang_up_that_finds_no_secret_keeps_the_one_in_use() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[]);
    let listed = standalone.request("GET", "/files").send().data();
    let path = format!("/files/{}/signed-url", listed["files"][0]["id"].as_str().unwrap());
    let signed = standalone.request("POST", &path).send().data();
    let link = signed["url"].as_str().unwrap();

    let secret = home.path().join("data/signing-secret");
    fs::rename(&secret, home.path().join("elsewhere")).unwrap();
    standalone.signal(Signal::HUP);
    let start = Instant::now();
    while !standalone.log().contains("signing keys kept as they were") {
        assert!(start.elapsed() < PATIENCE, "nobody is told: {}", standalone.log());
    }
    assert!(standalone.log().contains("DATA_DIR holds no signing-secret"), "{}", standalone.log());
    assert!(!secret.exists(), "none is made in its place");
    assert_eq!(standalone.link(link).send().status, 200);
    let signed = standalone.request("POST", &path).send().data();
    assert_eq!(standalone.link(signed["url"].as_str().unwrap()).send().status, 200);
}
