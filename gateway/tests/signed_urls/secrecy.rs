//! No log line, metric or error holds a signature, a token, a secret or a whole query string (C18, H8 for the gateway).

use crate::harness::{self, Answer, File, Gateway, PATIENCE};
use proto::log_line::MAX_LINE;
use traces::collector::Collector;

const TOKEN: &str = "canary-bearer-token-9f8e7d6c";
const COOKIE: &str = "canary-session-cookie-5a4b3c2d";

/// One of every kind of answer, with everything secret that a client may send along.
fn provoke_everything(gateway: &Gateway, file: &File) -> Vec<Answer> {
    gateway.catalog().block("user_blocked");
    let referer = format!("https://app.example.com/watch?src={}", file.url());
    let link = file.link();
    let urls = [
        file.url(),
        file.link_v2().with("filename", "canary-name.mp4").url(),
        link.clone().expires(1).url(),
        link.clone().user("user_blocked").url(),
        link.clone().user("user_nobody").url(),
        link.clone().secret("a-secret-that-is-on-no-ring-0123456789").url(),
        link.expires(harness::now() * 1000).url(),
        file.link_v2().with("kid", "gone").url(),
        format!("{}&signature=twice", file.url()),
        file.url().replace("/files/secure/", "/files/other/"),
        format!("/metrics?{}", file.url().split_once('?').expect("a query").1),
    ];
    let mut answers = Vec::new();
    for url in urls {
        for method in ["GET", "HEAD", "OPTIONS", "POST"] {
            let request = gateway.request(method, &url).header("Referer", &referer).header("User-Agent", "a test");
            let request = request.header("Authorization", &format!("Bearer {TOKEN}"));
            answers.push(request.header("Cookie", &format!("__session={COOKIE}")).range("bytes=0-1").send());
        }
    }
    for junk in [format!("GET {} HTTP/9.9\r\n\r\n", file.url()), format!("{}\r\nHost: h\r\n\r\n", file.url())] {
        gateway.raw(junk.as_bytes());
    }
    answers
}

#[track_caller]
fn assert_silent_about(gateway: &Gateway, file: &File, place: &str, text: &str) {
    gateway.assert_nothing_leaked_to(text);
    for secret in
        [TOKEN, COOKIE, "signature=", "user_id=", "canary-name.mp4", file.url().split_once('?').expect("a query").1]
    {
        assert!(!text.contains(secret), "{secret} is in the {place}");
    }
}

#[test]
fn nothing_secret_is_written_even_at_trace_level() {
    for format in ["text", "json"] {
        let collector = Collector::start();
        let setup = harness::setup().set("RUST_LOG", "trace").set("LOG_FORMAT", format);
        let gateway = setup.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()).start();
        let file = gateway.store("clip.mp4", b"bytes");
        let answers = provoke_everything(&gateway, &file);
        assert!(answers.iter().any(|answer| answer.status() == 206), "something was granted");

        let log = gateway.log();
        assert!(log.lines().count() > answers.len() / 2, "a log at trace level has something to say:\n{log}");
        assert_silent_about(&gateway, &file, "log", &log);
        let metrics = gateway.admin("GET", "/metrics").send();
        assert_silent_about(&gateway, &file, "metrics", &String::from_utf8_lossy(metrics.body()));
        let exported = || gateway.series("gateway_spans_total{result=\"exported\"}");
        harness::eventually("spans go out", PATIENCE, || (exported() > answers.len() as u64).then_some(()));
        assert_silent_about(&gateway, &file, "spans", &collector.raw());
        for id in [file.id.as_str(), "user_nobody", "user_blocked"] {
            assert!(!collector.raw().contains(id), "{id} is in the spans");
        }
        for answer in answers.iter().filter(|answer| answer.status() >= 400) {
            assert_silent_about(&gateway, &file, "error", &String::from_utf8_lossy(answer.body()));
        }
        gateway.assert_unharmed();
    }
}

#[test]
fn a_thousand_requests_for_one_url_are_all_granted() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", &harness::bytes(10_000));
    let url = file.url();
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let request = gateway.get(&url).header("Referer", &url).header("Authorization", "Bearer x");
                    request.send().assert_whole(&file.bytes);
                }
            });
        }
    });
    gateway.assert_unharmed();
}

/// Line breaks, a colour, a C1 control: as a URL may hold them, and as a header's value may.
const EVIL_ESCAPED: &str = "%0d%0aevil-line%1b%5b31m%c2%9b%09";
const EVIL_VALUE: &[u8] = b"evil-line\t\xc2\x9b31m \x80\xff\\n\\u001b";

fn send_evil(gateway: &Gateway, file: &File) {
    let long = EVIL_ESCAPED.repeat(400);
    for evil in [EVIL_ESCAPED, &long] {
        for url in [format!("{}&x={evil}", file.url()), format!("/files/secure/{evil}"), format!("/{evil}")] {
            gateway.get(&url).header("User-Agent", "evil-line\u{9b}31m").header("X-Request-Id", "evil-line").send();
        }
    }
    for name in ["User-Agent", "Referer", "X-Request-Id", "Range", "If-None-Match", "Origin", "Host", "Forwarded"] {
        for value in [EVIL_VALUE, &EVIL_VALUE.repeat(400), b"\x1b[31m", &b"a".repeat(1 << 20)] {
            let head = format!("GET {} HTTP/1.1\r\nConnection: close\r\nHost: h\r\n{name}: ", file.url());
            gateway.raw(&[head.as_bytes(), value, b"\r\n\r\n"].concat());
        }
    }
}

#[test]
fn nothing_in_a_request_begins_colours_or_stretches_a_line_of_the_log() {
    for format in ["text", "json"] {
        let gateway = harness::setup().set("RUST_LOG", "trace").set("LOG_FORMAT", format).start();
        let file = gateway.store("clip.mp4", b"bytes");
        send_evil(&gateway, &file);
        let log = gateway.log();
        assert!(log.lines().count() > 20, "{log}");
        // The last one may still be being written.
        for line in log.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            assert!(line.len() < MAX_LINE, "{} bytes: {line}", line.len());
            assert!(!line.chars().any(char::is_control), "raw control characters: {line:?}");
            let begins = match format {
                "json" => serde_json::from_str::<serde_json::Value>(line).is_ok_and(|line| line["level"].is_string()),
                _ => line.starts_with("20") && line.as_bytes()[10] == b'T',
            };
            assert!(begins, "not a line of the gateway's own: {line}");
        }
        gateway.assert_unharmed();
    }
}
