//! What an operator sees: log lines and metrics. Neither ever holds a token, a signature, a query, or an id as a
//! label.

mod keys;
mod storage;
mod uploads;

pub(crate) use keys::KeyMetrics;
pub(crate) use storage::StorageMetrics;
pub(crate) use uploads::UploadMetrics;

use crate::error::Error;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    response::Response,
};
use http_body::Body;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
    process_collector::ProcessCollector,
};
use proto::{
    id::request_id_of,
    log_line::{Format, Lines},
    trace_context::{TRACEPARENT, TRACESTATE, TraceContext},
};
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error, as `text` or as `json`; `filter` is as of tracing's `EnvFilter`.
///
/// # Errors
/// A format or filter that is none, or logging that was set up before.
pub fn init(format: &str, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("RUST_LOG is not a filter: {error}"))?;
    let format = Format::named(format).ok_or("LOG_FORMAT must be text or json")?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter);
    let lines = lines.with_ansi(false).with_writer(move || Lines::new(std::io::stderr(), format));
    match format {
        Format::Json => lines.json().flatten_event(true).try_init(),
        Format::Text => lines.try_init(),
    }
    .map_err(|error| error.to_string())?;
    // A panic is a line like any other.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    Ok(())
}

/// Names a request, in it and in its answer.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Every series of the signer.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    refusals: IntCounterVec,
    seconds: HistogramVec,
    in_flight: IntGauge,
    connections: IntGaugeVec,
    tokens: IntCounterVec,
    webhooks: IntCounterVec,
    limited: IntCounterVec,
    counts: IntCounterVec,
    pub(crate) issued: IntCounter,
    pub(crate) keys: KeyMetrics,
    pub(crate) uploads: UploadMetrics,
    pub(crate) storage: StorageMetrics,
    pub(crate) spans: traces::Counts,
}

/// One more in a gauge, until it is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay(IntGauge);

impl UnderWay {
    pub(crate) fn begin(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub(crate) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counters = |name, help, labels| counters(&registry, name, help, labels);
        let seconds = HistogramOpts::new("signer_request_duration_seconds", "From a request's head to its answer.")
            .buckets(vec![0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0]);
        let build = Opts::new("signer_build_info", "Always 1; the label names the build.");
        register(&registry, IntGauge::with_opts(build.const_label("version", env!("CARGO_PKG_VERSION")))?)?.set(1);
        let connections = Opts::new("signer_connections", "Open connections, by listener.");
        registry.register(Box::new(ProcessCollector::new(std::process::id().cast_signed(), "signer")))?;
        Ok(Self {
            requests: counters("signer_requests_total", "Requests answered.", &["route", "method", "status"])?,
            refusals: counters("signer_refusals_total", "Requests refused, by reason.", &["code"])?,
            seconds: register(&registry, HistogramVec::new(seconds, &["route"])?)?,
            in_flight: register(
                &registry,
                IntGauge::new("signer_requests_in_flight", "Requests being answered, uploads too.")?,
            )?,
            connections: register(&registry, IntGaugeVec::new(connections, &["listener"])?)?,
            tokens: counters("signer_tokens_total", "Tokens judged; the code is `ok` or the refusal's.", &["code"])?,
            webhooks: counters(
                "signer_webhooks_total",
                "Messages of the identity provider; the result is what they did, or the refusal's code.",
                &["result"],
            )?,
            limited: from_zero(
                counters("signer_rate_limited_total", "Requests past a limit, by whose it was.", &["of"])?,
                &["user", "address"],
            ),
            counts: from_zero(
                counters(
                    "signer_rate_limit_counts_total",
                    "Calls counted with REDIS_URL set, by where; `process` while Redis is away.",
                    &["in"],
                )?,
                &["redis", "process"],
            ),
            issued: register(&registry, IntCounter::new("signer_issued_urls_total", "Signed URLs given away.")?)?,
            keys: KeyMetrics::new(&registry)?,
            uploads: UploadMetrics::register(&registry)?,
            storage: StorageMetrics::register(&registry)?,
            spans: traces::Counts::register(&registry, "signer")?,
            registry,
        })
    }

    /// A request has come; its answer has gone when this is dropped.
    pub(crate) fn begin(&self) -> UnderWay {
        UnderWay::begin(&self.in_flight)
    }

    /// The open connections of a listener.
    pub(crate) fn connections(&self, listener: &str) -> IntGauge {
        self.connections.with_label_values(&[listener])
    }

    pub(crate) fn refused(&self, code: &str) {
        self.refusals.with_label_values(&[code]).inc();
    }

    pub(crate) fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[route, method, &status.to_string()]).inc();
        self.seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    pub(crate) fn token(&self, refusal: Option<&Error>) {
        self.tokens.with_label_values(&[refusal.map_or("ok", |error| error.answer().code)]).inc();
    }

    pub(crate) fn webhook(&self, result: &str) {
        self.webhooks.with_label_values(&[result]).inc();
    }

    /// A request past the limit of its `user` or its `address`.
    pub(crate) fn limited(&self, of: &str) {
        self.limited.with_label_values(&[of]).inc();
    }

    /// A call that was to be counted in Redis.
    pub(crate) fn shared_count(&self, by_redis: bool) {
        self.counts.with_label_values(&[if by_redis { "redis" } else { "process" }]).inc();
    }

    /// All series, in Prometheus' text format.
    pub(crate) fn text(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

/// With all that its label can say, so that nobody misses the first of a kind.
fn from_zero(counters: IntCounterVec, values: &[&str]) -> IntCounterVec {
    for value in values {
        counters.with_label_values(&[value]);
    }
    counters
}

/// A closed set: a client makes up methods at will.
#[must_use]
pub fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// The request's own id if it can stand in a log, else a new one.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| request_id_of(id.as_bytes()));
    given.map_or_else(|| uuid::Uuid::now_v7().to_string(), Into::into)
}

/// The trace that a request came with.
#[must_use]
pub fn trace_of(headers: &HeaderMap) -> Option<TraceContext> {
    let lines = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    TraceContext::read(lines(TRACEPARENT), lines(TRACESTATE))
}

/// Of an answer's body, as far as its length is known. That of an answer to HEAD is taken off later.
#[must_use]
pub fn body_bytes(method: &str, answer: &Response) -> u64 {
    if method == "HEAD" { 0 } else { answer.body().size_hint().lower() }
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    register(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

fn register<C: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
