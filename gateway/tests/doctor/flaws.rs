//! Each flaw of a server is found by the row that is there for it, and by no other.

use super::{
    diagnose, film,
    harness::{self, PATIENCE, eventually},
    proxy::{Flaw, Message, start},
};
use std::collections::BTreeMap;

/// One part that is asked for while seeking, of a film of 1 MiB: its end.
const LAST_PART: &str = "bytes=1032192-1048575";

fn flaw(row: &'static str) -> Flaw {
    Flaw { row, asked: |_| (), answered: |_, _| () }
}

/// What was asked is changed, as if the gateway had not seen it.
fn deaf(row: &'static str, asked: fn(&mut Message)) -> Flaw {
    Flaw { asked, ..flaw(row) }
}

fn altered(row: &'static str, answered: fn(&Message, &mut Message)) -> Flaw {
    Flaw { answered, ..flaw(row) }
}

fn without_range(request: &mut Message, range: &str) {
    if request.only_range() == Some(range) {
        request.set("range", None);
    }
}

fn ranges() -> Vec<Flaw> {
    vec![
        deaf("first-two", |request| without_range(request, "bytes=0-1")),
        deaf("open", |request| without_range(request, "bytes=0-")),
        deaf("full-span", |request| without_range(request, "bytes=0-1048575")),
        deaf("tail", |request| {
            if request.only_range() == Some("bytes=1032192-") {
                request.set("range", Some("bytes=1032192-1040000"));
            }
        }),
        deaf("suffix", |request| without_range(request, "bytes=-1000")),
        deaf("long-suffix", |request| without_range(request, "bytes=-2048576")),
        deaf("past-end", |request| without_range(request, "bytes=1048566-2048576")),
        deaf("beyond", |request| without_range(request, "bytes=1048576-")),
        altered("beyond", |request, answer| {
            if request.only_range() == Some("bytes=1048576-") {
                answer.set("content-range", None);
            }
        }),
        deaf("several", |request| {
            if request.only_range() == Some("bytes=0-9,100-109") {
                request.set("range", Some("bytes=0-9"));
            }
        }),
        altered("reversed", |request, answer| {
            if request.only_range() == Some("bytes=5-4") {
                answer.become_error(500);
            }
        }),
        deaf("other-unit", |request| request.change("range", |range| range.replace("items", "bytes"))),
        altered("whole", |request, answer| {
            if request.is_plain_get() {
                answer.set("content-range", Some("bytes 0-1048575/1048576"));
            }
        }),
        altered("real-size", |_, answer| {
            if answer.status() == "206" {
                answer.change("content-range", |range| range.replace("/1048576", "/*"));
            }
        }),
        altered("real-size", |request, answer| {
            if request.only_range() == Some(LAST_PART) {
                answer.change("content-range", |range| range.replace("/1048576", "/1048577"));
            }
        }),
        altered("exact-length", |request, answer| {
            if request.only_range() == Some(LAST_PART) {
                answer.body.pop();
                answer.set("content-length", Some("16383"));
            }
        }),
        altered("exact-length", |request, answer| {
            if request.only_range() == Some(LAST_PART) {
                answer.body.truncate(10_000);
                answer.set("connection", Some("close"));
            }
        }),
        altered("bytes-agree", |request, answer| {
            if request.only_range() == Some(LAST_PART) {
                answer.body[16_000] ^= 1;
            }
        }),
    ]
}

fn headers() -> Vec<Flaw> {
    vec![
        altered("head", |request, answer| {
            if request.method() == "HEAD" {
                answer.become_error(403);
            }
        }),
        altered("head", |request, answer| {
            if request.method() == "HEAD" {
                answer.set("content-length", Some("0"));
            }
        }),
        altered("content-length", |request, answer| {
            if request.is_plain_get() {
                let chunk =
                    [format!("{:x}\r\n", answer.body.len()).as_bytes(), &answer.body, b"\r\n0\r\n\r\n"].concat();
                answer.body = chunk;
                answer.set("content-length", None);
                answer.set("transfer-encoding", Some("chunked"));
            }
        }),
        altered("accept-ranges", |_, answer| answer.set("accept-ranges", None)),
        altered("content-type", |_, answer| {
            answer.change("content-type", |media_type| media_type.replace("video/mp4", "application/octet-stream"));
        }),
        altered("no-encoding", |request, answer| {
            if request.field("accept-encoding").is_some() {
                answer.set("content-encoding", Some("gzip"));
            }
        }),
        altered("cache-control", |_, answer| answer.set("cache-control", Some("private, no-store"))),
        altered("embeddable", |_, answer| answer.set("cross-origin-resource-policy", Some("same-origin"))),
    ]
}

fn validators() -> Vec<Flaw> {
    vec![
        altered("etag", |_, answer| answer.change("etag", |etag| format!("W/{etag}"))),
        altered("etag", |_, answer| answer.change("etag", |etag| etag.replace('"', ""))),
        altered("etag", |_, answer| answer.set("etag", None)),
        altered("etag-stable", |request, answer| {
            if request.only_range() == Some(LAST_PART) {
                answer.set("etag", Some("\"another\""));
            }
        }),
        altered("last-modified", |_, answer| answer.set("last-modified", None)),
        deaf("if-range", |request| {
            let is_strong = |tag: &str| tag.starts_with('"') && !tag.starts_with("\"another");
            if request.field("if-range").is_some_and(is_strong) {
                request.set("range", None);
            }
        }),
        deaf("if-range-other", |request| {
            if request.field("if-range").is_some_and(|tag| tag.starts_with("\"another")) {
                request.set("if-range", None);
            }
        }),
        deaf("if-range-weak", |request| request.change("if-range", |tag| tag.replace("W/", ""))),
        deaf("if-range-date", |request| {
            if request.field("if-range").is_some_and(|date| date.ends_with("GMT")) {
                request.set("range", None);
            }
        }),
        deaf("if-none-match", |request| {
            if request.field("range").is_none() {
                request.set("if-none-match", None);
            }
        }),
        deaf("if-none-match-part", |request| {
            if request.field("range").is_some() {
                request.set("if-none-match", None);
            }
        }),
        deaf("if-modified-since", |request| request.set("if-modified-since", None)),
        deaf("if-match", |request| request.set("if-match", None)),
    ]
}

fn cors() -> Vec<Flaw> {
    const ALLOWED: &str = "access-control-allow-origin";
    vec![
        altered("cors-origin", |_, answer| answer.set(ALLOWED, None)),
        altered("cors-origin", |_, answer| answer.set(ALLOWED, Some("https://another.example"))),
        altered("cors-expose", |_, answer| answer.set("access-control-expose-headers", Some("ETag, Content-Length"))),
        altered("cors-preflight", |request, answer| {
            if request.method() == "OPTIONS" {
                answer.become_error(403);
            }
        }),
        altered("cors-preflight", |_, answer| answer.set("access-control-allow-headers", Some("Range"))),
        altered("cors-errors", |_, answer| {
            if answer.status() == "416" {
                answer.set(ALLOWED, None);
            }
        }),
        altered("cors-vary", |_, answer| answer.set("vary", Some("Origin"))),
        altered("cors-vary", |_, answer| answer.set(ALLOWED, Some("https://player.example"))),
    ]
}

fn connections() -> Vec<Flaw> {
    vec![
        deaf("seeks", |request| without_range(request, LAST_PART)),
        altered("seeks", |request, answer| {
            if request.only_range() == Some(LAST_PART) {
                answer.become_error(429);
            }
        }),
        altered("keep-alive", |_, answer| answer.set("connection", Some("close"))),
        altered("leave", |request, answer| {
            if request.only_range() == Some("bytes=655360-") {
                answer.become_error(429);
            }
        }),
        altered("together", |request, answer| {
            if request.only_range() == Some("bytes=131072-147455") {
                answer.become_error(503);
            }
        }),
    ]
}

#[test]
fn each_flaw_fails_its_own_row_and_no_other() {
    let gateway = harness::start();
    let film = film(&gateway);
    let flaws = [ranges(), headers(), validators(), cors(), connections()];
    let mut wrong = Vec::new();
    for flaw in flaws.into_iter().flatten() {
        let row = flaw.row;
        let report = diagnose(start(gateway.public(), flaw), &film.url());
        if report.not_passed() != [row] || report.exit_code != i32::from(report.failed() > 0) {
            wrong.push((row, report.not_passed(), report.exit_code));
        }
        assert!(report.score() < 100, "{row}");
    }
    assert!(wrong.is_empty(), "flaws, the rows that found them, and the exit code: {wrong:#?}");
    gateway.assert_unharmed();
}

#[test]
fn there_is_a_flaw_for_every_row() {
    let gateway = harness::start();
    let report = diagnose(gateway.public(), &film(&gateway).url());
    let mut rows: BTreeMap<_, _> = report.rows().into_iter().map(|row| (row, 0)).collect();
    for flaw in [ranges(), headers(), validators(), cors(), connections()].into_iter().flatten() {
        *rows.get_mut(flaw.row).unwrap_or_else(|| panic!("no row is called {}", flaw.row)) += 1;
    }
    rows.retain(|_, flaws| *flaws == 0);
    assert!(rows.is_empty(), "rows that no flaw tries: {rows:?}");
}

#[test]
fn a_proxy_without_a_flaw_is_as_good_as_the_gateway() {
    let gateway = harness::start();
    let report = diagnose(start(gateway.public(), flaw("none")), &film(&gateway).url());
    assert_eq!((report.not_passed(), report.score(), report.exit_code), (vec![], 100, 0));
}

#[test]
fn a_server_that_knows_no_ranges_breaks_every_player() {
    let gateway = harness::start();
    let film = film(&gateway);
    let deaf = deaf("all", |request| request.set("range", None));
    let report = diagnose(start(gateway.public(), deaf), &film.url());
    assert_eq!(report.exit_code, 1);
    for row in
        ["first-two", "open", "full-span", "tail", "suffix", "past-end", "beyond", "if-range", "seeks", "together"]
    {
        assert!(report.not_passed().contains(&row.to_owned()), "{row}: {report:#?}");
    }
    eventually("the proxy's downloads have ended", PATIENCE, || (gateway.readiness() == Some(200)).then_some(()));
}
