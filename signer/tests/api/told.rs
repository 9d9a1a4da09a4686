//! What the log and a collector are told of requests: one line each, one span each, and no secret in either.

use crate::harness::{Call, Process, SECRET, eventually, form, pair, token};
use serde_json::{Value, json};
use std::net::SocketAddr;
use traces::collector::{Collector, Seen};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The lines of the request of this name, once a later one has its own.
async fn lines_of(process: &mut Process, id: &str) -> Vec<Value> {
    let later = Call::new(process.api, "GET", "/api/openapi.json").send().await.header("x-request-id").to_owned();
    process.says(&later);
    let log = process.log();
    let whole = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let lines = whole.map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["request_id"] == id).collect()
}

fn json_log() -> Process {
    Process::given(&[("LOG_FORMAT", "json")])
}

#[tokio::test]
async fn every_request_has_one_line_whatever_became_of_it() {
    let mut process = json_log();
    let (api, internal) = (process.api, process.internal);
    let list = |api| Call::new(api, "GET", "/api/files?limit=5");
    for (call, method, route, status, code) in [
        (list(api).by("user_1"), "GET", "/api/files", 200, None),
        (list(api), "GET", "/api/files", 401, Some("token_missing")),
        (Call::new(api, "HEAD", "/api/files").by("user_1"), "HEAD", "/api/files", 200, None),
        (Call::new(api, "HEAD", "/api/files"), "HEAD", "/api/files", 401, Some("token_missing")),
        (Call::new(api, "GET", "/api/files/secret").by("user_1"), "GET", "/api/files/{fileId}", 404, Some("not_found")),
        (Call::new(api, "BREW", "/api/files"), "other", "/api/files", 405, Some("method_not_allowed")),
        (Call::new(api, "GET", "/no/such/secret"), "GET", "unmatched", 404, Some("unknown_route")),
        (Call::new(internal, "POST", "/internal/files"), "POST", "/internal/files", 401, Some("token_missing")),
    ] {
        let answer = call.header("traceparent", PARENT).send().await;
        assert_eq!(answer.status, status, "{}", answer.text());
        let lines = lines_of(&mut process, answer.header("x-request-id")).await;
        let [line] = lines.as_slice() else { panic!("not one line: {lines:?}") };
        for (name, value) in [
            ("method", json!(method)),
            ("route", json!(route)),
            ("status", json!(status)),
            ("bytes", json!(answer.body.len())),
            ("end", json!("answered")),
            ("code", code.into()),
            ("trace_id", json!(TRACE)),
            ("level", json!("INFO")),
        ] {
            assert_eq!(line[name], value, "{name} of {line}");
        }
        assert!(line["ms"].is_u64() && !line.to_string().contains("secret"), "{line}");
    }
}

#[tokio::test]
async fn a_request_keeps_the_name_and_the_trace_that_it_came_with() {
    let mut process = json_log();
    for (parent, trace) in [(PARENT, json!(TRACE)), ("", Value::Null), (&PARENT[..54], Value::Null)] {
        let call = Call::new(process.api, "GET", "/api/files").by("user_1").header("traceparent", parent);
        let answer = call.header("x-request-id", &format!("mine.{}", parent.len())).send().await;
        let id = answer.header("x-request-id").to_owned();
        assert_eq!(id, format!("mine.{}", parent.len()));
        assert_eq!(lines_of(&mut process, &id).await[0]["trace_id"], trace);
    }
    let answer = Call::new(process.api, "GET", "/api/files").header("x-request-id", "not/mine").send().await;
    assert_ne!(answer.header("x-request-id"), "not/mine");
}

async fn spans_of_trace(collector: &Collector, number: usize) -> Vec<Seen> {
    let spans = || collector.spans().into_iter().filter(|span| span.trace == TRACE).collect::<Vec<_>>();
    eventually("the spans' arrival", async || spans().len() >= number).await;
    spans()
}

#[tokio::test]
async fn a_request_is_a_span_of_its_callers_trace() {
    let collector = Collector::start();
    let process = Process::given(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url())]);
    let file = Call::new(process.api, "GET", "/api/files/secret?a=secret").by("user_1").header("traceparent", PARENT);
    assert_eq!(file.header("tracestate", "a=1").send().await.status, 404);
    let spans = spans_of_trace(&collector, 1).await;
    assert_eq!((spans[0].service.as_str(), spans[0].name.as_str()), ("t2m-signer", "GET /api/files/{fileId}"));
    assert_eq!((spans[0].parent.as_str(), spans[0].state.as_str()), ("00f067aa0ba902b7", "a=1"));
    assert_eq!(spans[0].attributes["http.response.status_code"], "404");
    assert!(spans[0].is_server && !spans[0].is_error);
}

/// Everything secret that a client can send, wherever it may be sent; returned is what must be nowhere.
async fn send_secrets(process: &Process) -> Vec<String> {
    let (api, internal) = (process.api, process.internal);
    let jwt = token("user_canary").signed();
    let asked = |to: SocketAddr, method: &'static str, path: &str| {
        let call = Call::new(to, method, path).header("traceparent", PARENT).header("tracestate", "a=1");
        let call = call.header("referer", "https://app.example.com/?token=canary-referer&signature=canary-signature");
        call.header("cookie", "__session=canary-cookie").header("user-agent", "canary-agent")
    };
    let upload = asked(api, "POST", "/api/files/upload").bearer(&jwt);
    let form = form().text("job_id", "canary-job").file("canary-name.mp4", b"canary-bytes");
    let file = upload.form(form).send().await.json()["data"]["file"]["id"].as_str().unwrap().to_owned();
    let link = asked(api, "POST", &format!("/api/files/{file}/signed-url")).bearer(&jwt).send().await;
    let link = link.json()["data"]["url"].as_str().unwrap().to_owned();
    let creation = asked(api, "POST", "/api/files/tus").bearer(&jwt).header("tus-resumable", "1.0.0");
    let metadata = pair("filename", "canary-name.mp4");
    let creation = creation.header("upload-length", "12").header("upload-metadata", &metadata).send().await;
    let handle = creation.header("location").rsplit('/').next().unwrap().to_owned();
    for method in ["HEAD", "PATCH", "DELETE", "POST", "GET"] {
        let path = format!("/api/files/tus/{handle}");
        asked(api, method, &path).header("tus-resumable", "1.0.0").header("upload-offset", "0").send().await;
    }
    let (_, query) = link.split_once('?').unwrap();
    for path in ["/api/files", "/api/nowhere", "/api/admin/files", &format!("/api/files/tus/{handle}/more")] {
        for method in ["GET", "POST", "PUT"] {
            asked(api, method, &format!("{path}?{query}&token=canary-token")).send().await;
            asked(api, method, path).bearer("canary-bearer").send().await;
        }
    }
    asked(internal, "POST", "/internal/signed-urls").bearer("first").json(&json!({ "file_ids": [file] })).send().await;
    asked(internal, "POST", "/internal/signed-urls").bearer("canary-service").json(&json!({})).send().await;
    let svix = asked(api, "POST", "/api/webhooks/clerk").header("svix-signature", "v1,canary-svix");
    svix.header("svix-id", "msg_1").header("svix-timestamp", "1").body("application/json", "{}").send().await;
    let signature = query.rsplit_once("signature=").unwrap().1.to_owned();
    vec![jwt, signature, handle, query.to_owned()]
}

#[tokio::test]
async fn no_secret_is_in_a_line_or_a_span_even_at_trace_level() {
    for format in ["text", "json"] {
        let collector = Collector::start();
        let settings =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url()), ("RUST_LOG", "trace"), ("LOG_FORMAT", format)];
        let mut process = Process::given(&settings);
        let secrets = send_secrets(&process).await;
        Call::new(process.api, "GET", "/api/files").header("x-request-id", "the-last-one").send().await;
        process.says("the-last-one");
        assert!(spans_of_trace(&collector, 30).await.iter().all(|span| span.attributes["http.route"].len() < 60));
        for (place, text) in [("log", process.log()), ("spans", collector.raw())] {
            let known = [SECRET, "eyJ", "signature=", "canary-"];
            for secret in secrets.iter().map(String::as_str).chain(known) {
                assert!(!text.contains(secret), "{secret} is in the {place}");
            }
        }
        assert!(!collector.raw().contains("user_canary"), "whose it is is for the log only");
    }
}
