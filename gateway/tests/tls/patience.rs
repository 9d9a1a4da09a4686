//! Nobody holds an HTTP/2 connection, or an encrypted one, by saying nothing or by not listening (A9, A11, A15).
//! The bounds are lower ones of the setting itself, and upper ones far above it: a slow machine changes nothing.

use crate::harness::{
    self, Ended, Frame, Gateway, PATIENCE, Setup, bytes, eventually,
    frames::{DATA, INITIAL_WINDOW_SIZE},
};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

fn setup() -> Setup {
    harness::setup().tls()
}

#[track_caller]
fn await_cut(gateway: &Gateway) {
    eventually("the connection is cut", 2 * PATIENCE, || (gateway.level().connections == 0).then_some(()));
}

#[test]
fn an_http2_connection_without_a_request_is_closed() {
    let gateway = setup().set("GATEWAY_HEADER_SECONDS", "1").start();
    let start = Instant::now();
    gateway.http2().end_within(PATIENCE);
    assert!(start.elapsed() > SECOND / 2, "closed before its time");
    gateway.assert_unharmed();
}

#[test]
fn pings_and_half_a_head_are_no_request() {
    let gateway = setup().set("GATEWAY_HEADER_SECONDS", "2").start();
    let mut frames = gateway.frames(&Frame::setting(INITIAL_WINDOW_SIZE, 65_535));
    let start = Instant::now();
    let ended = loop {
        frames.send(&[Frame::new(harness::frames::PING, 0, 0, &[7; 8])]);
        if let (_, Some(ended @ (Ended::Closed | Ended::Reset))) = frames.until(SECOND / 10, |_| false) {
            break ended;
        }
        assert!(start.elapsed() < PATIENCE, "still open");
    };
    assert_ne!(ended, Ended::Open);
    gateway.assert_unharmed();
}

#[test]
fn an_idle_http2_connection_is_told_to_go_when_its_time_is_over() {
    let gateway = setup().set("GATEWAY_IDLE_SECONDS", "3").set("GATEWAY_HEADER_SECONDS", "2").start();
    let file = gateway.store("clip.mp4", b"bytes");
    let mut client = gateway.http2();
    for _ in 0..3 {
        client.answer(&gateway.get(&file.url())).assert_whole(&file.bytes);
        assert!(client.stays_open_for(SECOND * 5 / 4), "its time begins anew with every answer");
    }
    assert!(client.end_within(PATIENCE).is_none(), "with a GOAWAY that complains of nothing");
    gateway.assert_unharmed();
}

#[test]
fn a_stream_that_nobody_reads_is_cut() {
    let gateway = setup().set("GATEWAY_STALL_SECONDS", "2").start();
    let file = gateway.store("film.mp4", &bytes(32 << 20));
    let mut client = gateway.http2_with_window(64 << 10);
    let mut stream = client.begin(&gateway.get(&file.url())).expect("an answer");
    let start = Instant::now();
    await_cut(&gateway);
    assert!(start.elapsed() > SECOND, "after {:?}, which is no stall", start.elapsed());
    let (bytes, error) = stream.rest();
    assert!(error.is_some() && bytes.len() < file.bytes.len() && file.bytes.starts_with(&bytes));
    drop(client);
    gateway.assert_unharmed();
}

#[test]
fn the_end_of_a_file_that_nobody_reads_is_cut_too() {
    let gateway = setup().set("GATEWAY_STALL_SECONDS", "2").set("GATEWAY_IDLE_SECONDS", "1").start();
    let file = gateway.store("clip.mp4", &bytes(20_000));
    let mut frames = gateway.frames(&Frame::setting(INITIAL_WINDOW_SIZE, 1));
    frames.send(&[Frame::request(1, &gateway.get(&file.url()))]);
    let (seen, _) = frames.until(PATIENCE, |frame| frame.kind == DATA);
    assert_eq!(seen.last().expect("a frame").payload, file.bytes[..1]);
    await_cut(&gateway);
    gateway.assert_unharmed();
}

#[test]
fn one_stream_that_is_read_keeps_the_connection_for_another_that_waits() {
    let gateway = setup().set("GATEWAY_STALL_SECONDS", "2").start();
    let file = gateway.store("film.mp4", &bytes(8 << 20));
    let mut client = gateway.http2_with_window(256 << 10);
    let mut waiting = client.begin(&gateway.get(&file.url())).expect("an answer");
    let mut read = client.begin(&gateway.get(&file.url())).expect("an answer");
    let (mut received, start) = (Vec::new(), Instant::now());
    while start.elapsed() < SECOND * 5 {
        received.extend(read.take(100_000));
        std::thread::sleep(Duration::from_millis(100));
    }
    for (begun, stream) in [(received, &mut read), (Vec::new(), &mut waiting)] {
        let (rest, error) = stream.rest();
        assert!(error.is_none(), "{error:?}");
        assert!([begun, rest].concat() == file.bytes);
    }
    drop((read, waiting, client));
    gateway.assert_unharmed();
}

#[test]
fn a_pause_shorter_than_the_stall_time_is_no_matter_of_head_or_idle_time() {
    let gateway = setup().set("GATEWAY_STALL_SECONDS", "30").set("GATEWAY_HEADER_SECONDS", "1");
    let gateway = gateway.set("GATEWAY_IDLE_SECONDS", "1").start();
    let file = gateway.store("film.mp4", &bytes(16 << 20));
    let mut http2 = gateway.http2_with_window(64 << 10);
    let mut stream = http2.begin(&gateway.get(&file.url())).expect("an answer");
    let mut download = gateway.get(&file.url()).open_with_window(64 << 10);
    let (first, first_of_stream) = (download.take(100_000), stream.take(100_000));
    std::thread::sleep(SECOND * 3);
    let ((rest, ended), (rest_of_stream, error)) = (download.rest(), stream.rest());
    assert!([first, rest].concat() == file.bytes && ended == Ended::Closed);
    assert!([first_of_stream, rest_of_stream].concat() == file.bytes && error.is_none());
}

#[test]
fn a_reader_of_http1_that_stops_is_cut_wherever_its_answer_stands() {
    let gateway = setup().set("GATEWAY_STALL_SECONDS", "2").start();
    // The last one's answer is wholly in TLS's own buffer when the client has stopped.
    for size in [32 << 20, 300_000] {
        let file = gateway.store("film.mp4", &bytes(size));
        let download = gateway.get(&file.url()).open_with_window(4 << 10);
        await_cut(&gateway);
        drop(download);
    }
    gateway.assert_unharmed();
}

#[test]
fn readers_that_have_stopped_cost_little_memory_each() {
    let gateway = setup().set("GATEWAY_STALL_SECONDS", "60").start();
    let file = gateway.store("film.mp4", &bytes(32 << 20));
    let before = gateway.memory();
    let stopped: Vec<_> = (0..50).map(|_| gateway.get(&file.url()).open_with_window(4 << 10)).collect();
    let each = gateway.memory().saturating_sub(before) / 50;
    assert!(each < 600 << 10, "{each} bytes for each reader of HTTP/1.1");
    drop(stopped);
    await_cut(&gateway);

    let before = gateway.memory();
    let mut clients: Vec<_> = (0..5).map(|_| gateway.http2_with_window(1)).collect();
    let streams: Vec<_> = clients
        .iter_mut()
        .flat_map(|client| {
            (0..100).map(|_| client.begin(&gateway.get(&file.url())).expect("an answer")).collect::<Vec<_>>()
        })
        .collect();
    let each = gateway.memory().saturating_sub(before) / 500;
    assert!(each < 200 << 10, "{each} bytes for each stream of HTTP/2");
    drop((streams, clients));
    gateway.assert_unharmed();
}
