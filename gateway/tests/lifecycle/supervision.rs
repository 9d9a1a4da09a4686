//! Under a service manager: sockets that outlive the process (H4), and what it tells of itself.

use crate::harness::{self, PATIENCE, bytes, eventually};
use rustix::process::Signal;
use std::time::Duration;

#[test]
fn a_listener_that_was_handed_over_is_served_on() {
    let gateway = harness::setup().takes_over("files").start();
    let file = gateway.store("film.mp4", &bytes(1 << 20));
    gateway.get(&file.url()).send().assert_whole(&file.bytes);
    gateway.assert_unharmed();
}

#[test]
fn who_connects_while_the_process_is_replaced_waits_and_is_served() {
    let gateway = harness::setup().takes_over("files").start();
    let file = gateway.store("film.mp4", &bytes(1 << 20));
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.exit_code_within(PATIENCE), 0);
    let request = gateway.get(&file.url());
    let mut waiting: Vec<_> = (0..20).map(|_| gateway.connect()).collect();
    waiting.iter_mut().for_each(|connection| {
        connection.send(&request.to_bytes());
    });
    gateway.start_again();
    for mut connection in waiting {
        assert_eq!(connection.head().status(), 200);
        assert!(connection.take(file.bytes.len()) == file.bytes);
    }
    gateway.assert_unharmed();
}

#[test]
fn a_killed_process_leaves_the_listener_open_too() {
    let gateway = harness::setup().takes_over("files").start();
    let file = gateway.store("film.mp4", &bytes(1 << 20));
    gateway.signal(Signal::KILL);
    eventually("it is gone", PATIENCE, || gateway.exited());
    let mut waiting = gateway.connect();
    waiting.send(&gateway.get(&file.url()).to_bytes());
    gateway.start_again();
    assert_eq!(waiting.head().status(), 200);
}

#[test]
fn a_socket_of_a_name_that_nobody_knows_is_not_served_on() {
    let exit = harness::setup().takes_over("files-gateway.socket").run_to_exit();
    assert!(!exit.status.success());
    assert!(exit.log.contains("FileDescriptorName"), "{}", exit.log);
    assert!(exit.log.contains("files, admin"), "{}", exit.log);
}

#[test]
fn sockets_that_were_meant_for_another_process_are_left_alone() {
    let gateway = harness::setup().set("LISTEN_PID", "1").set("LISTEN_FDS", "1").set("LISTEN_FDNAMES", "files").start();
    gateway.assert_unharmed();
}

#[test]
fn it_is_ready_once_readyz_says_so_and_tells_of_a_reload_and_of_its_stop() {
    let (setup, ear) = harness::setup_without_schema().heard();
    let gateway = setup.start_unready();
    ear.hear("STATUS=waiting for catalog and storage, see /readyz");
    eventually("it answers, and is not ready", PATIENCE, || (gateway.readiness() == Some(503)).then_some(()));
    assert_eq!(ear.hear_within(Duration::from_millis(500)), None, "nothing is ready yet");
    gateway.signal(Signal::HUP);
    assert_eq!(ear.hear_within(Duration::from_millis(500)), None, "a reload makes nothing ready");

    gateway.catalog().migrate();
    ear.hear("READY=1");
    assert_eq!(gateway.readiness(), Some(200));

    gateway.signal(Signal::HUP);
    assert!(ear.hear("RELOADING=1").contains("MONOTONIC_USEC="));
    ear.hear("READY=1");
    gateway.signal(Signal::TERM);
    ear.hear("STOPPING=1");
    assert_eq!(gateway.exit_code_within(PATIENCE), 0);
}

#[test]
fn it_gives_signs_of_life_while_it_serves_and_none_while_it_hangs() {
    let (setup, ear) = harness::setup().set("WATCHDOG_USEC", "300000").heard();
    let gateway = setup.start();
    for _ in 0..5 {
        ear.hear("WATCHDOG=1");
    }
    gateway.signal(Signal::STOP);
    eventually("it is silent", PATIENCE, || ear.hear_within(Duration::from_secs(1)).is_none().then_some(()));
    gateway.signal(Signal::CONT);
    ear.hear("WATCHDOG=1");
    gateway.assert_unharmed();
}

#[test]
fn whoever_asks_for_nothing_is_told_nothing() {
    let (setup, ear) = harness::setup().heard();
    let gateway = setup.unset("NOTIFY_SOCKET").set("WATCHDOG_USEC", "300000").start();
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.exit_code_within(PATIENCE), 0);
    assert_eq!(ear.hear_within(Duration::from_millis(1)), None);
}

#[test]
fn an_ear_that_is_gone_is_no_reason_to_stop() {
    let gateway = harness::setup().set("NOTIFY_SOCKET", "/nowhere/notify").set("WATCHDOG_USEC", "300000").start();
    eventually("the log tells", PATIENCE, || {
        gateway.log().contains("the service manager cannot be told").then_some(())
    });
    gateway.assert_unharmed();
}
