//! What an operator is told of answers: each once, by where its bytes are from and how they left, and never by what a
//! client makes up.

use crate::harness::{self, Gateway, PATIENCE, bytes, eventually};

fn sent(gateway: &Gateway, source: &str, path: &str) -> u64 {
    gateway.series(&format!("gateway_sent_bytes_total{{path=\"{path}\",source=\"{source}\"}}"))
}

#[test]
fn bytes_are_counted_by_where_they_are_from_and_how_they_left() {
    let gateway = harness::setup().start_without_canary();
    let file = gateway.store("clip.mp4", &bytes(300_000));
    gateway.get(&file.url()).send().assert_whole(&file.bytes);
    assert_eq!(gateway.get(&file.url()).range("bytes=0-1").send().status(), 206);
    let parts = gateway.get(&file.url()).range("bytes=0-9,100-109").send();
    assert_eq!(parts.status(), 206);
    assert_eq!(gateway.head(&file.url()).send().status(), 200);
    let refusal = gateway.get(&file.link().expires(1).url()).send();
    refusal.assert_error_shape(410);
    let own = (parts.body().len() - 20 + refusal.body().len()) as u64;
    eventually("every byte is counted, those of texts apart", PATIENCE, || {
        let of_the_file = sent(&gateway, "folder", "sendfile") + sent(&gateway, "folder", "copy");
        (of_the_file == 300_022 && sent(&gateway, "gateway", "copy") == own).then_some(())
    });
    assert!(sent(&gateway, "folder", "sendfile") >= 300_000);
    assert_eq!(gateway.metric_where("gateway_sent_bytes_total", "cache"), 0.0);
}

#[test]
fn the_first_byte_is_measured_once_where_there_is_one_of_a_file() {
    let gateway = harness::setup().start_without_canary();
    let file = gateway.store("clip.mp4", &bytes(300_000));
    for _ in 0..3 {
        gateway.get(&file.url()).send().assert_whole(&file.bytes);
    }
    gateway.head(&file.url()).send();
    gateway.get(&file.link().expires(1).url()).send().assert_error_shape(410);
    eventually("all five are over", PATIENCE, || {
        (gateway.metric("gateway_request_duration_seconds_count") == 5.0).then_some(())
    });
    assert_eq!(gateway.series("gateway_first_byte_seconds_count{source=\"folder\"}"), 3);
    assert_eq!(gateway.metric("gateway_first_byte_seconds_count"), 3.0);
}

#[test]
fn requests_are_counted_by_route_method_and_status() {
    let gateway = harness::setup().start_without_canary();
    let file = gateway.store("clip.mp4", &bytes(1000));
    gateway.get(&file.url()).range("bytes=0-1").send();
    gateway.request("OPTIONS", &file.url()).send();
    gateway.request("PROPFIND", &file.url()).send().assert_error_shape(405);
    gateway.get("/favicon.ico").send().assert_error_shape(404);
    gateway.raw(b"GET / HTTP/9.9\r\n\r\n");
    let count = |route: &str, method: &str, status: u16| {
        let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
        gateway.series(&format!("gateway_requests_total{{{labels}}}"))
    };
    for (route, method, status) in [
        ("/files/secure/{fileId}", "GET", 206),
        ("/files/secure/{fileId}", "OPTIONS", 204),
        ("/files/secure/{fileId}", "other", 405),
        ("unmatched", "GET", 404),
        ("unmatched", "other", 400),
    ] {
        eventually("it is counted", PATIENCE, || (count(route, method, status) == 1).then_some(()));
    }
    assert!(gateway.metric("gateway_connections_limit") > 0.0);
    assert!(gateway.metric("gateway_requests_in_flight_limit") > 0.0);
}

/// One of every kind of request, with something in every place that no other has.
fn make_up(gateway: &Gateway, file: &harness::File, what: &str) {
    let secret = "a-secret-that-is-on-no-ring-0123456789";
    let unknown = file.link().user(&format!("user_{what}"));
    for url in [
        format!("/{what}/{what}?{what}={what}"),
        format!("/files/secure/{what}?signature={what}"),
        format!("{}&{what}={what}", file.url()),
        unknown.clone().url(),
        unknown.secret(secret).url(),
    ] {
        for method in ["GET", "HEAD", &what.to_uppercase()] {
            gateway.request(method, &url).header(what, what).header("X-Request-Id", what).send();
        }
    }
    gateway.raw(format!("{what}\r\n\r\n").as_bytes());
}

#[test]
fn nothing_that_a_client_makes_up_becomes_a_series() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", &bytes(1000));
    let counted = |times: u32| {
        // The canary's request is there besides.
        eventually("all are counted", PATIENCE, || {
            (gateway.metric("gateway_requests_total") == f64::from(times * 16 + 1)).then_some(())
        });
        gateway.all_series()
    };
    make_up(&gateway, &file, "once");
    let before = counted(1);
    for n in 0..20 {
        make_up(&gateway, &file, &format!("made{n}up"));
    }
    assert_eq!(counted(21), before);
    gateway.assert_unharmed();
}
