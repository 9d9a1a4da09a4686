//! Methods and routes of both listeners.

use crate::{
    gateway_and_file,
    harness::{self, PATIENCE, eventually},
};
use std::collections::BTreeSet;

#[test]
fn every_other_method_is_405_and_told_which_are_allowed() {
    let (gateway, file) = gateway_and_file();
    for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "Get", "GETT", "X", "PRI"] {
        let answer = gateway.request(method, &file.url()).send();
        answer.assert_error_shape(405);
        let allowed: BTreeSet<_> = answer.sure_header("allow").split(',').map(str::trim).collect();
        assert_eq!(allowed, BTreeSet::from(["GET", "HEAD", "OPTIONS"]), "{method}");
    }
    let unsigned = gateway.request("POST", &format!("/files/secure/{}", file.id)).send();
    unsigned.assert_error_shape(405);
    gateway.assert_unharmed();
}

#[test]
fn an_unknown_path_is_404_in_json() {
    let (gateway, file) = gateway_and_file();
    let query = file.url().split_once('?').expect("a query").1.to_owned();
    for path in
        ["/", "/files", "/files/", "/files/x", "/favicon.ico", "/robots.txt", "/api", "/api/v1/files/upload", "/.env"]
    {
        for target in [path.to_owned(), format!("{path}?{query}")] {
            gateway.get(&target).send().assert_error_shape(404);
            let head = gateway.head(&target).send();
            assert_eq!((head.status(), head.body()), (404, &b""[..]), "{target}");
        }
    }
}

#[test]
fn the_admin_listener_tells_of_life_readiness_and_numbers() {
    let (gateway, file) = gateway_and_file();
    gateway.get(&file.url()).send().assert_whole(&file.bytes);
    for target in ["/healthz", "/readyz", "/rotation"] {
        assert_eq!(gateway.admin("GET", target).send().status(), 200, "{target}");
        let head = gateway.admin("HEAD", target).send();
        assert_eq!((head.status(), head.body()), (200, &b""[..]), "{target}");
    }
    let metrics = gateway.admin("GET", "/metrics").send();
    assert_eq!(metrics.status(), 200);
    assert!(metrics.sure_header("content-type").starts_with("text/plain"), "{}", metrics.head());
    let text = std::str::from_utf8(metrics.body()).expect("text");
    let samples: Vec<_> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(samples.len() > 5, "{text}");
    for sample in samples {
        assert!(sample.starts_with("gateway_"), "{sample}");
        let value = sample.rsplit_once(' ').expect("a value").1;
        assert!(value.parse::<f64>().is_ok(), "{sample}");
    }
    for line in text.lines().filter(|line| line.starts_with("# TYPE ") || line.starts_with("# HELP ")) {
        assert!(line[7..].starts_with("gateway_"), "{line}");
    }
}

#[test]
fn the_admin_listener_serves_no_file() {
    let (gateway, file) = gateway_and_file();
    for target in [file.url(), file.link_v2().url(), "/".into(), "/nowhere".into()] {
        assert_eq!(gateway.admin("GET", &target).send().status(), 404, "{target}");
    }
    assert_eq!(gateway.admin("GET", "/readyz").send().status(), 200);
    gateway.assert_unharmed();
}

#[test]
fn the_public_listener_tells_nothing_of_the_inside() {
    let (gateway, _) = gateway_and_file();
    for target in ["/healthz", "/readyz", "/rotation", "/metrics", "/api/metrics", "/debug/pprof"] {
        gateway.get(target).send().assert_error_shape(404);
    }
}

#[test]
fn a_gateway_waits_for_its_schema() {
    let gateway = harness::setup_without_schema().start_unready();
    for _ in 0..20 {
        assert_ne!(gateway.readiness(), Some(200), "it is not ready without its schema");
        assert_eq!(gateway.exited(), None, "it waits:\n{}", gateway.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    eventually("/readyz says so", PATIENCE, || (gateway.readiness() == Some(503)).then_some(()));
    assert_eq!(gateway.admin("GET", "/rotation").send().status(), 503, "it has never been ready");
    gateway.catalog().migrate();
    gateway.await_ready();
    assert_eq!(gateway.admin("GET", "/rotation").send().status(), 200);
    let file = gateway.store("clip.mp4", b"bytes");
    gateway.get(&file.url()).send().assert_whole(b"bytes");
}
