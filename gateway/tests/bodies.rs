//! A body is exact or the connection is cut; never short and complete-looking, never padded, never mixed.
mod harness;

use harness::{Download, Ended, File, Gateway, PATIENCE, Random, bytes, eventually};
use rustix::process::Signal;
use std::{fs, time::Duration};

const MIB: usize = 1 << 20;
/// Far more than the kernel holds between the gateway and a client with a small window.
const LARGE: usize = 64 * MIB;

fn download(gateway: &Gateway, file: &File) -> Download {
    let download = gateway.get(&file.url()).open_with_window(64 << 10);
    assert_eq!(download.head().status(), 200);
    download
}

#[test]
fn a_file_truncated_in_mid_download_cuts_the_connection() {
    let gateway = harness::start();
    if !gateway.storage().is_folder() {
        return; // an object in S3 cannot shrink
    }
    for left in [0, 1_000_000, 20 * MIB + 1] {
        let file = gateway.store("film.mp4", &bytes(LARGE));
        let mut download = download(&gateway, &file);
        let first = download.take(100_000);
        let object = fs::File::options().write(true).open(gateway.storage().folder().join(&file.object_key));
        object.and_then(|object| object.set_len(left as u64)).expect("the file is cut");
        let (rest, ended) = download.rest();
        let received = [first, rest].concat();
        assert_ne!(ended, Ended::Open, "the client is left waiting");
        assert!(received.len() < LARGE, "{left}: padded to {} bytes", received.len());
        assert!(file.bytes.starts_with(&received), "{left}: other bytes than the file's");
    }
    gateway.assert_unharmed();
}

#[test]
fn a_file_replaced_in_mid_download_is_finished_as_it_was_or_cut() {
    let gateway = harness::start();
    let file = gateway.store("film.mp4", &bytes(LARGE));
    let mut download = download(&gateway, &file);
    let first = download.take(100_000);
    gateway.replace_object(&file, &Random::seeded(99).bytes(LARGE));
    let (rest, ended) = download.rest();
    let received = [first, rest].concat();
    assert!(file.bytes.starts_with(&received), "two versions are mixed in one body");
    assert!(received.len() == LARGE || ended != Ended::Open);
    gateway.assert_unharmed();
}

#[test]
fn a_client_that_leaves_leaves_nothing_behind() {
    let gateway = harness::start();
    let file = gateway.store("film.mp4", &bytes(LARGE));
    for bytes_read in [0, 1, 1_000, 65_536, MIB, 10 * MIB] {
        for window in [4 << 10, 256 << 10] {
            let mut download = gateway.get(&file.url()).open_with_window(window);
            assert!(file.bytes.starts_with(&download.take(bytes_read)));
            assert_eq!(gateway.level().connections, 1, "what is open is seen");
            drop(download);
            gateway.assert_at_rest();
        }
    }
    let request = gateway.get(&file.url()).to_bytes();
    for length in [1, 10, request.len() - 1, request.len()] {
        gateway.connect().send(&request[..length]);
    }
    gateway.assert_unharmed();
}

#[test]
fn fifty_clients_of_one_url_all_get_the_same_bytes() {
    let gateway = harness::start();
    let file = gateway.store("film.mp4", &bytes(4 * MIB + 321));
    let url = file.url();
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| gateway.get(&url).send().assert_whole(&file.bytes).status());
        }
    });
    gateway.assert_unharmed();
}

#[test]
fn two_hundred_random_ranges_of_a_large_file_are_exact() {
    let gateway = harness::start();
    let file = gateway.store("film.mp4", &bytes(LARGE));
    let url = file.url();
    let mut random = Random::seeded(2026);
    let mut connection = gateway.connect();
    for _ in 0..200 {
        let first = usize::try_from(random.below(LARGE as u64)).expect("an index");
        let length = 1 << random.below(22);
        let last = (first + length - 1).min(LARGE - 1);
        let answer = gateway.get(&url).range(&format!("bytes={first}-{last}")).over(&mut connection);
        answer.assert_part(&file.bytes, first, last);
    }
    gateway.get(&url).over(&mut connection).assert_whole(&file.bytes);
    drop(connection);
    gateway.assert_unharmed();
}

#[test]
fn the_first_clients_going_does_not_disturb_the_others() {
    let gateway = harness::start();
    let file = gateway.store("film.mp4", &bytes(LARGE));
    let (mut leaves, mut stays) = (download(&gateway, &file), download(&gateway, &file));
    assert!(file.bytes.starts_with(&leaves.take(1_000)));
    let first = stays.take(1_000);
    drop(leaves);
    let (rest, ended) = stays.rest();
    assert!([first, rest].concat() == file.bytes);
    assert_eq!(ended, Ended::Closed);
    gateway.assert_unharmed();
}

mod stopping {
    use super::*;

    /// A gateway and a download in its midst, with what came already.
    fn in_mid_download(gateway: &Gateway) -> (Download, Vec<u8>, Vec<u8>) {
        let file = gateway.store("film.mp4", &bytes(LARGE));
        let mut download = download(gateway, &file);
        let first = download.take(100_000);
        (download, first, file.bytes)
    }

    fn await_unready(gateway: &Gateway) {
        eventually("/readyz says 503", PATIENCE, || (gateway.readiness() == Some(503)).then_some(()));
    }

    #[test]
    fn a_gateway_told_to_stop_finishes_what_it_began() {
        let gateway = harness::start();
        let (mut download, first, whole) = in_mid_download(&gateway);
        let mut idle = gateway.connect();
        gateway.get("/nowhere").over(&mut idle).assert_error_shape(404);

        gateway.signal(Signal::TERM);
        await_unready(&gateway);
        let refused = || harness::Connection::try_open(gateway.public(), PATIENCE).is_none();
        eventually("no more connections are taken", PATIENCE, || refused().then_some(()));
        let (nothing, ended) = idle.rest();
        assert_eq!((nothing, ended), (Vec::new(), Ended::Closed), "an idle connection is closed");
        assert_eq!(gateway.exited(), None, "the transfer goes on");

        let (rest, ended) = download.rest();
        assert!([first, rest].concat() == whole, "the transfer is finished exactly");
        assert_eq!(ended, Ended::Closed);
        assert_eq!(gateway.exit_code_within(PATIENCE), 0, "{}", gateway.log());
    }

    #[test]
    fn a_gateway_with_nothing_to_finish_stops_at_once() {
        let gateway = harness::start();
        let _idle = gateway.connect();
        gateway.signal(Signal::TERM);
        assert_eq!(gateway.exit_code_within(PATIENCE), 0, "{}", gateway.log());
    }

    #[test]
    fn during_the_delay_new_clients_are_still_served() {
        let gateway = harness::setup().set("DRAIN_DELAY_SECONDS", "3").start();
        let file = gateway.store("clip.mp4", b"bytes");
        gateway.signal(Signal::TERM);
        await_unready(&gateway);
        gateway.get(&file.url()).send().assert_whole(&file.bytes);
        assert_eq!(gateway.exit_code_within(PATIENCE), 0, "{}", gateway.log());
    }

    #[test]
    fn at_the_deadline_what_still_runs_is_cut() {
        let gateway = harness::setup().set("DRAIN_SECONDS", "1").start();
        let (mut download, first, whole) = in_mid_download(&gateway);
        gateway.signal(Signal::TERM);
        eventually("the gateway exits", PATIENCE, || gateway.exited());
        let (rest, _) = download.rest();
        let received = [first, rest].concat();
        assert!(received.len() < whole.len() && whole.starts_with(&received), "cut, not padded");
    }

    #[test]
    fn a_second_signal_cuts() {
        let gateway = harness::setup().set("DRAIN_SECONDS", "600").start();
        let (mut download, first, whole) = in_mid_download(&gateway);
        gateway.signal(Signal::TERM);
        await_unready(&gateway);
        assert_eq!(gateway.exited(), None);
        gateway.signal(Signal::TERM);
        eventually("the gateway exits", Duration::from_secs(10), || gateway.exited());
        let (rest, _) = download.rest();
        let received = [first, rest].concat();
        assert!(received.len() < whole.len() && whole.starts_with(&received), "cut, not padded");
    }

    #[test]
    fn an_interrupt_stops_it_as_well() {
        let gateway = harness::start();
        gateway.signal(Signal::INT);
        assert_eq!(gateway.exit_code_within(PATIENCE), 0, "{}", gateway.log());
    }
}
