//! The series of a bucket and of the cache before it.

use super::register;
use crate::store::StorageError;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// What was asked of the bucket.
#[derive(Clone)]
pub(crate) struct OriginMetrics {
    ok: IntCounter,
    missing: IntCounter,
    changed: IntCounter,
    nonsense: IntCounter,
    unavailable: IntCounter,
    timed_out: IntCounter,
    pub(crate) resumes: IntCounter,
}

impl OriginMetrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let help = "Requests to the bucket, by how their head was.";
        let requests = IntCounterVec::new(Opts::new("gateway_origin_requests_total", help), &["result"])?;
        let requests = register(registry, requests)?;
        let of = |result: &str| requests.with_label_values(&[result]);
        let resumes = "Bodies from the bucket that broke off and were asked for again from there.";
        Ok(Self {
            ok: of("ok"),
            missing: of("missing"),
            changed: of("changed"),
            nonsense: of("error"),
            unavailable: of("unavailable"),
            timed_out: of("timeout"),
            resumes: register(registry, IntCounter::new("gateway_origin_resumes_total", resumes)?)?,
        })
    }

    /// A request's head has come, or its failure.
    pub(crate) fn asked(&self, error: Option<&StorageError>) {
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
    pub(crate) failures: IntCounter,
    pub(crate) corrupt: IntCounter,
}

impl CacheMetrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| register(registry, IntCounter::new(name, help)?);
        let bytes =
            IntGauge::new("gateway_cache_bytes", "Disk that the cached chunks take, those on their way included.")?;
        Ok(Self {
            hits: counter("gateway_cache_hits_total", "Chunks that a reader found in the cache.")?,
            misses: counter("gateway_cache_misses_total", "Chunks that were asked of the bucket to be cached.")?,
            evictions: counter("gateway_cache_evictions_total", "Chunks that had to make room for others.")?,
            bytes: register(registry, bytes)?,
            failures: counter(
                "gateway_cache_failures_total",
                "Times the cache's disk failed and the bucket was read instead.",
            )?,
            corrupt: counter(
                "gateway_cache_corrupt_total",
                "Cached chunks thrown away because their bytes were not right.",
            )?,
        })
    }
}
