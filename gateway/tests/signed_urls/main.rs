//! Which URLs open a file, and with which words every other one is refused: sections 2 and 3 of the contract over HTTP.
#[path = "../harness/mod.rs"]
mod harness;

mod judging;
mod keys;
mod reading;
mod secrecy;
mod standing;
mod version_2;

use harness::{Answer, Gateway};

/// 400 `malformed`; or, for what is no request at all, the bare 400 of the parser.
#[track_caller]
fn assert_malformed(answer: &Answer, what: &str) {
    assert_eq!(answer.status(), 400, "{what}: {answer:?}");
    answer.assert_error(400, "Invalid signed URL", "malformed");
}

/// `code` of the answer to a URL, or `granted`.
#[track_caller]
fn verdict(gateway: &Gateway, url: &str) -> String {
    let answer = gateway.get(url).send();
    if answer.status() == 200 { "granted".into() } else { answer.code() }
}

/// Polls a URL until the gateway judges it so.
#[track_caller]
fn await_verdict(gateway: &Gateway, url: &str, awaited: &str) {
    harness::eventually(awaited, harness::FOLLOWS, || (verdict(gateway, url) == awaited).then_some(()));
}
