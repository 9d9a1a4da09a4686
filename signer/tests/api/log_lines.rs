//! Whatever is sent, the log is made of lines that nobody else can begin, colour or stretch (H9).

use crate::harness::{Call, Form, Process, SECRET, WEBHOOK_SECRET, form, message, rest, token};
use proto::log_line::MAX_LINE;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// A line break, a forged line in each format, a colour and a C1 control.
const EVIL: &str =
    "evil\r\n{\"level\":\"ERROR\",\"message\":\"evil\"}\n2026-01-01T00:00:00Z ERROR evil\t\u{1b}[31m\u{9b}31m\u{202e}";
/// As much of it as a header's value may hold.
const EVIL_VALUE: &[u8] = b"evil\t\xc2\x9b31m\xe2\x80\xa8 \x80\xff[31m\\n\\u001b";
/// Headers whose values are looked at, or might be told of.
const HEADERS: [&str; 15] = [
    "user-agent",
    "referer",
    "x-request-id",
    "origin",
    "idempotency-key",
    "authorization",
    "cookie",
    "content-type",
    "host",
    "x-forwarded-for",
    "forwarded",
    "svix-id",
    "svix-timestamp",
    "svix-signature",
    "expect",
];
/// Nearly as long as a head may be.
const LONG: usize = 60 << 10;

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn paths() -> Vec<String> {
    let (evil, long) = (percent(EVIL), "%1b".repeat(LONG / 3));
    let of = |part: &str| {
        [
            format!("/{part}"),
            format!("/api/files/{part}"),
            format!("/api/files/{part}/signed-url"),
            format!("/api/videos/{part}/signed-url"),
            format!("/api/admin/users/{part}/block"),
            format!("/api/admin/files?user_id={part}"),
            format!("/api/files?cursor={part}&job_id={part}"),
            format!("/api/files?content_type={part}"),
            format!("/api/files?{part}=1"),
        ]
    };
    // The one with two of them would be past a head's bound.
    of(&evil).into_iter().chain(of(&long).into_iter().filter(|path| !path.contains("job_id"))).collect()
}

/// A request whose header has any bytes as its value; what came back.
async fn with_header(api: SocketAddr, name: &str, value: &[u8]) -> String {
    let token = token("user_1").signed();
    let mut head = b"POST /api/files/signed-urls HTTP/1.1\r\nconnection: close\r\ncontent-length: 2\r\n".to_vec();
    if name != "host" {
        head.extend_from_slice(b"host: localhost\r\n");
    }
    if name != "authorization" {
        head.extend_from_slice(format!("authorization: Bearer {token}\r\n").as_bytes());
    }
    head.extend_from_slice(format!("{name}: ").as_bytes());
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n\r\n{}");
    let mut stream = TcpStream::connect(api).await.unwrap();
    // It may be refused before it was all sent.
    let _ = stream.write_all(&head).await;
    rest(&mut stream).await
}

async fn send_headers(api: SocketAddr) {
    let long = EVIL_VALUE.repeat(LONG / EVIL_VALUE.len());
    for name in HEADERS {
        for value in [EVIL_VALUE, &long] {
            let answer = with_header(api, name, value).await;
            assert!(answer.starts_with("HTTP/1.1 4") && !answer.starts_with("HTTP/1.1 431"), "{name}: {answer}");
        }
        for value in [EVIL.as_bytes(), b"\x1b[31m", b"a\0b", b"\x7f"] {
            let answer = with_header(api, name, value).await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{name}: {answer}");
        }
    }
    for name in ["user-agent", "x-request-id"] {
        let answer = with_header(api, name, &vec![b'a'; 1 << 20]).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{name}: {answer}");
    }
}

async fn send_bodies(process: &Process, text: &str) {
    let (api, internal) = (process.api, process.internal);
    for body in [json!({ text: 1 }), json!({ "fileIds": [text] }), json!({ "fileIds": ["a"], text: text }), json!(text)]
    {
        Call::new(api, "POST", "/api/files/signed-urls").by("user_1").json(&body).send().await;
        Call::new(api, "PATCH", "/api/files/a").by("user_1").json(&body).send().await;
        Call::new(internal, "POST", "/internal/signed-urls").bearer("first").json(&body).send().await;
    }
    for user in [text, "user_1"] {
        let row = json!({ "user_id": user, "path": text, "filename": text, "content_type": text, "job_id": text });
        Call::new(internal, "POST", "/internal/files").bearer("first").json(&row).send().await;
    }
}

async fn send_claims(api: SocketAddr, text: &str) {
    let hostile = token(text).claim("role", json!(text)).claim("email", json!(text)).claim("iss", json!(text));
    let hostile = hostile.claim("azp", json!(text)).header("kid", json!(text)).signed();
    Call::new(api, "GET", "/api/files").bearer(&hostile).send().await;
}

async fn send_messages(api: SocketAddr, text: &str) {
    let [mut of_any_id, of_any_type, of_any_user] =
        [("user.updated", "user_1"), (text, "user_1"), ("user.updated", text)]
            .map(|(kind, user)| message(kind, user, 1));
    // What a header's value may hold of it.
    of_any_id.id = text.chars().filter(|letter| !letter.is_control() || *letter == '\t').collect();
    for message in [of_any_id, of_any_type, of_any_user] {
        let signature = message.signature(WEBHOOK_SECRET);
        let call = Call::new(api, "POST", "/api/webhooks/clerk").header("svix-id", &message.id);
        let call = call.header("svix-timestamp", &message.timestamp).header("svix-signature", &signature);
        call.body("application/json", message.body).send().await;
    }
}

async fn send_forms(api: SocketAddr) {
    let upload = |form: Form| Call::new(api, "POST", "/api/files/upload").by("user_1").form(form);
    // Line breaks as browsers write them in a part's head.
    let name = EVIL.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22");
    for name in [name.as_str(), EVIL, "\u{1b}[31m", &"\u{9b}é".repeat(2000)] {
        let form = form().text(name, EVIL).text("job_id", EVIL).typed_file(name, name, b"bytes");
        upload(form).header("idempotency-key", "a\tb\u{9b}").send().await;
    }
    let name = name.replace('\u{1b}', "");
    let stored = upload(form().text("evil", EVIL).file(&name, b"b")).send().await;
    assert_eq!(stored.status, 200, "{}", stored.text());
}

async fn send_paths(api: SocketAddr) {
    let admin = token("user_admin").claim("role", json!("admin")).signed();
    for path in paths() {
        for method in ["GET", "POST", "DELETE"] {
            Call::new(api, method, &path).bearer(&admin).send().await;
        }
    }
}

#[track_caller]
fn assert_is_a_line(format: &str, line: &str) {
    assert!(line.len() < MAX_LINE, "{} bytes: {line}", line.len());
    assert!(!line.chars().any(char::is_control) && !line.contains(['\u{2028}', '\u{202e}']), "{line:?}");
    if format == "json" {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["target"].is_string(), "{line}");
    } else {
        let (time, after) = line.trim_start().split_once(' ').unwrap_or_else(|| panic!("no time: {line}"));
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "no time: {line}");
        let level = after.trim_start().split(' ').next().unwrap_or_default();
        assert!(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].contains(&level), "no level: {line}");
    }
    assert!(!line.contains(SECRET) && !line.contains("eyJ"), "{line}");
}

#[tokio::test]
async fn nothing_sent_can_begin_colour_or_stretch_a_line_of_the_log() {
    for (format, level) in [("json", "trace"), ("text", "trace"), ("json", "info"), ("text", "info")] {
        let settings = [
            ("LOG_FORMAT", format),
            ("RUST_LOG", level),
            ("CLERK_WEBHOOK_SIGNING_SECRET", WEBHOOK_SECRET),
            ("RATE_LIMIT", "100000/1h"),
        ];
        let mut process = Process::given(&settings);
        send_headers(process.api).await;
        for text in [EVIL, &EVIL.repeat(LONG / EVIL.len())] {
            send_bodies(&process, text).await;
            send_claims(process.api, text).await;
            send_messages(process.api, text).await;
        }
        send_forms(process.api).await;
        send_paths(process.api).await;
        Call::new(process.api, "GET", "/api/files").by("user_1").header("x-request-id", "the-last-one").send().await;
        process.says("the-last-one");
        let log = process.log();
        assert!(log.lines().count() > 100, "{log}");
        // The last one may still be being written.
        log.split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'))
            .for_each(|line| assert_is_a_line(format, line));
    }
}
