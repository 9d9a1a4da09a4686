//! What a connection may carry and how long it may take (part A of the abuse list, but for TLS and HTTP/2).
#[path = "../harness/mod.rs"]
mod harness;

mod connections;
mod exhaustion;
mod heads;
mod noise;
mod peers;
mod timeouts;

use harness::{Answer, File, Gateway, Raw, bytes};

fn gateway_and_file() -> (Gateway, File) {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", &bytes(1000));
    (gateway, file)
}

/// A request head of these lines.
fn head(lines: &[&str]) -> Vec<u8> {
    let mut text = lines.join("\r\n");
    text.push_str("\r\n\r\n");
    text.into_bytes()
}

/// One 400 from the parser, which had no request to speak of: bare, then the end.
#[track_caller]
fn assert_bare_400_and_close(raw: &Raw) {
    let answer = raw.only_answer();
    assert_eq!((answer.status(), answer.body()), (400, &b""[..]), "{answer:?}");
}

/// One 400, then the end: bare from the parser, in JSON from behind it.
#[track_caller]
fn assert_400_and_close(raw: &Raw) {
    let answer = raw.only_answer();
    assert_eq!(answer.status(), 400, "{answer:?}");
    assert_bare_or_json(&answer);
}

/// One 400 in JSON, then the end.
#[track_caller]
fn assert_json_400_and_close(raw: &Raw) {
    raw.only_answer().assert_error_shape(400);
}

/// An error body, or none at all.
#[track_caller]
fn assert_bare_or_json(answer: &Answer) {
    if !answer.body().is_empty() {
        answer.assert_error_shape(answer.status());
    }
}
