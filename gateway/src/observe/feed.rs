//! What is counted of the feed of changes.

use super::register;
use crate::clock::Now;
use prometheus::{IntCounter, IntGauge, Registry};

/// How far the feed was read, and when.
#[derive(Debug, Clone)]
pub(crate) struct FeedMetrics {
    position: IntGauge,
    read_at: IntGauge,
    changes: IntCounter,
    errors: IntCounter,
    gaps: IntCounter,
}

impl FeedMetrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| register(registry, IntCounter::new(name, help)?);
        let gauge = |name: &str, help: &str| register(registry, IntGauge::new(name, help)?);
        Ok(Self {
            position: gauge("gateway_feed_position", "The last change that was read of the catalog's feed.")?,
            read_at: gauge("gateway_feed_read_timestamp_seconds", "When the feed was last read, in Unix seconds.")?,
            changes: counter("gateway_feed_changes_total", "Changes read of the feed.")?,
            errors: counter("gateway_feed_errors_total", "Times that the feed could not be read.")?,
            gaps: counter("gateway_feed_gaps_total", "Times that changes were missed and all was forgotten.")?,
        })
    }

    /// Up to the change of this number.
    pub(crate) fn read(&self, position: i64) {
        self.position.set(position);
        self.read_at.set(i64::try_from(Now::read().unix_seconds).unwrap_or(i64::MAX));
    }

    pub(crate) fn changes(&self, count: usize) {
        self.changes.inc_by(count as u64);
    }

    pub(crate) fn failed(&self) {
        self.errors.inc();
    }

    pub(crate) fn gap(&self) {
        self.gaps.inc();
    }
}
