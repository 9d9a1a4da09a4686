//! What an operator sees: log lines and metrics. Neither ever holds a token, a signature, a query, or an id as a
//! label.

use crate::error::Error;
use axum::http::Method;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
    process_collector::ProcessCollector,
};
use proto::log_line::{Format, Lines};
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

/// Every series of the signer.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    uploads: IntCounterVec,
    received: IntCounter,
    tokens: IntCounterVec,
    key_fetches: IntCounterVec,
    webhooks: IntCounterVec,
    limited: IntCounterVec,
    counts: IntCounterVec,
    checks: IntCounterVec,
    findings: IntGaugeVec,
    removed: IntCounterVec,
    pub(crate) spans: traces::Counts,
}

impl Metrics {
    pub(crate) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counters = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let seconds = HistogramOpts::new("signer_request_duration_seconds", "From a request's head to its answer.")
            .buckets(vec![0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0]);
        let build = counters("signer_build_info", "Always 1; the label names the build.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).inc();
        registry.register(Box::new(ProcessCollector::new(std::process::id().cast_signed(), "signer")))?;
        Ok(Self {
            requests: counters("signer_requests_total", "Requests answered.", &["route", "method", "status"])?,
            seconds: register(&registry, HistogramVec::new(seconds, &["route"])?)?,
            uploads: counters("signer_uploads_total", "Uploads, by how they ended.", &["result"])?,
            received: register(
                &registry,
                IntCounter::new("signer_received_bytes_total", "Bytes of files taken from clients.")?,
            )?,
            tokens: counters("signer_tokens_total", "Tokens judged; the code is `ok` or the refusal's.", &["code"])?,
            key_fetches: counters(
                "signer_key_fetches_total",
                "Fetches of the key set, by how they ended.",
                &["result"],
            )?,
            webhooks: counters(
                "signer_webhooks_total",
                "Messages of the identity provider; the result is what they did, or the refusal's code.",
                &["result"],
            )?,
            limited: counters("signer_rate_limited_total", "Requests past a limit, by whose it was.", &["of"])?,
            counts: counters(
                "signer_rate_limit_counts_total",
                "Calls counted with REDIS_URL set, by where; `process` while Redis is away.",
                &["in"],
            )?,
            checks: counters(
                "signer_storage_checks_total",
                "Comparisons of storage with the catalog, by how they ended.",
                &["result"],
            )?,
            findings: register(
                &registry,
                IntGaugeVec::new(
                    Opts::new("signer_storage_findings", "What the last comparison found and left, in this process."),
                    &["kind"],
                )?,
            )?,
            removed: counters(
                "signer_storage_orphans_removed_total",
                "What belonged to no file and no upload and was removed.",
                &["kind"],
            )?,
            spans: traces::Counts::register(&registry, "signer")?,
            registry,
        })
    }

    pub(crate) fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[route, method, &status.to_string()]).inc();
        self.seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    pub(crate) fn token(&self, refusal: Option<&Error>) {
        self.tokens.with_label_values(&[refusal.map_or("ok", |error| error.answer().code)]).inc();
    }

    pub(crate) fn key_fetches(&self) -> &IntCounterVec {
        &self.key_fetches
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

    pub(crate) fn upload(&self, result: &str) {
        self.uploads.with_label_values(&[result]).inc();
    }

    /// Uploads that nobody went on with.
    pub(crate) fn uploads_expired(&self, number: u64) {
        self.uploads.with_label_values(&["expired"]).inc_by(number);
    }

    /// A comparison of storage with the catalog that was `clean`, `found` something, or `failed`.
    pub(crate) fn storage_check(&self, result: &str) {
        self.checks.with_label_values(&[result]).inc();
    }

    pub(crate) fn storage_findings(&self, findings: [(&str, u64); 3]) {
        for (kind, number) in findings {
            self.findings.with_label_values(&[kind]).set(i64::try_from(number).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn orphan_removed(&self, kind: &str) {
        self.removed.with_label_values(&[kind]).inc();
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.received.inc_by(bytes as u64);
    }

    /// All series, in Prometheus' text format.
    pub(crate) fn text(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
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

fn register<C: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
