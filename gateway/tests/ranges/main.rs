//! Which bytes a `Range` gives: the table of section 4, for a file of 1,000 bytes and others (B1-B7, B14).
#[path = "../harness/mod.rs"]
mod harness;

mod several;

use harness::{Answer, Ended, File, Gateway, bytes};

/// What a `Range` header gives.
#[derive(Debug, Clone, Copy)]
enum Gives {
    /// 200: the header is ignored.
    Whole,
    /// 206 with these bytes, both included.
    Part(usize, usize),
    /// 416.
    Nothing,
}
use Gives::{Nothing, Part, Whole};

const TABLE: &[(&str, Gives)] = &[
    ("bytes=0-0", Part(0, 0)),
    ("bytes=0-1", Part(0, 1)),
    ("bytes=0-", Part(0, 999)),
    ("bytes=0-999", Part(0, 999)),
    ("bytes=0-1000", Part(0, 999)),
    ("bytes=0-99999", Part(0, 999)),
    ("bytes=1-", Part(1, 999)),
    ("bytes=500-600", Part(500, 600)),
    ("bytes=998-5000", Part(998, 999)),
    ("bytes=999-", Part(999, 999)),
    ("bytes=999-999", Part(999, 999)),
    ("bytes=-1", Part(999, 999)),
    ("bytes=-999", Part(1, 999)),
    ("bytes=-1000", Part(0, 999)),
    ("bytes=-1001", Part(0, 999)),
    ("bytes=-5000", Part(0, 999)),
    ("bytes=000-0001", Part(0, 1)),
    ("BYTES=0-1", Part(0, 1)),
    ("Bytes=0-1", Part(0, 1)),
    ("bytes=1000-", Nothing),
    ("bytes=1000-1000", Nothing),
    ("bytes=2000-3000", Nothing),
    ("bytes=-0", Nothing),
    ("bytes=9223372036854775807-", Nothing),
    ("bytes=2000-3000,4000-", Nothing),
    ("bytes=-0,1000-", Nothing),
    ("bytes=5-4", Whole),
    ("bytes=1000-999", Whole),
    ("bytes=alpha", Whole),
    ("bytes=a-b", Whole),
    ("bytes=10", Whole),
    ("bytes=--5", Whole),
    ("bytes=5--6", Whole),
    ("bytes=-", Whole),
    ("bytes=", Whole),
    ("bytes", Whole),
    ("=0-1", Whole),
    ("0-1", Whole),
    ("bytes 0-1", Whole),
    ("bytes=0x1-0x2", Whole),
    ("bytes=+1-2", Whole),
    ("bytes=1.0-2", Whole),
    ("bytes=1-2 3-", Whole),
    ("bytes=1-2;3-4", Whole),
    ("bytes=0-1,5-4", Whole),
    ("bytes=0-1,x", Whole),
    ("bytes=0-1/1000", Whole),
    ("bytes=0-999999999999999999999999999999", Part(0, 999)),
    ("bytes=999999999999999999999999999999-", Nothing),
    ("bytes=-999999999999999999999999999999", Part(0, 999)),
    ("items=0-1", Whole),
    ("seconds=0-1", Whole),
    ("bytes2=0-1", Whole),
    ("none", Whole),
    ("", Whole),
];

fn thousand(gateway: &Gateway) -> File {
    gateway.store("clip.mp4", &bytes(1000))
}

#[track_caller]
fn assert_416(answer: &Answer, size: usize) {
    answer.assert_error_shape(416);
    assert_eq!(answer.sure_header("content-range"), format!("bytes */{size}"));
    assert_eq!(answer.header("accept-ranges").unwrap_or("bytes"), "bytes");
}

/// Names and values of the headers, but for those that differ between any two answers.
fn lasting_headers(answer: &Answer) -> Vec<(String, String)> {
    let passing = ["date", "x-request-id", "cache-control"];
    let lasting = answer.headers().iter().filter(|(name, _)| !passing.contains(&name.as_str()));
    let mut lasting: Vec<_> = lasting.cloned().collect();
    lasting.sort();
    lasting
}

#[test]
fn a_range_gives_exactly_these_bytes() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    let url = file.url();
    for (range, gives) in TABLE {
        let answer = gateway.get(&url).range(range).send();
        match gives {
            _ if answer.status() >= 500 => panic!("{range}: {answer:?}"),
            Whole => answer.assert_whole(&file.bytes),
            Part(first, last) => answer.assert_part(&file.bytes, *first, *last),
            Nothing => {
                assert_416(&answer, 1000);
                &answer
            }
        };
        if answer.status() != 416 {
            assert_eq!(answer.sure_header("accept-ranges"), "bytes", "{range}");
            assert_eq!(answer.sure_header("content-type"), "video/mp4", "{range}");
            assert_eq!(answer.sure_header("etag"), file.etag, "{range}");
        }
    }
    gateway.assert_unharmed();
}

#[test]
fn a_range_on_head_is_ignored() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    let whole = gateway.get(&file.url()).send();
    for (range, _) in TABLE {
        let head = gateway.head(&file.url()).range(range).send();
        assert_eq!((head.status(), head.body()), (200, &b""[..]), "{range}");
        assert_eq!(lasting_headers(&head), lasting_headers(&whole), "{range}");
    }
}

#[test]
fn version_2_urls_and_ranges_go_together() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    let url = file.link_v2().with("disposition", "inline").segment("clip.mp4").url();
    gateway.get(&url).range("bytes=7-8").send().assert_part(&file.bytes, 7, 8);
}

#[test]
fn two_range_lines_are_ignored() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    for (first, second) in [("bytes=0-1", "bytes=2-3"), ("bytes=0-1", "bytes=0-1"), ("bytes=0-1", "items=1")] {
        let answer = gateway.get(&file.url()).range(first).range(second).send();
        answer.assert_whole(&file.bytes);
    }
}

#[test]
fn blanks_around_the_value_do_not_matter() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    gateway.get(&file.url()).range(" \t bytes=0-1 \t ").send().assert_part(&file.bytes, 0, 1);
}

#[test]
fn an_empty_file_is_200_with_length_0_whatever_is_asked() {
    let gateway = harness::start();
    let file = gateway.store("empty.mp4", b"");
    for range in ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=5-", "bytes=0-1,3-4", "bytes=5-4", "x"] {
        let answer = gateway.get(&file.url()).range(range).send();
        answer.assert_whole(b"");
        let head = gateway.head(&file.url()).range(range).send();
        assert_eq!(lasting_headers(&head), lasting_headers(&answer), "{range}");
    }
    gateway.get(&file.url()).send().assert_whole(b"");
    assert_eq!(gateway.head(&file.url()).send().sure_header("content-length"), "0");
}

#[test]
fn a_file_of_one_byte_is_cut_right() {
    let gateway = harness::start();
    let file = gateway.store("one.bin", b"1");
    for range in ["bytes=0-0", "bytes=0-", "bytes=-1", "bytes=-9", "bytes=0-9"] {
        gateway.get(&file.url()).range(range).send().assert_part(&file.bytes, 0, 0);
    }
    for range in ["bytes=1-", "bytes=1-1", "bytes=-0"] {
        assert_416(&gateway.get(&file.url()).range(range).send(), 1);
    }
}

#[test]
fn a_416_is_an_error_like_any_other_and_holds_no_byte_of_the_file() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    let answer = gateway.get(&file.url()).range("bytes=1000-").send();
    assert_416(&answer, 1000);
    assert!(answer.sure_header("content-type").starts_with("application/json"));
    assert!(!answer.body().windows(8).any(|window| file.bytes.windows(8).any(|other| other == window)));
}

#[test]
fn ranges_of_every_size_around_the_limits_of_buffers_are_exact() {
    let gateway = harness::start();
    const SIZE: usize = 3 * 1024 * 1024 + 17;
    let file = gateway.store("clip.mp4", &bytes(SIZE));
    let url = file.url();
    let mut connection = gateway.connect();
    for power in [12, 13, 14, 15, 16, 17, 18, 20, 21] {
        let edge = 1_usize << power;
        for (first, last) in [
            (0, edge - 2),
            (0, edge - 1),
            (0, edge),
            (edge - 1, edge),
            (edge, 2 * edge - 1),
            (edge - 1, 2 * edge),
            (SIZE - edge, SIZE - 1),
            (SIZE - edge - 1, SIZE - 2),
        ] {
            let last = last.min(SIZE - 1);
            let answer = gateway.get(&url).range(&format!("bytes={first}-{last}")).over(&mut connection);
            answer.assert_part(&file.bytes, first, last);
        }
    }
    drop(connection);
    gateway.assert_unharmed();
}

#[test]
fn a_range_is_not_looked_at_when_the_url_is_refused() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    let foreign = file.link().user("user_other").url();
    let answer = gateway.get(&foreign).range("bytes=1000-").send();
    answer.assert_error(404, "File not found", "not_found");
    assert_eq!(answer.header("content-range"), None);
}

#[test]
fn a_range_is_answered_on_a_connection_that_stays_open() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    let mut connection = gateway.connect();
    for (first, last) in [(0, 1), (1, 1), (998, 999), (0, 999)] {
        let request = gateway.get(&file.url()).range(&format!("bytes={first}-{last}"));
        request.over(&mut connection).assert_part(&file.bytes, first, last);
    }
    assert_416(&gateway.get(&file.url()).range("bytes=1000-").over(&mut connection), 1000);
    gateway.get(&file.url()).over(&mut connection).assert_whole(&file.bytes);
    connection.finish_sending();
    assert_eq!(connection.rest(), (Vec::new(), Ended::Closed));
}
