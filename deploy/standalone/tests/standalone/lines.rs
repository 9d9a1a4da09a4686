//! What is answered here and what the two services answer leave the same line, once.

use crate::{
    http::{Answer, Request},
    process::Standalone,
};
use serde_json::{Value, json};
use std::{
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::tempdir;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PATIENCE: Duration = Duration::from_secs(60);

/// The lines of this request, once there is one.
fn lines_of(standalone: &Standalone, id: &str) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let log = standalone.log();
        let whole = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let lines = whole.map(|line| serde_json::from_str::<Value>(line).unwrap());
        let lines: Vec<_> = lines.filter(|line| line["request_id"] == id).collect();
        if !lines.is_empty() {
            return lines;
        }
        assert!(start.elapsed() < PATIENCE, "no line of {id}: {log}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_request_has_one_line_with_its_name_and_its_trace() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[("LOG_FORMAT", "json")]);
    let (api, files) = (standalone.api, standalone.files);
    let send = |request: Request, id: &str| -> Answer {
        let answer = request.header("X-Request-Id", id).header("Traceparent", PARENT).send();
        assert_eq!(answer.header("X-Request-Id"), Some(id));
        answer
    };
    let requests = [
        (Request::new(api, "GET", "/"), "/", 200, Value::Null),
        (Request::new(api, "HEAD", "/"), "/", 200, Value::Null),
        (Request::new(api, "POST", "/?secret"), "/", 405, json!("method_not_allowed")),
        (Request::new(api, "GET", "/secret").host("example.com"), "unmatched", 403, json!("development_identity")),
        (standalone.request("GET", "/files"), "/api/v1/files", 200, Value::Null),
        (Request::new(files, "GET", "/secret"), "unmatched", 404, json!("unknown_route")),
    ];
    for (number, (request, route, status, code)) in requests.into_iter().enumerate() {
        let id = format!("request-{number}");
        let answer = send(request, &id);
        let lines = lines_of(&standalone, &id);
        let [line] = lines.as_slice() else { panic!("not one line: {lines:?}") };
        let awaited = (json!(status), json!(answer.body.len()), json!(route), code, json!(TRACE));
        let names = ["status", "bytes", "route", "code", "trace_id"].map(|name| line[name].clone());
        assert_eq!(names, <[Value; 5]>::from(awaited), "{line}");
        assert!(line["ms"].is_u64() && line["end"].is_string() && line["method"].is_string(), "{line}");
        assert!(!line.to_string().contains("secret"), "{line}");
    }
}
