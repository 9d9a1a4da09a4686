//! Bytes that go from page cache to socket: exact at every size at which another way is taken, between answers of every
//! other kind, and whatever the client does.
mod harness;

use harness::{Ended, File, Gateway, bytes};
use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    time::{Duration, Instant},
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// Where a body is copied, becomes a span, becomes several, and where a connection lets others go first.
const EDGES: [usize; 6] = [4 * KIB, 64 * KIB, 128 * KIB, 512 * KIB, MIB, 2 * MIB];

fn asks(gateway: &Gateway, file: &File, first: usize, last: usize) -> Vec<u8> {
    gateway.get(&file.url()).range(&format!("bytes={first}-{last}")).to_bytes()
}

#[test]
fn around_every_edge_a_range_is_exact() {
    let gateway = harness::start();
    let file = gateway.store("film.mp4", &bytes(3 * MIB));
    let mut connection = gateway.connect();
    for size in EDGES.into_iter().flat_map(|edge| [edge - 1, edge, edge + 1]) {
        for first in [0, 1, 4095, 4096, 65_535, MIB - 1] {
            connection.send(&asks(&gateway, &file, first, first + size - 1));
            connection.answer("GET").assert_part(&file.bytes, first, first + size - 1);
        }
    }
    drop(connection);
    gateway.assert_unharmed();
}

#[test]
fn answers_of_all_kinds_in_one_packet_keep_their_order_and_their_bytes() {
    let gateway = harness::start();
    let file = gateway.store("film.mp4", &bytes(3 * MIB));
    let (url, etag) = (file.url(), format!("\"{}\"", file.etag.trim_matches('"')));
    let mut packet = Vec::new();
    for _ in 0..5 {
        packet.extend(gateway.get(&url).range("bytes=7-700007").to_bytes());
        packet.extend(gateway.head(&url).to_bytes());
        packet.extend(gateway.get(&url).range("bytes=0-1").to_bytes());
        packet.extend(gateway.get(&url).header("If-None-Match", &etag).to_bytes());
        packet.extend(gateway.get(&url).range("bytes=9999999-").to_bytes());
        packet.extend(gateway.get(&url).to_bytes());
        packet.extend(gateway.get(&url).range("bytes=0-99999,1000000-1999999").to_bytes());
    }
    let mut connection = gateway.connect();
    connection.send(&packet);
    for _ in 0..5 {
        connection.answer("GET").assert_part(&file.bytes, 7, 700_007);
        assert_eq!(connection.answer("HEAD").status(), 200);
        connection.answer("GET").assert_part(&file.bytes, 0, 1);
        assert_eq!(connection.answer("GET").status(), 304);
        connection.answer("GET").assert_error_shape(416);
        connection.answer("GET").assert_whole(&file.bytes);
        let parts = harness::parts(&connection.answer("GET"));
        assert!(parts[0].body == file.bytes[..100_000] && parts[1].body == file.bytes[1_000_000..2_000_000]);
    }
    drop(connection);
    gateway.assert_unharmed();
}

#[test]
fn http_1_0_and_connection_close_get_all_of_it_before_the_end() {
    let gateway = harness::start();
    let file = gateway.store("film.mp4", &bytes(3 * MIB + 1));
    let target = file.url();
    let requests = [
        format!("GET {target} HTTP/1.0\r\n\r\n"),
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    ];
    for request in requests {
        let raw = gateway.raw(request.as_bytes());
        raw.only_answer().assert_whole(&file.bytes);
        assert_eq!(raw.ended, Ended::Closed);
    }
    gateway.assert_unharmed();
}

#[test]
fn a_client_may_go_at_any_byte() {
    let gateway = harness::start();
    let file = gateway.store("film.mp4", &bytes(8 * MIB));
    let head = gateway.get(&file.url()).send().head().len();
    let edges = EDGES.into_iter().flat_map(|edge| [edge - 1, edge, edge + 1]);
    for taken in [0, 1, head - 1, head, head + 1].into_iter().chain(edges) {
        let mut connection = gateway.connect();
        connection.send(&gateway.get(&file.url()).to_bytes());
        assert_eq!(connection.take(taken).len(), taken);
        drop(connection);
    }
    gateway.assert_unharmed();
}

#[test]
fn a_file_written_in_place_is_never_sent_as_the_version_it_was() {
    let gateway = harness::start();
    if !gateway.storage().is_folder() {
        return; // an object in S3 is only ever replaced
    }
    let file = gateway.store("film.mp4", &bytes(MIB));
    gateway.get(&file.url()).send().assert_whole(&file.bytes);
    let path = gateway.storage().folder().join(&file.object_key);
    let mut object = fs::File::options().write(true).open(path).expect("the object");
    object.seek(SeekFrom::Start(500)).and_then(|_| object.write_all(b"other bytes")).expect("written in place");
    // Longer than a clock tick of the file system, within which two versions cannot be told apart.
    std::thread::sleep(Duration::from_millis(50));
    for range in ["bytes=0-99", "bytes=490-520", "bytes=0-"] {
        gateway.get(&file.url()).range(range).send().assert_error_code(502, "storage_changed");
    }
    gateway.assert_unharmed();
}

#[test]
fn clients_that_take_all_they_get_do_not_keep_others_from_theirs() {
    let gateway = harness::setup().set("GATEWAY_THREADS", "1").start();
    let (film, clip) = (gateway.store("film.mp4", &bytes(64 * MIB)), gateway.store("clip.mp4", &bytes(KIB)));
    let (film_url, clip_url) = (film.url(), clip.url());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| gateway.get(&film_url).send().assert_whole(&film.bytes).status());
        }
        let mut connection = gateway.connect();
        for _ in 0..200 {
            gateway.get(&clip_url).over(&mut connection).assert_whole(&clip.bytes);
        }
    });
    gateway.assert_unharmed();
}

#[test]
fn a_part_that_begins_within_a_page_does_not_wait_for_the_kernels_timer() {
    let gateway = harness::start();
    let file = gateway.store("film.mp4", &bytes(2 << 20));
    let mut connection = gateway.connect();
    for length in [65_000, 65_536, 1 << 20] {
        let request = gateway.get(&file.url()).range(&format!("bytes=1000-{}", 1000 + length - 1));
        let mut times: Vec<_> = (0..21)
            .map(|_| {
                let start = Instant::now();
                request.over(&mut connection).assert_part(&file.bytes, 1000, 1000 + length - 1);
                start.elapsed()
            })
            .collect();
        times.sort();
        // The timer takes over 200 ms, each time.
        assert!(times[10] < Duration::from_millis(150), "{length} bytes: {times:?}");
    }
}
