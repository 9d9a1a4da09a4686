//! What an operator sees: metrics, and one log line an exchange. Nothing here ever sees a query or a header's value.

mod feed;
mod line;
mod storage;
mod traffic;

pub(crate) use feed::FeedMetrics;
pub(crate) use storage::{CacheMetrics, OriginMetrics};

use crate::{
    body::Way,
    in_flight::Place,
    reject::Reject,
    request_id::RequestId,
    store::{ReadError, Source},
};
use http::{Method, StatusCode};
use line::Trouble;
use prometheus::{
    Encoder, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder, process_collector::ProcessCollector,
};
use proto::{
    log_line::{Format, Lines},
    trace_context::TraceContext,
};
use std::{sync::Arc, time::Instant};
use traces::Trace;
use tracing_subscriber::EnvFilter;
use traffic::Traffic;

/// The route of files, as labels have it.
const FILE_ROUTE: &str = "/files/secure/{fileId}";
/// What is no route of ours.
const NO_ROUTE: &str = "unmatched";

/// Sends log lines to standard error, as text or as JSON.
///
/// # Errors
/// A filter that does not parse, or logging that was set up before.
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

/// Every series of the gateway.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    /// Of `requests`, those that are most: found without looking labels up.
    parts: IntCounter,
    refusals: IntCounterVec,
    broken: IntCounterVec,
    traffic: Traffic,
    in_flight: IntGauge,
    pub(crate) in_flight_limit: IntGauge,
    pub(crate) connections: IntGauge,
    pub(crate) connections_limit: IntGauge,
    pub(crate) accepted: IntCounter,
    pub(crate) accept_errors: IntCounter,
    pub(crate) handshake_errors: IntCounter,
    pub(crate) refused_peers: IntCounter,
    certificate_expiry: IntGauge,
    pub(crate) origin: OriginMetrics,
    pub(crate) cache: CacheMetrics,
    pub(crate) feed: FeedMetrics,
    pub(crate) spans: traces::Counts,
}

impl Metrics {
    pub(crate) fn new() -> prometheus::Result<Arc<Self>> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| register(&registry, IntCounter::new(name, help)?);
        let counters = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let gauge = |name: &str, help: &str| register(&registry, IntGauge::new(name, help)?);
        let build = Opts::new("gateway_build_info", "Always 1; the label names the build.");
        register(&registry, IntGauge::with_opts(build.const_label("version", env!("CARGO_PKG_VERSION")))?)?.set(1);
        registry.register(Box::new(ProcessCollector::new(std::process::id().cast_signed(), "gateway")))?;
        let refused = "Connections closed at once, by the bound they are past.";
        let refused = counters("gateway_refused_connections_total", refused, &["reason"])?;
        let expiry = "When the certificate expires, in Unix seconds.";
        let broken = counters("gateway_broken_bodies_total", "Bodies cut before their end, by reason.", &["reason"])?;
        for reason in ["truncated", "changed", "failed", "revoked", "client_gone"] {
            // From 0 on, so that nobody misses the first of a kind.
            broken.with_label_values(&[reason]);
        }
        let requests = counters("gateway_requests_total", "Requests answered.", &["route", "method", "status"])?;
        Ok(Arc::new(Self {
            parts: requests.with_label_values(&[FILE_ROUTE, "GET", "206"]),
            requests,
            refusals: counters("gateway_refusals_total", "Requests refused, by reason.", &["code"])?,
            broken,
            traffic: Traffic::register(&registry)?,
            in_flight: gauge("gateway_requests_in_flight", "Requests being answered, to the last byte of each.")?,
            in_flight_limit: gauge("gateway_requests_in_flight_limit", "Requests that may be answered at once.")?,
            connections: gauge("gateway_connections", "Open connections.")?,
            connections_limit: gauge("gateway_connections_limit", "Connections that may be open at once.")?,
            accepted: counter("gateway_connections_total", "Connections accepted.")?,
            accept_errors: counter("gateway_accept_errors_total", "Connections that could not be accepted.")?,
            handshake_errors: counter(
                "gateway_tls_handshake_errors_total",
                "Connections that ended in their handshake.",
            )?,
            refused_peers: refused.with_label_values(&["peer"]),
            certificate_expiry: IntGauge::new("gateway_tls_certificate_expiry_timestamp_seconds", expiry)?,
            origin: OriginMetrics::register(&registry)?,
            cache: CacheMetrics::register(&registry)?,
            feed: FeedMetrics::register(&registry)?,
            spans: traces::Counts::register(&registry, "gateway")?,
            registry,
        }))
    }

    /// There is such a series only where there is a certificate: an alarm on it must not go off anywhere else.
    pub(crate) fn certificate_expires(&self, unix_seconds: i64) {
        // Registered at the first call, and then there.
        let _ = self.registry.register(Box::new(self.certificate_expiry.clone()));
        self.certificate_expiry.set(unix_seconds);
    }

    /// In the Prometheus text format.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::warn!(%error, "metrics cannot be written");
        }
        text
    }

    /// An exchange begins.
    pub(crate) fn begin(
        self: &Arc<Self>,
        method: &Method,
        request_id: RequestId,
        trace: Trace,
        started: Instant,
    ) -> Exchange {
        self.in_flight.inc();
        Exchange {
            metrics: Arc::clone(self),
            route: NO_ROUTE,
            method: method_label(method),
            request_id,
            trace,
            started,
            // Until there is an answer: nginx's number for a client that left before it.
            status: StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            bytes: 0,
            unsent: 0,
            has_begun: false,
            broken: None,
            trouble: Trouble::default(),
            place: None,
        }
    }
}

impl Metrics {
    /// What is no request was answered.
    pub(crate) fn malformed(&self, status: StatusCode) {
        self.answered(NO_ROUTE, "other", status);
    }

    fn answered(&self, route: &'static str, method: &'static str, status: StatusCode) {
        match (method, status) {
            // Nothing but a file has parts.
            ("GET", StatusCode::PARTIAL_CONTENT) => self.parts.inc(),
            _ => self.requests.with_label_values(&[route, method, status.as_str()]).inc(),
        }
    }
}

fn register<T: prometheus::core::Collector + Clone + 'static>(registry: &Registry, series: T) -> prometheus::Result<T> {
    registry.register(Box::new(series.clone()))?;
    Ok(series)
}

/// One request and its answer, from head to last byte. What is to be given back at the end hangs on it.
pub(crate) struct Exchange {
    metrics: Arc<Metrics>,
    route: &'static str,
    method: &'static str,
    request_id: RequestId,
    trace: Trace,
    started: Instant,
    status: StatusCode,
    bytes: u64,
    unsent: u64,
    /// Something of a file has gone out.
    has_begun: bool,
    broken: Option<&'static str>,
    trouble: Trouble,
    place: Option<Place>,
}

impl Exchange {
    /// It is for a file.
    pub(crate) fn is_for_file(&mut self) {
        self.route = FILE_ROUTE;
    }

    /// Keeps the place among those in flight until the end.
    pub(crate) fn hold(&mut self, place: Place) {
        self.place = Some(place);
    }

    /// What is asked of storage is asked for this trace.
    pub(crate) fn trace(&self) -> Option<&Arc<TraceContext>> {
        self.trace.context()
    }

    pub(crate) fn refused(&mut self, reject: &Reject) {
        self.metrics.refusals.with_label_values(&[reject.code()]).inc();
        self.trouble = Trouble::of_refusal(reject);
    }

    /// The head is made; `unsent` bytes are to follow it.
    pub(crate) fn answered(&mut self, status: StatusCode, unsent: u64) {
        self.status = status;
        self.unsent = unsent;
    }

    /// `bytes` more have gone out; without a source they are of no file.
    pub(crate) fn sent(&mut self, bytes: u64, source: Option<Source>, way: Way) {
        self.bytes += bytes;
        self.unsent = self.unsent.saturating_sub(bytes);
        self.metrics.traffic.sent(bytes, source, way);
        if let (false, 1.., Some(source)) = (self.has_begun, bytes, source) {
            self.has_begun = true;
            self.metrics.traffic.begun(source, self.started.elapsed());
        }
    }

    /// Whether anything of the body has gone out.
    pub(crate) fn has_sent(&self) -> bool {
        self.bytes > 0
    }

    /// The body ends before its length: the connection will be cut.
    pub(crate) fn broke_off(&mut self, error: &ReadError) {
        let reason = match error {
            ReadError::Truncated => "truncated",
            ReadError::Changed => "changed",
            ReadError::Failed(_) => "failed",
            ReadError::Revoked => "revoked",
        };
        self.broken = Some(reason);
        self.trouble = Trouble::of_body(error);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let end = match self.broken {
            Some(reason) => reason,
            None if self.unsent > 0 => "client_gone",
            None => "whole",
        };
        if end != "whole" {
            self.metrics.broken.with_label_values(&[end]).inc();
        }
        let elapsed = self.started.elapsed();
        self.metrics.in_flight.dec();
        self.metrics.traffic.seconds.observe(elapsed.as_secs_f64());
        self.metrics.answered(self.route, self.method, self.status);
        self.tell(end, elapsed);
    }
}

/// A closed set: a client makes up methods at will.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
