//! What is counted of the feed of changes.

use super::register;
use crate::clock::Now;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};
use std::time::Duration;

/// Seconds. What ends access is meant to be heard of within two.
const DELAY: [f64; 10] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0];

/// How far the feed was read, and when.
#[derive(Debug, Clone)]
pub(crate) struct FeedMetrics {
    position: IntGauge,
    read_at: IntGauge,
    changes: IntCounter,
    delay: Histogram,
    errors: IntCounter,
    gaps: IntCounter,
}

impl FeedMetrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| register(registry, IntCounter::new(name, help)?);
        let gauge = |name: &str, help: &str| register(registry, IntGauge::new(name, help)?);
        let help = "From a change's writing, by the signer's clock, to its being heeded, by ours.";
        let delay = HistogramOpts::new("gateway_feed_delay_seconds", help).buckets(DELAY.into());
        Ok(Self {
            position: gauge("gateway_feed_position", "The last change that was read of the catalog's feed.")?,
            read_at: gauge("gateway_feed_read_timestamp_seconds", "When the feed was last read, in Unix seconds.")?,
            changes: counter("gateway_feed_changes_total", "Changes read of the feed.")?,
            delay: register(registry, Histogram::with_opts(delay)?)?,
            errors: counter("gateway_feed_errors_total", "Times that the feed could not be read.")?,
            gaps: counter("gateway_feed_gaps_total", "Times that changes were missed and all was forgotten.")?,
        })
    }

    /// Up to the change of this number.
    pub(crate) fn read(&self, position: i64) {
        self.position.set(position);
        self.read_at.set(i64::try_from(Now::read().unix_seconds).unwrap_or(i64::MAX));
    }

    /// A change that was written at this time is heeded from now on.
    pub(crate) fn heeded(&self, written: Duration, now: Duration) {
        self.changes.inc();
        self.delay.observe(now.saturating_sub(written).as_secs_f64());
    }

    pub(crate) fn failed(&self) {
        self.errors.inc();
    }

    pub(crate) fn gap(&self) {
        self.gaps.inc();
    }
}
