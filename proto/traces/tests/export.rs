//! Spans from the end of a request to the collector, on good days and bad ones.

use prometheus::Registry;
use proto::trace_context::TraceContext;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use traces::{
    Answered, Counts, Endpoint, Service, Traces,
    collector::{Collector, Mood, Seen},
};

const PATIENCE: Duration = Duration::from_secs(60);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const ANSWERED: Answered<'_> =
    Answered { method: "GET", route: "/files/{fileId}", status: 206, bytes: 1000, code: None, broken: None };

/// Traces of a service, and what it counts.
struct Stage {
    traces: Traces,
    registry: Registry,
}

impl Stage {
    fn to(endpoint: Option<&Endpoint>) -> Self {
        let registry = Registry::new();
        let counts = Counts::register(&registry, "gateway").unwrap();
        let service = Service { name: "t2m-gateway", version: "1", scheme: "https" };
        Self { traces: Traces::open(endpoint, service, &counts).unwrap(), registry }
    }

    fn request(&self, came: Option<TraceContext>) -> Option<Arc<TraceContext>> {
        let mut trace = self.traces.begin(came);
        trace.end(&ANSWERED);
        trace.context().cloned()
    }

    async fn flush(&self) {
        self.traces.flush(&CancellationToken::new()).await;
    }

    fn count(&self, result: &str) -> u64 {
        let series = self.registry.gather();
        let series = series.iter().find(|series| series.name() == "gateway_spans_total").unwrap();
        let is_it =
            |metric: &&prometheus::proto::Metric| metric.get_label().iter().any(|label| label.value() == result);
        series.get_metric().iter().find(is_it).unwrap().get_counter().get_value() as u64
    }
}

fn came(flags: &str, state: &str) -> Option<TraceContext> {
    let parent = format!("00-{TRACE}-{PARENT}-{flags}");
    let context = TraceContext::read([parent.as_bytes()], [state.as_bytes()]);
    assert!(context.is_some());
    context
}

async fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn seen(collector: &Collector, number: usize) -> Vec<Seen> {
    eventually("the spans", || Some(collector.spans()).filter(|spans| spans.len() >= number)).await
}

#[tokio::test]
async fn a_request_is_a_span_of_its_callers_trace() {
    let collector = Collector::start();
    let stage = Stage::to(Some(&collector.endpoint()));
    let context = stage.request(came("01", "vendor=1,other=2")).unwrap();
    let [span] = seen(&collector, 1).await.try_into().unwrap();
    assert_eq!((span.trace.as_str(), span.parent.as_str(), span.state.as_str()), (TRACE, PARENT, "vendor=1,other=2"));
    assert_eq!((span.service.as_str(), span.name.as_str()), ("t2m-gateway", "GET /files/{fileId}"));
    assert!(span.is_server && span.has_duration && !span.is_error, "{span:?}");
    let attributes = [
        ("http.request.method", "GET"),
        ("http.response.body.size", "1000"),
        ("http.response.status_code", "206"),
        ("http.route", "/files/{fileId}"),
        ("url.scheme", "https"),
    ];
    assert_eq!(span.attributes, attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let expected = format!("00-{TRACE}-{}-01", span.span);
    assert_eq!((context.traceparent(), context.tracestate()), (expected, Some("vendor=1,other=2")));
    assert_ne!(span.span, PARENT);
}

#[tokio::test]
async fn without_a_caller_a_trace_begins() {
    let collector = Collector::start();
    let stage = Stage::to(Some(&collector.endpoint()));
    let (one, other) = (stage.request(None).unwrap(), stage.request(None).unwrap());
    assert_ne!(one.trace, other.trace);
    let spans = seen(&collector, 2).await;
    assert_eq!(one.traceparent(), format!("00-{}-{}-01", spans[0].trace, spans[0].span));
    assert_eq!(spans[0].parent, "");
}

#[tokio::test]
async fn what_its_caller_does_not_record_is_not_recorded_and_still_passed_on() {
    let collector = Collector::start();
    let stage = Stage::to(Some(&collector.endpoint()));
    let context = stage.request(came("00", "vendor=1")).unwrap();
    assert_eq!((context.trace.to_string().as_str(), context.is_sampled), (TRACE, false));
    assert_eq!(context.tracestate(), Some("vendor=1"));
    stage.request(came("01", ""));
    stage.flush().await;
    assert_eq!(collector.spans().len(), 1, "the one that is recorded");
}

#[tokio::test]
async fn without_a_collector_a_trace_is_passed_on_as_it_came() {
    let stage = Stage::to(None);
    assert_eq!(stage.request(None), None);
    assert_eq!(stage.request(came("01", "a=1")).as_deref(), came("01", "a=1").as_ref());
    stage.flush().await;
    assert_eq!(["exported", "failed", "dropped"].map(|result| stage.count(result)), [0; 3]);
}

#[tokio::test]
async fn what_goes_wrong_on_our_side_is_said_and_a_method_that_nobody_knows_is_not() {
    let collector = Collector::start();
    let stage = Stage::to(Some(&collector.endpoint()));
    let failed = Answered { method: "other", status: 503, code: Some("storage_unavailable"), ..ANSWERED };
    stage.traces.begin(None).end(&failed);
    let [span] = seen(&collector, 1).await.try_into().unwrap();
    assert!(span.is_error && span.name == "HTTP /files/{fileId}", "{span:?}");
    assert_eq!(span.attributes["error.type"], "storage_unavailable");
    assert_eq!(span.attributes["http.request.method"], "_OTHER");
}

#[tokio::test]
async fn an_error_is_what_is_5xx_and_what_broke_off_on_our_side_and_nothing_else() {
    let collector = Collector::start();
    let stage = Stage::to(Some(&collector.endpoint()));
    let expected = [
        (200, None, None, None),
        (404, Some("not_found"), None, None),
        (499, None, None, None),
        (500, None, None, Some("500")),
        (503, Some("overloaded"), None, Some("overloaded")),
        (206, None, Some("truncated"), Some("truncated")),
    ];
    for (status, code, broken, _) in expected {
        stage.traces.begin(None).end(&Answered { status, code, broken, ..ANSWERED });
    }
    let seen = seen(&collector, expected.len()).await;
    let told = seen.iter().map(|span| (span.is_error, span.attributes.get("error.type").map(String::as_str)));
    assert_eq!(told.collect::<Vec<_>>(), expected.map(|(.., error)| (error.is_some(), error)));
}

#[tokio::test]
async fn what_waits_goes_out_in_batches_and_all_of_it_at_the_end() {
    let collector = Collector::start();
    let stage = Stage::to(Some(&collector.endpoint()));
    for _ in 0..1000 {
        stage.request(None);
    }
    stage.flush().await;
    // What flushes waits for 3 s at most; what was begun by then goes on.
    seen(&collector, 1000).await;
    eventually("all are counted", || (stage.count("exported") == 1000).then_some(())).await;
    assert_eq!(collector.spans().len(), 1000);
    assert!(collector.raw().matches("POST /v1/traces").count() < 20);
    stage.request(None);
    assert_eq!((stage.count("exported"), stage.count("dropped")), (1000, 1), "after the end there is no export");
}

#[tokio::test]
async fn a_collector_that_refuses_or_is_away_is_counted_and_no_request_waits() {
    let collector = Collector::start();
    collector.is_in(Mood::Refuses(503));
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for endpoint in [collector.endpoint(), format!("http://{nowhere}").parse().unwrap()] {
        let stage = Stage::to(Some(&endpoint));
        stage.request(None);
        eventually("it failed", || (stage.count("failed") == 1).then_some(())).await;
        assert_eq!(stage.count("exported"), 0);
    }
    collector.is_in(Mood::Takes);
    let stage = Stage::to(Some(&collector.endpoint()));
    stage.request(None);
    seen(&collector, 1).await;
}

#[tokio::test]
async fn a_collector_that_hangs_holds_up_nobody_and_nothing_grows_without_bound() {
    let collector = Collector::start();
    collector.is_in(Mood::Hangs);
    let stage = Stage::to(Some(&collector.endpoint()));
    for _ in 0..20_000 {
        stage.request(None);
    }
    assert!(stage.count("dropped") > 10_000, "{}", stage.count("dropped"));
    // Sooner than the collector's patience would have it; the bound itself is the test's own.
    tokio::time::timeout(PATIENCE, stage.flush()).await.expect("the end is not held up");
}

#[tokio::test]
async fn who_is_cut_waits_for_no_collector() {
    let (collector, cut) = (Collector::start(), CancellationToken::new());
    collector.is_in(Mood::Hangs);
    let stage = Stage::to(Some(&collector.endpoint()));
    stage.request(None);
    cut.cancel();
    tokio::select! {
        biased;
        () = stage.traces.flush(&cut) => {}
        () = std::future::ready(()) => panic!("it waits"),
    }
}
