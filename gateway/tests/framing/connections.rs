//! Many requests on one connection, and how it ends (A4, A13).

use crate::{
    gateway_and_file,
    harness::{self, Answer, Ended, Raw, bytes},
    head,
};

#[test]
fn a_connection_serves_one_request_after_another() {
    let (gateway, file) = gateway_and_file();
    let mut connection = gateway.connect();
    for _ in 0..10 {
        gateway.get(&file.url()).over(&mut connection).assert_whole(&file.bytes);
        let head = gateway.head(&file.url()).over(&mut connection);
        assert_eq!((head.status(), head.sure_header("content-length")), (200, "1000"));
        let unchanged = gateway.get(&file.url()).header("If-None-Match", "*").over(&mut connection);
        assert_eq!(unchanged.status(), 304);
        gateway.get("/nowhere").over(&mut connection).assert_error_shape(404);
        gateway.get(&file.link().signed("x")).over(&mut connection).assert_error_shape(403);
        assert_eq!(gateway.request("OPTIONS", &file.url()).over(&mut connection).status(), 204);
        gateway.request("DELETE", &file.url()).over(&mut connection).assert_error_shape(405);
        gateway.get(&file.url()).range("bytes=1-2").over(&mut connection).assert_part(&file.bytes, 1, 2);
    }
    drop(connection);
    gateway.assert_unharmed();
}

#[test]
fn connection_close_is_answered_and_obeyed() {
    let (gateway, file) = gateway_and_file();
    let request = gateway.get(&file.url()).header("Connection", "close").to_bytes();
    let answer = gateway.raw(&request).only_answer();
    answer.assert_whole(&file.bytes);
    assert!(answer.says_close(), "{}", answer.head());
    let two = [request, gateway.get(&file.url()).to_bytes()].concat();
    gateway.raw(&two).only_answer().assert_whole(&file.bytes);
}

#[test]
fn http_1_0_closes_unless_it_asks_to_go_on() {
    let (gateway, file) = gateway_and_file();
    let line = format!("GET {} HTTP/1.0", file.url());
    gateway.raw(&head(&[&line, "Host: h"])).only_answer().assert_whole(&file.bytes);
    gateway.raw(&head(&[&line])).only_answer().assert_whole(&file.bytes);
    gateway.raw(&head(&[&line, "Range: bytes=0-1"])).only_answer().assert_part(&file.bytes, 0, 1);

    let mut connection = gateway.connect();
    for _ in 0..3 {
        let answer = connection.send(&head(&[&line, "Connection: keep-alive"])).answer("GET");
        answer.assert_whole(&file.bytes);
        assert!(answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("keep-alive")));
    }
    connection.send(&head(&[&line])).answer("GET").assert_whole(&file.bytes);
    assert_eq!(connection.rest(), (Vec::new(), Ended::Closed));
}

#[test]
fn a_hundred_requests_in_one_packet_are_answered_in_order() {
    let (gateway, file) = gateway_and_file();
    let range = |n: usize| gateway.get(&file.url()).range(&format!("bytes={n}-{}", n + 1));
    let mut requests: Vec<u8> = (0..99).flat_map(|n| range(n).to_bytes()).collect();
    requests.extend(range(99).header("Connection", "close").to_bytes());
    let raw = gateway.raw(&requests);
    let answers = raw.answers(&[]);
    assert_eq!((answers.len(), raw.ended), (100, Ended::Closed));
    for (n, answer) in answers.iter().enumerate() {
        answer.assert_part(&file.bytes, n, n + 1);
    }
    gateway.assert_unharmed();
}

#[test]
fn of_a_hundred_in_one_packet_those_before_a_malformed_one_are_answered() {
    let (gateway, file) = gateway_and_file();
    let good = |n: usize| gateway.get(&file.url()).range(&format!("bytes={n}-{}", n + 1)).to_bytes();
    let line = format!("GET {} HTTP/1.1", file.url());
    for malformed in [
        head(&[&line, "Host: h", "no colon"]),
        head(&[&line]),
        head(&[&line, "Host: h", "Host: h"]),
        head(&[&line, "Host: h", "Content-Length: x"]),
        head(&[&line, "Host: h", "Content-Length: 5"]),
        head(&["no request", "Host: h"]),
    ] {
        let before: Vec<u8> = (0..49).flat_map(good).collect();
        let after: Vec<u8> = (50..100).flat_map(good).collect();
        let raw: Raw = gateway.raw(&[before, malformed.clone(), after].concat());
        let answers = raw.answers(&[]);
        let statuses: Vec<_> = answers.iter().map(Answer::status).collect();
        let shown = String::from_utf8_lossy(&malformed);
        assert_eq!(statuses, [vec![206; 49], vec![400]].concat(), "{shown}");
        assert_ne!(raw.ended, Ended::Open, "{shown}");
        for (n, answer) in answers[..49].iter().enumerate() {
            answer.assert_part(&file.bytes, n, n + 1);
        }
    }
    gateway.assert_unharmed();
}

#[test]
fn pipelined_large_files_are_not_mixed() {
    let gateway = harness::start();
    let (first, second) = (gateway.store("a.mp4", &bytes(3_000_001)), gateway.store("b.mp4", &bytes(2_000_003)));
    let mut requests = Vec::new();
    for _ in 0..3 {
        requests.extend(gateway.get(&first.url()).to_bytes());
        requests.extend(gateway.get(&second.url()).range("bytes=1-").to_bytes());
        requests.extend(gateway.get("/nowhere").to_bytes());
    }
    let mut connection = gateway.connect();
    connection.send(&requests);
    for _ in 0..3 {
        connection.answer("GET").assert_whole(&first.bytes);
        connection.answer("GET").assert_part(&second.bytes, 1, 2_000_002);
        connection.answer("GET").assert_error_shape(404);
    }
    drop(connection);
    gateway.assert_unharmed();
}

#[test]
fn a_client_that_has_nothing_more_to_say_still_gets_its_answer() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", &bytes(8 << 20));
    for size in [1, file.bytes.len()] {
        let mut connection = gateway.connect();
        let request = gateway.get(&file.url()).range(&format!("bytes=0-{}", size - 1)).to_bytes();
        connection.send(&request).finish_sending();
        connection.answer("GET").assert_part(&file.bytes, 0, size - 1);
        assert_eq!(connection.rest(), (Vec::new(), Ended::Closed));
    }
    gateway.assert_unharmed();
}

#[test]
fn a_head_that_comes_byte_by_byte_is_understood() {
    let (gateway, file) = gateway_and_file();
    let mut connection = gateway.connect();
    for byte in gateway.get(&file.url()).range("bytes=3-4").to_bytes() {
        connection.send(&[byte]);
    }
    connection.answer("GET").assert_part(&file.bytes, 3, 4);
}

#[test]
fn empty_lines_before_a_request_are_skipped() {
    let (gateway, file) = gateway_and_file();
    let request = gateway.get(&file.url()).header("Connection", "close").to_bytes();
    gateway.raw(&[b"\r\n\r\n".to_vec(), request].concat()).only_answer().assert_whole(&file.bytes);
}
