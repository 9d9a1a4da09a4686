//! Keys rotate without breaking a URL and without a restart (C13); a gateway without usable ones does not start (C14).

use crate::{
    harness::{self, Exit, Gateway, PATIENCE, SECRET, Setup, eventually},
    verdict,
};
use rustix::process::Signal;
use std::{fs, path::Path};

const FIRST: &str = "the-first-key-of-the-list-0123456789-k1";
const SECOND: &str = "the-second-key-of-the-list-0123456789-k2";
const THIRD: &str = "the-third-key-of-the-list-0123456789-k3";

#[test]
fn every_key_of_the_ring_verifies_version_1() {
    let setup = harness::setup().set("FILE_SIGNING_KEYS", &format!("k2:{SECOND},k1:{FIRST}:with:colons"));
    let gateway = setup.start();
    let file = gateway.store("clip.mp4", b"bytes");
    for (secret, awaited) in [
        (SECRET, "granted"),
        (SECOND, "granted"),
        (&format!("{FIRST}:with:colons"), "granted"),
        (FIRST, "bad_signature"),
        (THIRD, "bad_signature"),
        (&format!("k2:{SECOND}"), "bad_signature"),
    ] {
        assert_eq!(verdict(&gateway, &file.link().secret(secret).url()), awaited);
    }
}

#[test]
fn a_list_alone_is_a_ring() {
    let setup =
        harness::setup().unset("FILE_SIGNING_SECRET").set("FILE_SIGNING_KEYS", &format!("k2:{SECOND},k1:{FIRST}"));
    let gateway = setup.start_without_canary();
    let file = gateway.store("clip.mp4", b"bytes");
    for (secret, awaited) in [(SECOND, "granted"), (FIRST, "granted"), (SECRET, "bad_signature")] {
        assert_eq!(verdict(&gateway, &file.link().secret(secret).url()), awaited);
    }
    assert_eq!(verdict(&gateway, &file.link_v2().key("k1", FIRST).url()), "granted");
    assert_eq!(verdict(&gateway, &file.link_v2().url()), "unknown_key", "there is no key `default`");
}

/// Replaces a secret's file as tools do, by rename, and tells the gateway.
fn rotate(gateway: &Gateway, path: &Path, text: &str) {
    harness::replace(path, text);
    gateway.signal(Signal::HUP);
}

#[test]
fn a_secret_file_replaced_while_serving_is_read_again_on_sighup() {
    let setup = harness::setup().unset("FILE_SIGNING_SECRET");
    let path = setup.home().join("secret");
    fs::write(&path, format!("{FIRST}\n")).expect("a secret file");
    let gateway = setup.set("FILE_SIGNING_SECRET_FILE", &path.display().to_string()).start_without_canary();
    let file = gateway.store("clip.mp4", b"bytes");
    let judge = |secret: &str| verdict(&gateway, &file.link().secret(secret).url());
    assert_eq!((judge(FIRST).as_str(), judge(SECOND).as_str()), ("granted", "bad_signature"));

    rotate(&gateway, &path, SECOND);
    eventually("the new secret signs", PATIENCE, || (judge(SECOND) == "granted").then_some(()));
    assert_eq!(judge(FIRST), "bad_signature", "the removed one signs no more");
    assert_eq!(gateway.exited(), None, "without a restart");
}

#[test]
fn a_list_file_rotates_through_a_window_in_which_both_keys_are_good() {
    let setup = harness::setup().unset("FILE_SIGNING_SECRET");
    let path = setup.home().join("keys");
    fs::write(&path, format!("k1:{FIRST}")).expect("a secret file");
    let gateway = setup.set("FILE_SIGNING_KEYS_FILE", &path.display().to_string()).start_without_canary();
    let file = gateway.store("clip.mp4", b"bytes");
    let old = [file.link().secret(FIRST).url(), file.link_v2().key("k1", FIRST).url()];
    let new = [file.link().secret(SECOND).url(), file.link_v2().key("k2", SECOND).url()];
    let judge = |urls: &[String; 2]| urls.each_ref().map(|url| verdict(&gateway, url));
    assert_eq!(judge(&old), ["granted", "granted"]);
    assert_eq!(judge(&new), ["bad_signature", "unknown_key"]);

    rotate(&gateway, &path, &format!("k2:{SECOND},k1:{FIRST}\n"));
    eventually("the new key is good", PATIENCE, || (judge(&new) == ["granted", "granted"]).then_some(()));
    assert_eq!(judge(&old), ["granted", "granted"], "the window");

    rotate(&gateway, &path, &format!("k2:{SECOND}\n"));
    eventually("the old key is gone", PATIENCE, || (judge(&old) == ["bad_signature", "unknown_key"]).then_some(()));
    assert_eq!(judge(&new), ["granted", "granted"]);
}

#[test]
fn a_bad_secret_file_at_sighup_leaves_the_old_keys_in_force() {
    let setup = harness::setup().unset("FILE_SIGNING_SECRET");
    let path = setup.home().join("secret");
    fs::write(&path, FIRST).expect("a secret file");
    let gateway = setup.set("FILE_SIGNING_SECRET_FILE", &path.display().to_string()).start_without_canary();
    let file = gateway.store("clip.mp4", b"bytes");
    let lines = || gateway.log().lines().count();
    let before = lines();
    rotate(&gateway, &path, "hunter2-too-short");
    eventually("the log says so", PATIENCE, || (lines() > before).then_some(()));
    assert_eq!(verdict(&gateway, &file.link().secret(FIRST).url()), "granted");
    assert!(!gateway.log().contains("hunter2"), "a secret in the log");

    fs::remove_file(&path).expect("the file was there");
    gateway.signal(Signal::HUP);
    rotate(&gateway, &path, THIRD);
    eventually("a good one is taken again", PATIENCE, || {
        (verdict(&gateway, &file.link().secret(THIRD).url()) == "granted").then_some(())
    });
}

#[track_caller]
fn refuses(setup: Setup, names: &[&str]) -> Exit {
    let exit = setup.run_to_exit();
    assert_eq!(exit.status.code(), Some(64), "{}", exit.log);
    for name in names {
        assert!(exit.log.contains(name), "{name} is not named in:\n{}", exit.log);
    }
    exit
}

#[test]
fn no_empty_short_or_default_secret_starts_a_gateway() {
    for weak in ["", "x", "secret", "changeme", "0123456789abcdef0123456789abcde"] {
        let exit = refuses(harness::setup().set("FILE_SIGNING_SECRET", weak), &["SIGNING_SECRET"]);
        assert!(weak.len() < 8 || !exit.log.contains(weak), "the value is in the log:\n{}", exit.log);
    }
    refuses(harness::setup().unset("FILE_SIGNING_SECRET"), &["FILE_SIGNING_SECRET"]);
    for list in ["k1", "k1:", "k1:short", ":no-id-0123456789-0123456789-012345", "k 1:0123456789-0123456789-0123456789"]
    {
        refuses(harness::setup().set("FILE_SIGNING_KEYS", list), &[]);
    }
    let twice = format!("k1:{FIRST},k1:{SECOND}");
    let exit = refuses(harness::setup().set("FILE_SIGNING_KEYS", &twice), &["k1"]);
    assert!(!exit.log.contains(FIRST) && !exit.log.contains(SECOND), "a secret is in the log:\n{}", exit.log);
}

#[test]
fn an_inherited_short_secret_starts_with_a_warning() {
    let setup = harness::setup().set("FILE_SIGNING_SECRET", "hunter2").set("ALLOW_SHORT_SIGNING_SECRET", "true");
    let gateway = setup.start_without_canary();
    let file = gateway.store("clip.mp4", b"bytes");
    assert_eq!(verdict(&gateway, &file.link().secret("hunter2").url()), "granted");
    assert!(gateway.log().contains("WARN"), "{}", gateway.log());
    assert!(!gateway.log().contains("hunter2"));
}

#[test]
fn every_mistake_is_reported_at_once_and_no_value() {
    let mistakes = [
        ("FILE_SIGNING_SECRET", "hunter2-too-short"),
        ("STORAGE_URL", "ftp://canary-storage"),
        ("DATABASE_URL", "mysql://canary-catalog"),
        ("GATEWAY_LISTEN", "canary-listen"),
        ("GATEWAY_ADMIN_LISTEN", "canary-admin"),
        ("GATEWAY_HEADER_SECONDS", "canary-soon"),
        ("GATEWAY_IDLE_SECONDS", "canary-later"),
        ("GATEWAY_STALL_SECONDS", "canary-never"),
        ("GATEWAY_MAX_URL_SECONDS", "canary-long"),
        ("GATEWAY_MAX_CONNECTIONS", "canary-many"),
        ("GATEWAY_MAX_INFLIGHT", "canary-some"),
        ("DRAIN_SECONDS", "canary-drain"),
        ("LOG_FORMAT", "canary-format"),
    ];
    let setup = mistakes.iter().fold(harness::setup(), |setup, (name, value)| setup.set(name, value));
    let exit = refuses(setup, &mistakes.map(|(name, _)| name.trim_start_matches("FILE_")));
    for (name, value) in mistakes {
        assert!(!exit.log.contains(value), "the value of {name} is printed:\n{}", exit.log);
    }
}

#[test]
fn every_missing_setting_is_named() {
    let setup = harness::setup().unset("FILE_SIGNING_SECRET").unset("STORAGE_URL").unset("DATABASE_URL");
    refuses(setup, &["FILE_SIGNING_SECRET", "STORAGE_URL", "DATABASE_URL"]);
}

#[test]
fn a_secret_file_that_is_not_there_is_named_by_its_setting() {
    let setup = harness::setup().unset("FILE_SIGNING_SECRET").set("FILE_SIGNING_SECRET_FILE", "/nowhere/at/all");
    refuses(setup, &["FILE_SIGNING_SECRET_FILE"]);
}
