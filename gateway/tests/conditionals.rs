//! Conditional requests (B8-B12), in the order of RFC 9110 section 13.2.2.
mod harness;

use harness::{Answer, File, Gateway, bytes, eventually};

const GARBAGE: &[&str] = &["0", "yesterday", "2024-01-01T00:00:00Z", "Mon, 99 Foo 2024 00:00:00 GMT", ""];

fn gateway_and_file() -> (Gateway, File) {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", &bytes(1000));
    (gateway, file)
}

/// Headers of a request, and the status that must come back; `{etag}`, `{date}`, `{before}` and `{after}` stand for
/// the file's validators and the seconds around its date.
type Case<'a> = (&'a [(&'a str, &'a str)], u16);

#[track_caller]
fn assert_all(gateway: &Gateway, file: &File, cases: &[Case<'_>]) {
    let date = |second: u64| httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(second));
    let filled = |text: &str| {
        text.replace("{etag}", &file.etag)
            .replace("{date}", &date(file.modified_at))
            .replace("{before}", &date(file.modified_at - 1))
            .replace("{after}", &date(file.modified_at + 1))
    };
    for (headers, status) in cases {
        let ask = |method: &str| {
            let request = gateway.request(method, &file.url());
            headers.iter().fold(request, |request, (name, value)| request.header(name, &filled(value))).send()
        };
        let answer = ask("GET");
        assert_eq!(answer.status(), *status, "{headers:?}: {}", answer.head());
        match status {
            200 => _ = answer.assert_whole(&file.bytes),
            206 => _ = answer.assert_part(&file.bytes, 10, 19),
            304 => assert_not_modified(&answer, file),
            412 => _ = answer.assert_error_shape(412),
            _ => unreachable!("no such case"),
        }
        let head = ask("HEAD");
        let status = if *status == 206 { 200 } else { *status };
        assert_eq!((head.status(), head.body()), (status, &b""[..]), "HEAD {headers:?}");
    }
}

/// 304 with every header of the 200, and no body.
#[track_caller]
fn assert_not_modified(answer: &Answer, file: &File) {
    assert_eq!((answer.status(), answer.body()), (304, &b""[..]));
    assert_eq!(answer.sure_header("etag"), file.etag);
    assert_eq!(answer.sure_header("last-modified"), file.last_modified());
    assert_eq!(answer.header("content-range"), None);
    for name in ["cache-control", "access-control-allow-origin", "access-control-expose-headers", "x-request-id"] {
        answer.sure_header(name);
    }
}

const RANGE: (&str, &str) = ("Range", "bytes=10-19");

#[test]
fn if_range_gives_a_part_only_of_the_very_same_file() {
    let (gateway, file) = gateway_and_file();
    assert_all(
        &gateway,
        &file,
        &[
            (&[RANGE, ("If-Range", "{etag}")], 206),
            (&[RANGE, ("If-Range", "W/{etag}")], 200),
            (&[RANGE, ("If-Range", "\"other\"")], 200),
            (&[RANGE, ("If-Range", "{etag}, \"other\"")], 200),
            (&[RANGE, ("If-Range", "*")], 200),
            (&[RANGE, ("If-Range", "{date}")], 206),
            (&[RANGE, ("If-Range", "{after}")], 200),
            (&[RANGE, ("If-Range", "{before}")], 200),
            (&[RANGE, ("If-Range", "Fri, 31 Dec 9999 23:59:59 GMT")], 200),
            (&[RANGE, ("If-Range", "garbage")], 200),
            (&[RANGE, ("If-Range", "")], 200),
            (&[("If-Range", "{etag}")], 200),
            (&[("If-Range", "\"other\"")], 200),
            (&[("Range", "bytes=5000-"), ("If-Range", "\"other\"")], 200),
        ],
    );
    let unquoted = file.etag.trim_matches('"').to_owned();
    gateway.get(&file.url()).range("bytes=0-1").header("If-Range", &unquoted).send().assert_whole(&file.bytes);
    let beyond = gateway.get(&file.url()).range("bytes=5000-").header("If-Range", &file.etag).send();
    beyond.assert_error_shape(416);
}

#[test]
fn if_none_match_compares_weakly_and_comes_before_range() {
    let (gateway, file) = gateway_and_file();
    assert_all(
        &gateway,
        &file,
        &[
            (&[("If-None-Match", "{etag}")], 304),
            (&[("If-None-Match", "W/{etag}")], 304),
            (&[("If-None-Match", "*")], 304),
            (&[("If-None-Match", "\"other\", {etag}")], 304),
            (&[("If-None-Match", "\"other\",{etag},W/\"third\"")], 304),
            (&[("If-None-Match", "\"a,b\", {etag}")], 304),
            (&[("If-None-Match", "\"other\""), ("If-None-Match", "{etag}")], 304),
            (&[("If-None-Match", "{etag}"), RANGE], 304),
            (&[("If-None-Match", "{etag}"), ("Range", "bytes=5000-")], 304),
            (&[("If-None-Match", "\"other\"")], 200),
            (&[("If-None-Match", "\"other\", W/\"third\"")], 200),
            (&[("If-None-Match", ",")], 200),
            (&[("If-None-Match", "")], 200),
            (&[("If-None-Match", "garbage")], 200),
            (&[("If-None-Match", "\"*\"")], 200),
            (&[("If-None-Match", "\"other\""), RANGE], 206),
        ],
    );
    let part_of_tag = file.etag[..file.etag.len() - 2].to_owned() + "\"";
    gateway.get(&file.url()).header("If-None-Match", &part_of_tag).send().assert_whole(&file.bytes);
}

#[test]
fn if_none_match_wins_over_if_modified_since() {
    let (gateway, file) = gateway_and_file();
    assert_all(
        &gateway,
        &file,
        &[
            (&[("If-None-Match", "\"other\""), ("If-Modified-Since", "{date}")], 200),
            (&[("If-None-Match", "{etag}"), ("If-Modified-Since", "{before}")], 304),
        ],
    );
}

#[test]
fn if_match_compares_strongly() {
    let (gateway, file) = gateway_and_file();
    assert_all(
        &gateway,
        &file,
        &[
            (&[("If-Match", "{etag}")], 200),
            (&[("If-Match", "*")], 200),
            (&[("If-Match", "\"other\", {etag}")], 200),
            (&[("If-Match", "\"other\""), ("If-Match", "{etag}")], 200),
            (&[("If-Match", "{etag}"), RANGE], 206),
            (&[("If-Match", "\"x\"")], 412),
            (&[("If-Match", "W/{etag}")], 412),
            (&[("If-Match", "\"other\", W/{etag}")], 412),
            (&[("If-Match", "\"x\""), RANGE], 412),
            (&[("If-Match", "\"x\""), ("Range", "bytes=5000-")], 412),
        ],
    );
}

#[test]
fn if_unmodified_since_stands_in_for_if_match() {
    let (gateway, file) = gateway_and_file();
    assert_all(
        &gateway,
        &file,
        &[
            (&[("If-Unmodified-Since", "{date}")], 200),
            (&[("If-Unmodified-Since", "{after}")], 200),
            (&[("If-Unmodified-Since", "{before}")], 412),
            (&[("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")], 412),
            (&[("If-Unmodified-Since", "{date}"), RANGE], 206),
            (&[("If-Match", "{etag}"), ("If-Unmodified-Since", "{before}")], 200),
            (&[("If-Match", "\"x\""), ("If-Unmodified-Since", "{after}")], 412),
        ],
    );
    for garbage in GARBAGE {
        assert_all(&gateway, &file, &[(&[("If-Unmodified-Since", garbage)], 200)]);
    }
}

#[test]
fn if_modified_since_follows_the_rfc_and_garbage_is_ignored() {
    let (gateway, file) = gateway_and_file();
    assert_all(
        &gateway,
        &file,
        &[
            (&[("If-Modified-Since", "{date}")], 304),
            (&[("If-Modified-Since", "{after}")], 304),
            (&[("If-Modified-Since", "{before}")], 200),
            (&[("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")], 200),
            (&[("If-Modified-Since", "Fri, 31 Dec 9999 23:59:59 GMT")], 304),
            (&[("If-Modified-Since", "{date}"), RANGE], 304),
            (&[("If-Modified-Since", "{before}"), RANGE], 206),
        ],
    );
    for garbage in GARBAGE {
        assert_all(&gateway, &file, &[(&[("If-Modified-Since", garbage)], 200)]);
    }
}

#[test]
fn the_two_older_ways_to_write_a_date_are_read() {
    let (gateway, file) = gateway_and_file();
    let date = file.last_modified();
    let words: Vec<_> = date.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let [weekday, day, month, year, time, _] = words[..] else { panic!("not a date: {date}") };
    let long = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let long = long.iter().find(|name| name.starts_with(weekday)).expect("a weekday");
    let rfc_850 = format!("{long}, {day}-{month}-{} {time} GMT", &year[2..]);
    let asctime = format!("{weekday} {month} {:>2} {time} {year}", day.trim_start_matches('0'));
    for written in [&date, &rfc_850, &asctime] {
        let answer = gateway.get(&file.url()).header("If-Modified-Since", written).send();
        assert_eq!(answer.status(), 304, "{written}");
    }
}

#[test]
fn all_together_are_judged_in_the_order_of_the_rfc() {
    let (gateway, file) = gateway_and_file();
    assert_all(
        &gateway,
        &file,
        &[
            (&[("If-None-Match", "{etag}"), ("If-Match", "\"x\"")], 412),
            (&[("If-None-Match", "{etag}"), ("If-Match", "{etag}")], 304),
            (&[("If-Modified-Since", "{date}"), ("If-Unmodified-Since", "{before}")], 412),
            (&[("If-Modified-Since", "{date}"), ("If-Unmodified-Since", "{date}")], 304),
            (&[("If-Match", "{etag}"), ("If-None-Match", "\"x\""), ("If-Range", "{etag}"), RANGE], 206),
            (&[("If-Match", "{etag}"), ("If-None-Match", "\"x\""), ("If-Range", "\"x\""), RANGE], 200),
            (&[("If-Match", "{etag}"), ("If-None-Match", "{etag}"), ("If-Range", "\"x\""), RANGE], 304),
            (&[("If-Match", "\"x\""), ("If-None-Match", "{etag}"), ("If-Range", "{etag}"), RANGE], 412),
        ],
    );
}

#[test]
fn conditions_are_not_looked_at_when_the_url_is_refused() {
    let (gateway, file) = gateway_and_file();
    let foreign = file.link().user("user_other").url();
    let unsigned = file.link().signed(&"0".repeat(64));
    for (name, value) in [("If-None-Match", "*"), ("If-Match", "\"x\""), ("If-None-Match", file.etag.as_str())] {
        gateway.get(&foreign).header(name, value).send().assert_error(404, "File not found", "not_found");
        gateway.get(&unsigned).header(name, value).send().assert_error(403, "Invalid signature", "bad_signature");
    }
}

#[test]
fn an_object_replaced_behind_the_catalog_is_never_sent_under_the_old_length() {
    let gateway = harness::start();
    for size in [1000, 1001, 10, 0] {
        let file = gateway.store("clip.mp4", &bytes(1000));
        let replaced = gateway.replace_object(&file, &harness::Random::seeded(7).bytes(size));
        assert_ne!(replaced.etag, file.etag);
        let ask = || gateway.get(&file.url());
        ask().send().assert_error_code(502, "storage_changed");
        ask().range("bytes=5-9").send().assert_error_code(502, "storage_changed");
        ask().range("bytes=5-6,8-9").send().assert_error_code(502, "storage_changed");
        ask().range("bytes=5-9").header("If-Range", &file.etag).send().assert_error_code(502, "storage_changed");
        let head = gateway.head(&file.url()).send();
        assert_eq!((head.status(), head.body()), (502, &b""[..]), "HEAD has the status of GET");
        head.assert_error_headers();
    }
    gateway.assert_unharmed();
}

#[test]
fn an_object_replaced_between_two_ranges_is_not_mixed_with_the_old_one() {
    let (gateway, file) = gateway_and_file();
    let mut connection = gateway.connect();
    let request = gateway.get(&file.url()).range("bytes=0-9");
    request.over(&mut connection).assert_part(&file.bytes, 0, 9);
    gateway.replace_object(&file, &harness::Random::seeded(7).bytes(1000));
    harness::eventually("the replacement shows", harness::FOLLOWS, || {
        // What is cached is served for a while without asking storage; a HEAD asks it.
        gateway.head(&file.url()).send();
        let answer = request.over(&mut connection);
        if answer.status() == 206 {
            answer.assert_part(&file.bytes, 0, 9);
            return None;
        }
        answer.assert_error_code(502, "storage_changed");
        Some(())
    });
    drop(connection);
    gateway.assert_unharmed();
}

#[test]
fn registering_a_replaced_object_again_refreshes_the_row() {
    let (gateway, file) = gateway_and_file();
    let old_tag = file.etag.clone();
    let file = gateway.replace_object(&file, &bytes(2000));
    gateway.catalog().refresh(&file);
    let is_new = |answer: Answer| answer.status() == 200 && answer.header("etag") == Some(&file.etag);
    eventually("the new version", harness::FOLLOWS, || is_new(gateway.get(&file.url()).send()).then_some(()));
    gateway.get(&file.url()).send().assert_whole(&file.bytes);
    assert_all(
        &gateway,
        &file,
        &[
            (&[RANGE, ("If-Range", &old_tag)], 200),
            (&[("If-Match", &old_tag)], 412),
            (&[("If-None-Match", &old_tag)], 200),
        ],
    );
}

#[test]
fn a_missing_object_is_a_file_not_found() {
    let (gateway, file) = gateway_and_file();
    gateway.storage().delete(&file.object_key);
    gateway.get(&file.url()).send().assert_error(404, "File not found", "not_found");
    gateway.get(&file.url()).range("bytes=0-1").send().assert_error(404, "File not found", "not_found");
    let head = gateway.head(&file.url()).send();
    assert_eq!((head.status(), head.body()), (404, &b""[..]), "HEAD has the status of GET");
    head.assert_error_headers();

    gateway.storage().put(&file.object_key, b"another", std::time::UNIX_EPOCH + std::time::Duration::from_secs(1));
    gateway.get(&file.url()).send().assert_error_code(502, "storage_changed");
    gateway.assert_unharmed();
}
