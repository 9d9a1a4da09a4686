//! Traces as a collector gets them, and a collector that is not there.

use crate::harness::{self, Gateway, PATIENCE, eventually};
use rustix::process::Signal;
use traces::collector::{Collector, Mood, Seen};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn parent(flags: &str) -> String {
    format!("00-{TRACE}-00f067aa0ba902b7-{flags}")
}

fn gateway(collector: &str) -> Gateway {
    harness::setup().set("OTEL_EXPORTER_OTLP_ENDPOINT", collector).start()
}

fn spans_of_trace(collector: &Collector) -> Vec<Seen> {
    collector.spans().into_iter().filter(|span| span.trace == TRACE).collect()
}

#[test]
fn a_request_is_a_span_of_its_callers_trace_and_says_no_more_than_its_route() {
    let collector = Collector::start();
    let gateway = gateway(&collector.url());
    let file = gateway.store("clip.mp4", &harness::bytes(1000));
    let asked = |target: &str, flags: &str| {
        gateway.get(target).range("bytes=0-1").header("traceparent", &parent(flags)).header("tracestate", "a=1").send()
    };
    assert_eq!(asked(&file.url(), "00").status(), 206);
    assert_eq!(asked(&file.url(), "01").status(), 206);
    let spans =
        eventually("the span arrives", PATIENCE, || Some(spans_of_trace(&collector)).filter(|spans| !spans.is_empty()));
    let [span] = spans.as_slice() else { panic!("only what its caller records: {spans:?}") };
    assert_eq!((span.service.as_str(), span.name.as_str()), ("t2m-gateway", "GET /files/secure/{fileId}"));
    assert_eq!((span.parent.as_str(), span.state.as_str()), ("00f067aa0ba902b7", "a=1"));
    assert_eq!(span.attributes["http.response.status_code"], "206");
    assert_eq!(span.attributes["http.response.body.size"], "2");
    assert!(span.is_server && !span.is_error, "{span:?}");
    for secret in [file.id.as_str(), "user_1", "signature", "expires", "clip"] {
        assert!(!collector.raw().contains(secret), "{secret} was exported");
    }
}

#[test]
fn what_the_gateway_answers_5xx_is_an_error_and_4xx_is_not() {
    let collector = Collector::start();
    let gateway = gateway(&collector.url());
    let file = gateway.store("clip.mp4", b"bytes");
    let asked = |target: &str| gateway.get(target).header("traceparent", &parent("01")).send();
    asked(&file.link().expires(1).url()).assert_error_code(410, "expired");
    gateway.catalog().run("ALTER TABLE files RENAME TO files_away", &[]);
    asked(&file.url()).assert_error_code(503, "catalog_unavailable");
    let spans =
        eventually("both arrive", PATIENCE, || Some(spans_of_trace(&collector)).filter(|spans| spans.len() == 2));
    let told = spans.iter().map(|span| (span.is_error, span.attributes.get("error.type").map(String::as_str)));
    assert_eq!(told.collect::<Vec<_>>(), [(false, None), (true, Some("catalog_unavailable"))]);
}

#[test]
fn the_last_spans_go_out_before_the_process_ends() {
    let collector = Collector::start();
    let gateway = gateway(&collector.url());
    let file = gateway.store("clip.mp4", b"bytes");
    for _ in 0..20 {
        gateway.get(&file.url()).header("traceparent", &parent("01")).send().assert_whole(b"bytes");
    }
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.exit_code_within(PATIENCE), 0);
    assert_eq!(spans_of_trace(&collector).len(), 20);
}

#[test]
fn a_collector_that_is_away_or_hangs_is_no_clients_affair() {
    let hanging = Collector::start();
    hanging.is_in(Mood::Hangs);
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    for (url, is_counted) in [(format!("http://{nowhere}"), true), (hanging.url(), false)] {
        let gateway = gateway(&url);
        let file = gateway.store("clip.mp4", b"bytes");
        for _ in 0..100 {
            gateway.get(&file.url()).send().assert_whole(b"bytes");
        }
        if is_counted {
            let failed = "gateway_spans_total{result=\"failed\"}";
            eventually("it is counted", PATIENCE, || (gateway.series(failed) > 100).then_some(()));
            let told = gateway.log().matches("spans cannot be exported").count();
            assert_eq!(told, 1, "once a minute: {}", gateway.log());
        }
        gateway.assert_unharmed();
        gateway.signal(Signal::TERM);
        assert_eq!(gateway.exit_code_within(PATIENCE), 0);
    }
}

#[test]
fn an_endpoint_that_is_none_is_refused_without_being_repeated() {
    for bad in ["collector:4317", "https://user:hunter2@collector", "http://collector?key=hunter2"] {
        let exit = harness::setup().set("OTEL_EXPORTER_OTLP_ENDPOINT", bad).run_to_exit();
        assert_eq!(exit.status.code(), Some(64), "{}", exit.log);
        assert!(
            exit.log.contains("OTEL_EXPORTER_OTLP_ENDPOINT must be") && !exit.log.contains("hunter2"),
            "{}",
            exit.log
        );
    }
}
