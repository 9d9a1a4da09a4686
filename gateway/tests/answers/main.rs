//! What an answer looks like: every header of section 4, names and types, CORS, methods and routes.
#[path = "../harness/mod.rs"]
mod harness;

mod cors;
mod lines;
mod names;
mod routes;
mod spans;

use harness::{Answer, File, Gateway, bytes, within_one_second};
use std::time::{Duration, Instant};

/// What every answer may have besides what the contract lists.
const OF_THE_CONNECTION: [&str; 4] = ["connection", "date", "keep-alive", "server"];

/// The headers of 200, 206, 304 and HEAD, but for `Content-Length`.
fn common(file: &File, max_age: u64) -> Vec<(String, String)> {
    let name = &file.filename;
    [
        ("content-type", file.content_type.as_str()),
        ("accept-ranges", "bytes"),
        ("etag", &file.etag),
        ("last-modified", &file.last_modified()),
        ("cache-control", &format!("private, max-age={max_age}")),
        ("content-disposition", &format!("attachment; filename=\"{name}\"; filename*=UTF-8''{name}")),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", harness::EXPOSED),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Exactly these headers, an `X-Request-Id`, and what belongs to the connection.
#[track_caller]
fn assert_headers(answer: &Answer, mut awaited: Vec<(String, String)>) {
    assert!(!answer.sure_header("x-request-id").is_empty());
    assert!(httpdate::parse_http_date(answer.sure_header("date")).is_ok(), "a date");
    let passing = |name: &str| name == "x-request-id" || OF_THE_CONNECTION.contains(&name);
    let mut found: Vec<_> = answer.headers().iter().filter(|(name, _)| !passing(name)).cloned().collect();
    found.sort();
    awaited.sort();
    assert_eq!(found, awaited);
}

fn with(mut headers: Vec<(String, String)>, name: &str, value: &str) -> Vec<(String, String)> {
    headers.push((name.into(), value.into()));
    headers
}

fn gateway_and_file() -> (Gateway, File) {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", &bytes(1000));
    (gateway, file)
}

#[test]
fn a_whole_file_has_exactly_these_headers() {
    let (gateway, file) = gateway_and_file();
    let url = file.link().expires(harness::now() + 7200).url();
    let answer = gateway.get(&url).send();
    answer.assert_whole(&file.bytes);
    assert_headers(&answer, with(common(&file, 3600), "content-length", "1000"));
}

#[test]
fn a_part_has_exactly_these_headers() {
    let (gateway, file) = gateway_and_file();
    let url = file.link().expires(harness::now() + 7200).url();
    let answer = gateway.get(&url).range("bytes=0-1").send();
    answer.assert_part(&file.bytes, 0, 1);
    let awaited = with(common(&file, 3600), "content-length", "2");
    assert_headers(&answer, with(awaited, "content-range", "bytes 0-1/1000"));
}

#[test]
fn several_parts_have_exactly_these_headers() {
    let (gateway, file) = gateway_and_file();
    let url = file.link().expires(harness::now() + 7200).url();
    let answer = gateway.get(&url).range("bytes=0-1,3-4").send();
    assert_eq!(answer.status(), 206);
    let mut awaited = with(common(&file, 3600), "content-length", &answer.body().len().to_string());
    awaited.retain(|(name, _)| name != "content-type");
    assert_headers(&answer, with(awaited, "content-type", answer.sure_header("content-type")));
}

#[test]
fn head_has_the_headers_of_the_whole_file_and_no_body() {
    let (gateway, file) = gateway_and_file();
    let url = file.link().expires(harness::now() + 7200).url();
    for request in [gateway.head(&url), gateway.head(&url).range("bytes=0-1")] {
        let answer = request.send();
        assert_eq!((answer.status(), answer.body()), (200, &b""[..]));
        assert_headers(&answer, with(common(&file, 3600), "content-length", "1000"));
    }
}

#[test]
fn not_modified_has_the_headers_of_the_whole_file_and_no_body() {
    let (gateway, file) = gateway_and_file();
    let url = file.link().expires(harness::now() + 7200).url();
    for method in ["GET", "HEAD"] {
        let answer = gateway.request(method, &url).header("If-None-Match", &file.etag).send();
        assert_eq!((answer.status(), answer.body()), (304, &b""[..]));
        assert_headers(&answer, with(common(&file, 3600), "content-length", "1000"));
    }
}

#[test]
fn head_has_the_status_and_the_headers_of_get_in_every_case() {
    let (gateway, file) = gateway_and_file();
    gateway.catalog().block("user_blocked");
    let replaced = gateway.store("clip.mp4", &bytes(1000));
    gateway.replace_object(&replaced, b"other bytes");
    let (url, link) = (file.url(), file.link());
    for (what, target, condition) in [
        ("the file", url.clone(), None),
        ("the file again", file.link_v2().with("disposition", "inline").url(), None),
        ("unchanged", url.clone(), Some(("If-None-Match", "*"))),
        ("changed", url.clone(), Some(("If-Match", "\"x\""))),
        ("malformed", format!("{url}&expires=1"), None),
        ("expired", link.clone().expires(1).url(), None),
        ("badly signed", link.signed("x"), None),
        ("too long", link.clone().expires(999_999_999_999_999).url(), None),
        ("blocked", link.clone().user("user_blocked").url(), None),
        ("not there", link.user("user_nobody").url(), None),
        ("replaced", replaced.url(), None),
        ("no route", "/nowhere".to_owned(), None),
    ] {
        // How long a cache keeps it is counted in seconds.
        let pair = |_second| {
            ["GET", "HEAD"].map(|method| {
                let request = gateway.request(method, &target);
                let answer =
                    condition.into_iter().fold(request, |request, (name, value)| request.header(name, value)).send();
                let lasting =
                    answer.headers().iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
                let mut headers: Vec<_> = lasting.cloned().collect();
                headers.sort();
                (answer.status(), headers)
            })
        };
        let [get, head] = within_one_second(pair);
        assert_eq!(get, head, "{what}");
    }
}

#[test]
fn a_cache_keeps_an_answer_no_longer_than_the_url_lives_and_an_hour_at_most() {
    let (gateway, file) = gateway_and_file();
    for (life, max_age) in [(0, 0), (1, 1), (100, 100), (3599, 3599), (3600, 3600), (3601, 3600), (86_400, 3600)] {
        let answer = within_one_second(|second| {
            gateway.get(&file.link().expires(second + life).url()).range("bytes=0-1").send()
        });
        assert_eq!(answer.sure_header("cache-control"), format!("private, max-age={max_age}"));
    }
}

#[test]
fn every_answer_has_a_request_id_of_its_own() {
    let (gateway, file) = gateway_and_file();
    let mut seen = std::collections::BTreeSet::new();
    let mut connection = gateway.connect();
    for n in 0..40 {
        let url = if n % 2 == 0 { file.url() } else { "/nowhere".to_owned() };
        let answer = gateway.get(&url).over(&mut connection);
        assert!(seen.insert(answer.sure_header("x-request-id").to_owned()), "given twice");
    }
}

#[test]
fn the_validators_are_the_rows_and_the_same_in_every_answer() {
    let (gateway, file) = gateway_and_file();
    assert!(file.etag.starts_with('"') && file.etag.ends_with('"'));
    for request in [gateway.get(&file.url()), gateway.get(&file.url()).range("bytes=5-"), gateway.head(&file.url())] {
        let answer = request.send();
        assert_eq!(answer.sure_header("etag"), file.etag);
        assert_eq!(answer.sure_header("last-modified"), file.last_modified());
    }
}

#[test]
fn no_content_encoding_is_ever_applied() {
    let gateway = harness::start();
    let file = gateway.file("page.txt").content_type("text/plain").store(&b"compressible ".repeat(10_000));
    for accepted in ["gzip", "gzip, deflate, br, zstd", "*", "identity;q=0, gzip;q=1", "br;q=1.0", ""] {
        let answer = gateway.get(&file.url()).header("Accept-Encoding", accepted).send();
        answer.assert_whole(&file.bytes);
        assert_eq!(answer.header("content-encoding"), None);
        assert_eq!(answer.header("vary"), None, "one representation for all");
    }
}

#[test]
fn over_the_bound_of_requests_in_flight_a_request_is_told_to_come_back() {
    let gateway = harness::setup().set("GATEWAY_MAX_INFLIGHT", "1").start();
    let film = gateway.store("film.mp4", &bytes(32 << 20));
    let opened = Instant::now();
    let mut download = gateway.get(&film.url()).open_with_window(64 << 10);
    assert_eq!(download.head().status(), 200);
    let refused = gateway.get(&film.url()).range("bytes=0-1").send();
    // A reader that stands still for a second gives its place to who is refused.
    let has_stood_still = opened.elapsed() > Duration::from_millis(500);
    refused.assert_error_code(503, "overloaded");
    assert!(refused.sure_header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    let (body, _) = download.rest();
    assert!(body == film.bytes || has_stood_still, "the one admitted is not disturbed");
    drop(download);
    harness::eventually("there is room again", harness::PATIENCE, || {
        (gateway.get(&film.url()).range("bytes=0-1").send().status() == 206).then_some(())
    });
    gateway.assert_unharmed();
}

#[test]
fn a_catalog_that_cannot_be_read_is_503() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    gateway.catalog().run("ALTER TABLE files RENAME TO files_away", &[]);
    let answer = gateway.get(&file.url()).send();
    answer.assert_error_code(503, "catalog_unavailable");
    let text = String::from_utf8_lossy(answer.body()).to_lowercase();
    for inner in ["sqlite", "postgres", "relation", "table", "select", "files_away"] {
        assert!(!text.contains(inner), "{inner} is none of the client's business: {text}");
    }
    gateway.catalog().run("ALTER TABLE files_away RENAME TO files", &[]);
    harness::eventually("the catalog is back", harness::PATIENCE, || {
        (gateway.get(&file.url()).send().status() == 200).then_some(())
    });
    gateway.assert_unharmed();
}
