//! Heads that are no HTTP, that mean two things, or that are too large (A1-A3, A5-A8, A14).

use crate::{
    assert_400_and_close, assert_bare_400_and_close, assert_bare_or_json, assert_json_400_and_close, gateway_and_file,
    harness::{Answer, Ended, File},
    head,
};

/// A request for the file with these further lines, and a second one behind it that must never be answered.
fn smuggling(file: &File, lines: &[&str], body: &str) -> Vec<u8> {
    let first = format!("GET {} HTTP/1.1", file.url());
    let mut text = head(&[&[first.as_str(), "Host: h"], lines].concat());
    text.extend(body.bytes());
    text.extend(head(&[&format!("GET {} HTTP/1.1", file.url()), "Host: smuggled"]));
    text
}

#[test]
fn exactly_one_well_formed_host_is_needed() {
    let (gateway, file) = gateway_and_file();
    let line = format!("GET {} HTTP/1.1", file.url());
    for hosts in
        [&[][..], &["Host: a", "Host: a"], &["Host: a", "Host: b"], &["Host: a b"], &["Host: a, b"], &["Host: a/b"]]
    {
        let request = head(&[&[line.as_str()], hosts].concat());
        assert_json_400_and_close(&gateway.raw(&request));
    }
    let mut latin = head(&[&line, "Host: aXb"]);
    let at = latin.windows(3).position(|window| window == b"aXb").expect("the host") + 1;
    latin[at] = 0xa0;
    assert_400_and_close(&gateway.raw(&latin));
    for good in ["Host: a", "host: a.example:8080", "HOST: [::1]:80", "Host:127.0.0.1"] {
        let raw = gateway.raw(&head(&[&line, good, "Connection: close"]));
        raw.only_answer().assert_whole(&file.bytes);
    }
    gateway.assert_unharmed();
}

#[test]
fn a_length_that_can_be_read_two_ways_is_never_answered_twice() {
    let (gateway, file) = gateway_and_file();
    for (lines, body) in [
        (&["Content-Length: 5", "Transfer-Encoding: chunked"][..], "0\r\n\r\n"),
        (&["Transfer-Encoding: chunked", "Content-Length: 5"], "0\r\n\r\n"),
        (&["Transfer-Encoding: identity"], ""),
        (&["Transfer-Encoding: chunked, identity"], "0\r\n\r\n"),
        (&["Transfer-Encoding: identity, chunked"], "0\r\n\r\n"),
        (&["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
        (&["Transfer-Encoding: xchunked"], ""),
        (&["Transfer-Encoding: \"chunked\""], ""),
        (&["Transfer-Encoding:"], ""),
        (&["Content-Length: +5"], "hello"),
        (&["Content-Length: -5"], "hello"),
        (&["Content-Length: 5,6"], "hello"),
        (&["Content-Length: 5", "Content-Length: 6"], "hello"),
        (&["Content-Length: 0x5"], "hello"),
        (&["Content-Length: 5 5"], "hello"),
        (&["Content-Length:"], ""),
        (&["Content-Length: 18446744073709551616"], "hello"),
        (&["Content-Length: 184467440737095516160"], "hello"),
    ] {
        assert_400_and_close(&gateway.raw(&smuggling(&file, lines, body)));
    }
    gateway.assert_unharmed();
}

#[test]
fn transfer_encoding_in_http_1_0_is_never_answered_twice() {
    let (gateway, file) = gateway_and_file();
    let line = format!("GET {} HTTP/1.0", file.url());
    for more in ["Connection: keep-alive", "X: y"] {
        let mut request = head(&[&line, "Host: h", more, "Transfer-Encoding: chunked"]);
        request.extend(b"0\r\n\r\n");
        request.extend(head(&[&line, "Host: smuggled"]));
        let answer = gateway.raw(&request).only_answer();
        assert!(matches!(answer.status(), 200 | 400), "{answer:?}");
    }
    gateway.assert_unharmed();
}

#[test]
fn a_request_with_a_body_is_refused_and_the_body_is_not_read() {
    let (gateway, file) = gateway_and_file();
    for method in ["GET", "HEAD"] {
        for (lines, body) in [
            (&["Content-Length: 5"][..], "hello"),
            (&["Content-Length: 5", "Content-Length: 5"], "hello"),
            (&["Content-Length: 5"], ""),
            (&["Content-Length: 9223372036854775807"], ""),
            (&["Transfer-Encoding: chunked"], "5\r\nhello\r\n0\r\n\r\n"),
            (&["Transfer-Encoding: chunked"], ""),
            (&["transfer-encoding: Chunked"], "0\r\n\r\n"),
        ] {
            let line = format!("{method} {} HTTP/1.1", file.url());
            let mut request = head(&[&[line.as_str(), "Host: h"], lines].concat());
            request.extend(body.bytes());
            let raw = gateway.raw(&request);
            assert_ne!(raw.ended, Ended::Open, "{method} {lines:?}: the connection is left open");
            let answers = raw.answers(&[method]);
            assert_eq!(answers.len(), 1, "{method} {lines:?}");
            assert_eq!(answers[0].status(), 400, "{method} {lines:?}");
            if method == "GET" {
                answers[0].assert_error_shape(400);
            }
        }
    }
    gateway.assert_unharmed();
}

#[test]
fn a_length_that_no_body_can_have_is_refused_by_the_parser() {
    let (gateway, file) = gateway_and_file();
    let line = format!("GET {} HTTP/1.1", file.url());
    let answer = gateway.raw(&head(&[&line, "Host: h", "Content-Length: 18446744073709551615"])).only_answer();
    assert!(matches!(answer.status(), 400 | 431), "{answer:?}");
    assert_bare_or_json(&answer);
}

#[test]
fn a_length_of_0_is_no_body() {
    let (gateway, file) = gateway_and_file();
    let request = gateway.get(&file.url()).header("Content-Length", "0");
    request.send().assert_whole(&file.bytes);
}

#[test]
fn header_lines_that_are_none_are_400() {
    let (gateway, file) = gateway_and_file();
    let line = format!("GET {} HTTP/1.1", file.url());
    for bad in [
        &b"X: a\0b"[..],
        b"X: a\x01b",
        b"X: a\x7fb",
        b"X\0: a",
        b"X\x01Y: a",
        b"X : a",
        b"X\t: a",
        b" X: a",
        b"X: a\r\n folded",
        b"X: a\r\n\tfolded",
        b": a",
        b"no colon",
        b"X Y: a",
        b"X(: a",
        b"X\xe9: a",
        b"X: a\rb",
    ] {
        let request = [line.as_bytes(), b"\r\nHost: h\r\n", bad, b"\r\n\r\n"].concat();
        assert_bare_400_and_close(&gateway.raw(&request));
    }
    gateway.assert_unharmed();
}

#[test]
fn request_lines_that_are_none_are_400() {
    let (gateway, file) = gateway_and_file();
    let url = file.url();
    for line in [
        format!("GET {url}"),
        format!("GET  {url} HTTP/1.1"),
        format!("GET {url}  HTTP/1.1"),
        format!("GET {url} HTTP/1.2"),
        format!("GET {url} HTTP/2.0"),
        format!("GET {url} HTTP/9.9"),
        format!("GET {url} http/1.1"),
        format!("GET {url} HTTP/1.1 x"),
        format!("G\u{1}T {url} HTTP/1.1"),
        format!("G(T {url} HTTP/1.1"),
        format!("GET {url}\0 HTTP/1.1"),
        format!("GET {url} x HTTP/1.1"),
        "GET HTTP/1.1".to_owned(),
        "GET files/secure/x HTTP/1.1".to_owned(),
    ] {
        assert_bare_400_and_close(&gateway.raw(&head(&[&line, "Host: h"])));
    }
    gateway.assert_unharmed();
}

#[test]
fn a_head_over_16_kib_is_refused_and_one_under_it_is_not() {
    let (gateway, file) = gateway_and_file();
    let line = format!("GET {} HTTP/1.1", file.url());
    let padded = |bytes: usize| head(&[&line, "Host: h", "Connection: close", &format!("X: {}", "x".repeat(bytes))]);
    gateway.raw(&padded(15 << 10)).only_answer().assert_whole(&file.bytes);
    for size in [17 << 10, 64 << 10, 1 << 20] {
        let answer = gateway.raw(&padded(size)).only_answer();
        assert!(matches!(answer.status(), 414 | 431), "{size}: {answer:?}");
        assert_bare_or_json(&answer);
    }
    for size in [17 << 10, 64 << 10, 300 << 10] {
        let target = format!("{}&x={}", file.url(), "x".repeat(size));
        let answer = gateway.raw(&head(&[&format!("GET {target} HTTP/1.1"), "Host: h"])).only_answer();
        assert!(matches!(answer.status(), 414 | 431), "{size}: {answer:?}");
        assert_bare_or_json(&answer);
    }
    gateway.assert_unharmed();
}

#[test]
fn a_hundred_fields_are_taken_and_more_are_not() {
    let (gateway, file) = gateway_and_file();
    let line = format!("GET {} HTTP/1.1", file.url());
    let of_fields = |count: usize| {
        let more = (2..count).map(|n| format!("X-{n}: y"));
        let lines: Vec<_> =
            [line.clone(), "Host: h".into(), "Connection: close".into()].into_iter().chain(more).collect();
        head(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    };
    gateway.raw(&of_fields(100)).only_answer().assert_whole(&file.bytes);
    for count in [101, 200, 1000] {
        let answer = gateway.raw(&of_fields(count)).only_answer();
        assert_eq!(answer.status(), 431, "{count}: {answer:?}");
        assert_bare_or_json(&answer);
    }
    gateway.assert_unharmed();
}

#[test]
fn a_target_in_another_form_is_judged_by_its_path_alone() {
    let (gateway, file) = gateway_and_file();
    let url = file.url();
    for (target, statuses) in [
        (format!("http://evil.example{url}"), &[200][..]),
        (format!("HTTP://evil.example:1{url}"), &[200, 400]),
        ("http://evil.example/".to_owned(), &[404]),
        ("http://evil.example".to_owned(), &[404, 400]),
        ("http:///x".to_owned(), &[404, 400]),
        (format!("//evil.example{url}"), &[404, 400]),
        ("//evil.example/%2e%2e".to_owned(), &[404, 400]),
        (format!("{url}#frag"), &[200, 400, 403]),
        ("/#frag".to_owned(), &[404, 400]),
        ("*".to_owned(), &[404, 400]),
        ("evil.example:80".to_owned(), &[404, 400]),
    ] {
        let answer =
            gateway.raw(&head(&[&format!("GET {target} HTTP/1.1"), "Host: h", "Connection: close"])).only_answer();
        assert!(statuses.contains(&answer.status()), "{target}: {answer:?}");
        assert_eq!(answer.header("location"), None);
        assert!(!answer.head().contains("evil"), "{}", answer.head());
    }
    let star = gateway.raw(b"OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let star = star.answers(&["OPTIONS"]).remove(0);
    assert!(matches!(star.status(), 204 | 400 | 404), "{star:?}");
    gateway.assert_unharmed();
}

#[test]
fn strange_methods_are_405_and_connect_is_400() {
    let (gateway, file) = gateway_and_file();
    for method in ["TRACE", "POST", "get", "M-SEARCH", &"M".repeat(8 << 10)] {
        let answer = gateway.request(method, &file.url()).send();
        answer.assert_error_shape(405);
        assert!(answer.sure_header("allow").contains("GET"));
    }
    for target in [file.url(), "evil.example:443".into(), "/".into()] {
        let raw = gateway.raw(&head(&[&format!("CONNECT {target} HTTP/1.1"), "Host: h"]));
        assert_400_and_close(&raw);
    }
    gateway.assert_unharmed();
}

#[test]
fn trace_sends_nothing_back() {
    let (gateway, file) = gateway_and_file();
    let answer = gateway.request("TRACE", &file.url()).header("X-Private", "canary-of-trace").send();
    answer.assert_error_shape(405);
    assert!(!String::from_utf8_lossy(answer.body()).contains("canary-of-trace"));
}

#[test]
fn nobody_is_told_to_continue_with_a_body_that_is_refused() {
    let (gateway, file) = gateway_and_file();
    for (method, length, status) in [("POST", "10", 405), ("PUT", "10", 405), ("GET", "10", 400)] {
        let line = format!("{method} {} HTTP/1.1", file.url());
        let length = format!("Content-Length: {length}");
        let request = head(&[&line, "Host: h", "Expect: 100-continue", "Connection: close", &length]);
        let answer = gateway.raw(&request).only_answer();
        assert_eq!(answer.status(), status, "{method}: the final answer comes first");
    }
    let plain = gateway.get(&file.url()).header("Expect", "100-continue").send();
    plain.assert_whole(&file.bytes);
    let bogus = gateway.get(&file.url()).header("Expect", "the-impossible").send();
    assert!(matches!(bogus.status(), 200 | 417), "{bogus:?}");
    gateway.assert_unharmed();
}

#[test]
fn the_body_of_a_refused_method_is_never_taken_for_a_request() {
    let (gateway, file) = gateway_and_file();
    let hidden = head(&[&format!("GET {} HTTP/1.1", file.url()), "Host: h"]);
    let length = format!("Content-Length: {}", hidden.len());
    let mut request = head(&[&format!("POST {} HTTP/1.1", file.url()), "Host: h", &length]);
    request.extend(&hidden);
    request.extend(head(&["GET /nowhere HTTP/1.1", "Host: h", "Connection: close"]));
    let raw = gateway.raw(&request);
    assert_ne!(raw.ended, Ended::Open);
    let statuses: Vec<_> = raw.answers(&["POST"]).iter().map(Answer::status).collect();
    assert!(matches!(statuses[..], [405] | [405, 404]), "{statuses:?}");
    gateway.assert_unharmed();
}

#[test]
fn a_preflight_with_a_body_is_answered_and_nothing_behind_it() {
    let (gateway, file) = gateway_and_file();
    let hidden = head(&[&format!("GET {} HTTP/1.1", file.url()), "Host: h"]);
    for (lines, body) in [
        (vec![format!("Content-Length: {}", hidden.len())], hidden.clone()),
        (vec!["Transfer-Encoding: chunked".to_owned()], b"0\r\n\r\n".to_vec()),
    ] {
        let line = format!("OPTIONS {} HTTP/1.1", file.url());
        let lines: Vec<_> = [line.as_str(), "Host: h"].into_iter().chain(lines.iter().map(String::as_str)).collect();
        let raw = gateway.raw(&[head(&lines), body, hidden.clone()].concat());
        assert_ne!(raw.ended, Ended::Open);
        let answers = raw.answers(&["OPTIONS"]);
        assert_eq!(answers.iter().map(Answer::status).collect::<Vec<_>>(), [204]);
        assert!(answers[0].says_close(), "{}", answers[0].head());
    }
    gateway.assert_unharmed();
}

#[test]
fn requests_behind_a_large_head_are_all_answered() {
    let (gateway, file) = gateway_and_file();
    // Just under the bound, with requests behind it that fill whatever was read along.
    let line = format!("GET {} HTTP/1.1", file.url());
    let first = head(&[&line, "Host: h", &format!("X: {}", "x".repeat(15 << 10))]);
    let next = head(&[&line, "Host: h"]);
    let last = head(&[&line, "Host: h", "Connection: close"]);
    let raw = gateway.raw(&[first, next.repeat(200), last].concat());
    let answers = raw.answers(&[]);
    assert_eq!(answers.len(), 202);
    for answer in &answers {
        answer.assert_whole(&file.bytes);
    }
    gateway.assert_unharmed();
}
