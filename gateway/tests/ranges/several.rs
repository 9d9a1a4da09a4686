//! Several ranges in one header: merged, cut to one, sent as `multipart/byteranges`, or ignored (B5, B6).

use crate::{
    assert_416,
    harness::{self, Answer, File, Gateway, Part, bytes, parts},
    thousand,
};

#[track_caller]
fn ask(gateway: &Gateway, file: &File, range: &str) -> Answer {
    gateway.get(&file.url()).range(range).send()
}

fn part(file: &File, first: usize, last: usize) -> Part {
    Part {
        content_type: file.content_type.clone(),
        content_range: format!("bytes {first}-{last}/{}", file.bytes.len()),
        body: file.bytes[first..=last].to_vec(),
    }
}

/// 206 `multipart/byteranges` with exactly these parts, in any order.
#[track_caller]
fn assert_parts(answer: &Answer, file: &File, ranges: &[(usize, usize)]) {
    let mut found = parts(answer);
    let mut awaited: Vec<_> = ranges.iter().map(|(first, last)| part(file, *first, *last)).collect();
    found.sort_by(|one, other| one.content_range.cmp(&other.content_range));
    awaited.sort_by(|one, other| one.content_range.cmp(&other.content_range));
    assert_eq!(found, awaited);
    assert_eq!(answer.sure_header("content-length"), answer.body().len().to_string());
    for (name, value) in [("accept-ranges", "bytes"), ("etag", &file.etag), ("last-modified", &file.last_modified())] {
        assert_eq!(answer.sure_header(name), value);
    }
}

#[test]
fn ranges_apart_come_as_parts() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    for (range, awaited) in [
        ("bytes=0-0,-1", &[(0, 0), (999, 999)][..]),
        ("bytes=0-1,3-4", &[(0, 1), (3, 4)]),
        ("bytes=0-1, 3-4", &[(0, 1), (3, 4)]),
        ("bytes=0-1 ,\t3-4", &[(0, 1), (3, 4)]),
        ("bytes=900-901,0-1", &[(0, 1), (900, 901)]),
        ("bytes=0-1,500-600,998-5000", &[(0, 1), (500, 600), (998, 999)]),
        ("bytes=0-498,500-999", &[(0, 498), (500, 999)]),
        ("bytes=0-1,3-4,2000-3000", &[(0, 1), (3, 4)]),
        ("bytes=0-9,5-14,20-29", &[(0, 14), (20, 29)]),
        ("bytes=20-29,0-9,10-14", &[(0, 14), (20, 29)]),
    ] {
        let answer = ask(&gateway, &file, range);
        assert_eq!(answer.status(), 206, "{range}: {}", answer.head());
        assert_parts(&answer, &file, awaited);
    }
    gateway.assert_unharmed();
}

#[test]
fn what_merges_into_one_is_a_plain_part() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    for (range, first, last) in [
        ("bytes=0-1,1-2", 0, 2),
        ("bytes=0-1,2-3", 0, 3),
        ("bytes=2-3,0-1", 0, 3),
        ("bytes=0-9,2-3", 0, 9),
        ("bytes=0-4,3-7,6-9", 0, 9),
        ("bytes=0-1,0-1,0-1", 0, 1),
        ("bytes=0-,0-", 0, 999),
        ("bytes=0-899,0-899", 0, 899),
        ("bytes=0-,-1", 0, 999),
        ("bytes=-1,999-", 999, 999),
        ("bytes=0-499,500-999", 0, 999),
        ("bytes=0-1,2000-3000", 0, 1),
        ("bytes=2000-3000,0-1,-0", 0, 1),
    ] {
        ask(&gateway, &file, range).assert_part(&file.bytes, first, last);
    }
}

#[test]
fn nothing_satisfiable_among_several_is_416() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    assert_416(&ask(&gateway, &file, "bytes=1000-1001,2000-"), 1000);
}

#[test]
fn up_to_16_ranges_are_served_and_more_are_ignored() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    let list = |count: usize| (0..count).map(|n| format!("{0}-{0}", n * 10)).collect::<Vec<_>>().join(",");
    let singles: Vec<_> = (0..16).map(|n| (n * 10, n * 10)).collect();
    assert_parts(&ask(&gateway, &file, &format!("bytes={}", list(16))), &file, &singles);
    for count in [17, 18, 100, 201] {
        ask(&gateway, &file, &format!("bytes={}", list(count))).assert_whole(&file.bytes);
    }
    let same = |count: usize| format!("bytes={}", vec!["0-0"; count].join(","));
    ask(&gateway, &file, &same(16)).assert_part(&file.bytes, 0, 0);
    ask(&gateway, &file, &same(17)).assert_whole(&file.bytes);
    let beyond = |count: usize| format!("bytes=0-0,{}", vec!["5000-"; count].join(","));
    ask(&gateway, &file, &beyond(15)).assert_part(&file.bytes, 0, 0);
    ask(&gateway, &file, &beyond(16)).assert_whole(&file.bytes);
}

#[test]
fn asking_for_more_bytes_than_there_are_gives_the_file_once() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    for range in ["bytes=0-899,0-899,950-951", "bytes=0-500,1-501,600-601,700-", "bytes=0-499,0-499,999-"] {
        ask(&gateway, &file, range).assert_whole(&file.bytes);
    }
    assert_parts(&ask(&gateway, &file, "bytes=0-498,500-999"), &file, &[(0, 498), (500, 999)]);
}

#[test]
fn thirteen_hundred_whole_files_cost_one() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", &bytes(1_000_000));
    let before = gateway.memory();
    let range = format!("bytes={}", vec!["0-"; 1_300].join(","));
    for _ in 0..20 {
        ask(&gateway, &file, &range).assert_whole(&file.bytes);
    }
    let grown = gateway.memory().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more in memory");
    gateway.assert_unharmed();
}

#[test]
fn large_parts_are_exact_and_streamed() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", &bytes(32 << 20));
    let before = gateway.memory();
    let ranges = [(0, 9_999_999), (10_000_001, 19_999_999), (20_000_001, 33_554_431)];
    let header = ranges.map(|(first, last)| format!("{first}-{last}")).join(",");
    let mut download = gateway.get(&file.url()).range(&format!("bytes={header}")).open_with_window(64 << 10);
    assert_eq!(download.head().status(), 206);
    download.take(100_000);
    let grown = gateway.memory().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes in memory for one reader");
    drop(download);

    let answer = ask(&gateway, &file, &format!("bytes={header}"));
    assert_eq!(answer.sure_header("content-length"), answer.body().len().to_string());
    let mut from = 0;
    for (first, last) in ranges {
        let wanted = &file.bytes[first..=last];
        let head = format!("Content-Range: bytes {first}-{last}/{}", file.bytes.len()).to_ascii_lowercase();
        let text = answer.body()[from..from + 400].to_ascii_lowercase();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(text.contains(&head), "{text}");
        let begin = from + text.find("\r\n\r\n").expect("an empty line behind a part's headers") + 4;
        assert!(answer.body()[begin..begin + wanted.len()] == *wanted, "other bytes than {first}-{last}");
        from = begin + wanted.len();
    }
    gateway.assert_unharmed();
}

#[test]
fn a_boundary_in_the_file_does_not_end_a_part() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    let boundaries: Vec<_> = (0..5).map(|_| boundary(&ask(&gateway, &file, "bytes=0-1,3-4"))).collect();
    let mut text: Vec<u8> = Vec::new();
    for boundary in boundaries.iter().cycle().take(50) {
        text.extend(format!("\r\n--{boundary}\r\nContent-Range: bytes 0-1/2\r\n\r\nxx\r\n--{boundary}--\r\n").bytes());
    }
    let trap = gateway.store("trap.mp4", &text);
    let (middle, end) = (text.len() / 2, text.len() - 1);
    for _ in 0..5 {
        let answer = ask(&gateway, &trap, &format!("bytes=0-{},{}-", middle - 2, middle));
        assert_parts(&answer, &trap, &[(0, middle - 2), (middle, end)]);
    }
}

fn boundary(answer: &Answer) -> String {
    answer.sure_header("content-type").split_once("boundary=").expect("a boundary").1.trim_matches('"').to_owned()
}

#[test]
fn a_part_names_the_type_of_the_file() {
    let gateway = harness::start();
    let file = gateway.file("page.txt").content_type("text/plain; charset=utf-8").store(&bytes(1000));
    assert_parts(&ask(&gateway, &file, "bytes=0-1,3-4"), &file, &[(0, 1), (3, 4)]);
}

#[test]
fn several_answers_with_parts_follow_each_other_on_one_connection() {
    let gateway = harness::start();
    let file = thousand(&gateway);
    let mut connection = gateway.connect();
    for _ in 0..3 {
        let answer = gateway.get(&file.url()).range("bytes=0-1,3-4").over(&mut connection);
        assert_parts(&answer, &file, &[(0, 1), (3, 4)]);
        gateway.get(&file.url()).over(&mut connection).assert_whole(&file.bytes);
    }
}
