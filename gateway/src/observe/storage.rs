//! The series of a bucket and of the cache before it.

use super::register;
use crate::store::StorageError;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use std::time::Duration;

/// Seconds: of a bucket beside us, and of one that is waited for as long as its bound lets it.
const HEAD: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 2.5, 10.0];

/// What was asked of the bucket.
#[derive(Clone)]
pub(crate) struct OriginMetrics {
    ok: IntCounter,
    missing: IntCounter,
    changed: IntCounter,
    nonsense: IntCounter,
    unavailable: IntCounter,
    timed_out: IntCounter,
    head_seconds: Histogram,
    pub(crate) received: IntCounter,
    pub(crate) repeats: IntCounter,
    pub(crate) resumes: IntCounter,
}

impl OriginMetrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| register(registry, IntCounter::new(name, help)?);
        let help = "Requests to the bucket, by how their head was.";
        let requests = IntCounterVec::new(Opts::new("gateway_origin_requests_total", help), &["result"])?;
        let requests = register(registry, requests)?;
        let of = |result: &str| requests.with_label_values(&[result]);
        let help = "From a request to the bucket to the head of its answer, with what had to be tried again.";
        let head = HistogramOpts::new("gateway_origin_head_seconds", help).buckets(HEAD.into());
        Ok(Self {
            ok: of("ok"),
            missing: of("missing"),
            changed: of("changed"),
            nonsense: of("error"),
            unavailable: of("unavailable"),
            timed_out: of("timeout"),
            head_seconds: register(registry, Histogram::with_opts(head)?)?,
            received: counter("gateway_origin_received_bytes_total", "Bytes of bodies that the bucket sent.")?,
            repeats: counter("gateway_origin_retries_total", "Requests to the bucket that were sent once more.")?,
            resumes: counter(
                "gateway_origin_resumes_total",
                "Bodies from the bucket that broke off and were asked for again from there.",
            )?,
        })
    }

    /// A request's head has come, or its failure.
    pub(crate) fn asked(&self, error: Option<&StorageError>, took: Duration) {
        self.head_seconds.observe(took.as_secs_f64());
        let result = match error {
            None => &self.ok,
            Some(StorageError::Missing) => &self.missing,
            Some(StorageError::Changed) => &self.changed,
            Some(StorageError::Nonsense(_) | StorageError::Truncated) => &self.nonsense,
            Some(StorageError::Unavailable(_)) => &self.unavailable,
            Some(StorageError::TimedOut) => &self.timed_out,
        };
        result.inc();
    }
}

/// What the chunk cache did.
#[derive(Clone)]
pub(crate) struct CacheMetrics {
    pub(crate) hits: IntCounter,
    pub(crate) misses: IntCounter,
    pub(crate) evictions: IntCounter,
    pub(crate) bytes: IntGauge,
    pub(crate) bytes_limit: IntGauge,
    pub(crate) failures: IntCounter,
    pub(crate) corrupt: IntCounter,
    pub(crate) unfilled: Unfilled,
}

/// Chunks that were begun and not kept, by what was lacking.
#[derive(Clone)]
pub(crate) struct Unfilled {
    pub(crate) origin: IntCounter,
    pub(crate) disk: IntCounter,
    pub(crate) reader: IntCounter,
}

impl Unfilled {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let help = "Chunks that were begun and not kept, by what failed: the bucket, the disk, or every reader left.";
        let failures = Opts::new("gateway_cache_fill_failures_total", help);
        let failures = register(registry, IntCounterVec::new(failures, &["reason"])?)?;
        let of = |reason: &str| failures.with_label_values(&[reason]);
        Ok(Self { origin: of("origin"), disk: of("disk"), reader: of("abandoned") })
    }
}

impl CacheMetrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| register(registry, IntCounter::new(name, help)?);
        let gauge = |name: &str, help: &str| register(registry, IntGauge::new(name, help)?);
        Ok(Self {
            hits: counter("gateway_cache_hits_total", "Chunks that a reader found in the cache.")?,
            misses: counter("gateway_cache_misses_total", "Chunks that were asked of the bucket to be cached.")?,
            evictions: counter("gateway_cache_evictions_total", "Chunks that had to make room for others.")?,
            bytes: gauge("gateway_cache_bytes", "Disk that the cached chunks take, those on their way included.")?,
            bytes_limit: gauge("gateway_cache_limit_bytes", "Disk that they may take; 0 without a cache.")?,
            failures: counter(
                "gateway_cache_failures_total",
                "Times the cache's disk failed and the bucket was read instead.",
            )?,
            corrupt: counter(
                "gateway_cache_corrupt_total",
                "Cached chunks thrown away because their bytes were not right.",
            )?,
            unfilled: Unfilled::register(registry)?,
        })
    }
}
