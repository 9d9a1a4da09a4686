//! What the log is told of requests: one line each, with its name and its trace.

use crate::harness::{self, File, Gateway, PATIENCE, eventually};
use serde_json::Value;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const FILE_ROUTE: &str = "/files/secure/{fileId}";

fn gateway_and_file() -> (Gateway, File) {
    let gateway = harness::setup().set("LOG_FORMAT", "json").start();
    let file = gateway.store("clip.mp4", &harness::bytes(1000));
    (gateway, file)
}

/// The lines of this request, once there is one and a later request has its own.
fn lines_of(gateway: &Gateway, file: &File, id: &str) -> Vec<Value> {
    let lines = |id: &str| -> Vec<Value> {
        let log = gateway.log();
        let whole = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let lines = whole.map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
        lines.filter(|line| line["request_id"] == id).collect()
    };
    eventually("the request has its line", PATIENCE, || (!lines(id).is_empty()).then_some(()));
    let later = gateway.head(&file.url()).send().sure_header("x-request-id").to_owned();
    eventually("the next has its line", PATIENCE, || (!lines(&later).is_empty()).then_some(()));
    lines(id)
}

#[track_caller]
fn assert_line(gateway: &Gateway, file: &File, id: &str, awaited: &[(&str, Value)]) {
    let lines = lines_of(gateway, file, id);
    let [line] = lines.as_slice() else { panic!("not one line: {lines:?}") };
    for (name, value) in awaited {
        assert_eq!(&line[name], value, "{name} of {line}");
    }
    assert!(line["ms"].is_u64() && line["message"] == "answered", "{line}");
}

#[test]
fn every_request_has_one_line_whatever_became_of_it() {
    let (gateway, file) = gateway_and_file();
    let (url, expired) = (file.url(), file.link().expires(1).url());
    let whole = |route: &str, method: &str, status: u16, bytes: u64| {
        let values: [Value; 6] =
            [route.into(), method.into(), status.into(), bytes.into(), "whole".into(), "INFO".into()];
        ["route", "method", "status", "bytes", "end", "level"].into_iter().zip(values).collect::<Vec<_>>()
    };
    for (method, target, status, bytes, route, code) in [
        ("GET", url.as_str(), 206, Some(2), FILE_ROUTE, None),
        ("HEAD", &url, 200, Some(0), FILE_ROUTE, None),
        ("OPTIONS", &url, 204, Some(0), FILE_ROUTE, None),
        ("GET", &expired, 410, None, FILE_ROUTE, Some("expired")),
        ("GET", &url.replace("signature=", "signature=0"), 403, None, FILE_ROUTE, Some("bad_signature")),
        ("POST", &url, 405, None, FILE_ROUTE, Some("method_not_allowed")),
        ("BREW", &url, 405, None, FILE_ROUTE, Some("method_not_allowed")),
        ("GET", "/no/such/route?secret=1", 404, None, "unmatched", Some("unknown_route")),
    ] {
        let answer = gateway.request(method, target).range("bytes=0-1").send();
        assert_eq!(answer.status(), status, "{method} {target}");
        let bytes = bytes.unwrap_or(answer.body().len() as u64);
        let method = if ["POST", "BREW"].contains(&method) { "other" } else { method };
        let mut awaited = whole(route, method, status, bytes);
        awaited.push(("code", code.map_or(Value::Null, Into::into)));
        assert_line(&gateway, &file, answer.sure_header("x-request-id"), &awaited);
    }
}

#[test]
fn what_is_the_services_own_fault_is_a_warning_with_its_cause() {
    let (gateway, file) = gateway_and_file();
    let other = gateway.store("other.mp4", b"bytes");
    gateway.catalog().run("ALTER TABLE files RENAME TO files_away", &[]);
    let answer = gateway.get(&other.url()).send();
    gateway.catalog().run("ALTER TABLE files_away RENAME TO files", &[]);
    answer.assert_error_code(503, "catalog_unavailable");
    let id = answer.sure_header("x-request-id").to_owned();
    assert_line(&gateway, &file, &id, &[("level", "WARN".into()), ("code", "catalog_unavailable".into())]);
    assert!(lines_of(&gateway, &file, &id)[0]["cause"].as_str().is_some_and(|cause| cause.contains("files")));
}

#[test]
fn want_of_room_is_an_ordinary_line_however_often_it_is_refused() {
    let gateway = harness::setup().set("LOG_FORMAT", "json").set("GATEWAY_MAX_INFLIGHT", "1").start();
    let film = gateway.store("film.mp4", &harness::bytes(32 << 20));
    let download = gateway.get(&film.url()).open_with_window(64 << 10);
    assert_eq!(download.head().status(), 200);
    let refused = gateway.get(&film.url()).send();
    refused.assert_error_code(503, "overloaded");
    let ordinary = [("level", "INFO".into()), ("code", "overloaded".into())];
    assert_line(&gateway, &film, refused.sure_header("x-request-id"), &ordinary);
    let log = gateway.log();
    let mut told = log.lines().filter(|line| line.contains("overloaded"));
    assert!(told.all(|line| line.contains("request_id")), "nothing but the requests' own lines: {log}");
}

#[test]
fn a_request_keeps_the_name_and_the_trace_that_it_came_with() {
    let (gateway, file) = gateway_and_file();
    let named = |id: &str, parent: &str| {
        let request = gateway.get(&file.url()).header("X-Request-Id", id).header("Traceparent", parent);
        request.send().sure_header("x-request-id").to_owned()
    };
    assert_eq!(named("my-request.1", PARENT), "my-request.1");
    assert_line(&gateway, &file, "my-request.1", &[("trace_id", TRACE.into())]);
    for (number, bad) in ["", "00", &PARENT.to_uppercase(), &PARENT.replace("00-", "ff-"), &format!("{PARENT}-x")]
        .into_iter()
        .enumerate()
    {
        let id = named(&format!("bad-{number}"), bad);
        assert_line(&gateway, &file, &id, &[("trace_id", Value::Null)]);
    }
    let twice = gateway.get(&file.url()).header("Traceparent", PARENT).header("Traceparent", PARENT).send();
    assert_line(&gateway, &file, twice.sure_header("x-request-id"), &[("trace_id", Value::Null)]);
    let evil = named("a/b", PARENT);
    assert_eq!(evil.len(), 32, "a name that is none is replaced: {evil}");
}
