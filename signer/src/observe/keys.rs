//! The series of the keys that are fetched.

use super::register;
use prometheus::{IntCounterVec, IntGauge, Opts, Registry};

/// What came of fetching keys.
#[derive(Clone)]
pub(crate) struct KeyMetrics {
    registry: Registry,
    fetches: IntCounterVec,
    fetched_at: IntGauge,
}

impl KeyMetrics {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let fetches = Opts::new("signer_key_fetches_total", "Fetches of the key set, by how they ended.");
        let fetched_at = "When the key set was last fetched, in Unix seconds; 0 before the first.";
        Ok(Self {
            registry: registry.clone(),
            fetches: register(registry, IntCounterVec::new(fetches, &["result"])?)?,
            fetched_at: IntGauge::new("signer_keys_fetched_timestamp_seconds", fetched_at)?,
        })
    }

    /// Keys are to be fetched. There is a time of that only from here on: an alarm on it must not go off where the key is
    /// in the settings.
    pub(crate) fn expect(&self) {
        // Registered at the first call, and then there.
        let _ = self.registry.register(Box::new(self.fetched_at.clone()));
    }

    /// A fetch ended like this, at this time.
    pub(crate) fn fetched(&self, result: &str, unix_seconds: u64) {
        self.fetches.with_label_values(&[result]).inc();
        if result == "ok" {
            self.fetched_at.set(i64::try_from(unix_seconds).unwrap_or(i64::MAX));
        }
    }
}
