//! A graceful stop with HTTP/2 and encrypted connections open (H3).

use crate::harness::{self, Ended, Gateway, Http2, PATIENCE, Stream, bytes, eventually};
use rustix::process::Signal;

const LARGE: usize = 32 << 20;

fn in_mid_stream(gateway: &Gateway) -> (Http2, Stream, Vec<u8>, Vec<u8>) {
    let file = gateway.store("film.mp4", &bytes(LARGE));
    let mut client = gateway.http2_with_window(64 << 10);
    let mut stream = client.begin(&gateway.get(&file.url())).expect("an answer");
    let first = stream.take(100_000);
    (client, stream, first, file.bytes)
}

#[test]
fn streams_are_finished_and_the_connection_is_told_to_go() {
    let gateway = harness::setup().tls().start();
    let (client, mut stream, first, whole) = in_mid_stream(&gateway);
    let (idle, mut silent) = (gateway.http2(), gateway.connect());
    // Its handshake is over on both sides once something was answered.
    gateway.get("/nowhere").over(&mut silent).assert_error_shape(404);
    gateway.signal(Signal::TERM);
    eventually("/readyz says 503", PATIENCE, || (gateway.readiness() == Some(503)).then_some(()));
    assert!(idle.end_within(PATIENCE).is_none(), "an idle connection is told to go");
    assert_eq!(silent.rest(), (Vec::new(), Ended::Closed), "a silent one as well");
    let (rest, error) = stream.rest();
    assert!(error.is_none(), "{error:?}");
    assert!([first, rest].concat() == whole, "the stream is finished exactly");
    assert!(client.end_within(PATIENCE).is_none(), "and then the connection, with no complaint");
    assert_eq!(gateway.exit_code_within(PATIENCE), 0, "{}", gateway.log());
}

#[test]
fn at_the_deadline_streams_are_cut() {
    let gateway = harness::setup().tls().set("DRAIN_SECONDS", "1").start();
    let (client, mut stream, first, whole) = in_mid_stream(&gateway);
    gateway.signal(Signal::TERM);
    eventually("the gateway exits", PATIENCE, || gateway.exited());
    let (rest, error) = stream.rest();
    let received = [first, rest].concat();
    assert!(error.is_some(), "it does not look like an end");
    assert!(received.len() < whole.len() && whole.starts_with(&received));
    drop(client);
}

#[test]
fn a_second_signal_cuts_streams_and_handshakes() {
    let gateway = harness::setup().tls().set("DRAIN_SECONDS", "600").start();
    let (client, mut stream, first, whole) = in_mid_stream(&gateway);
    let silent = harness::Connection::open(gateway.public());
    gateway.signal(Signal::TERM);
    eventually("/readyz says 503", PATIENCE, || (gateway.readiness() == Some(503)).then_some(()));
    assert_eq!(gateway.exited(), None);
    gateway.signal(Signal::TERM);
    eventually("the gateway exits", PATIENCE, || gateway.exited());
    let (rest, error) = stream.rest();
    let received = [first, rest].concat();
    assert!(error.is_some() && received.len() < whole.len() && whole.starts_with(&received), "cut, not padded");
    drop((client, silent));
}
