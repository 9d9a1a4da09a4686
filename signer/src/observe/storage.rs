//! The series of storage beside the catalog.

use super::{counters, from_zero, register};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// What was compared, found and given up.
pub(crate) struct StorageMetrics {
    checks: IntCounterVec,
    checked_at: IntGauge,
    findings: IntGaugeVec,
    removed: IntCounterVec,
    pub(crate) given_up: IntCounter,
    pub(crate) sweep_failures: IntCounter,
}

impl StorageMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counters = |name, help, label| counters(registry, name, help, &[label]);
        let counter = |name: &str, help: &str| register(registry, IntCounter::new(name, help)?);
        let findings = Opts::new("signer_storage_findings", "What this process's last comparison found and left.");
        let checked_at = "When this process last compared storage with the catalog, in Unix seconds; 0 before.";
        let checked_at = IntGauge::new("signer_storage_check_timestamp_seconds", checked_at)?;
        let metrics = Self {
            checks: from_zero(
                counters(
                    "signer_storage_checks_total",
                    "Comparisons of storage with the catalog, by how they ended.",
                    "result",
                )?,
                &["clean", "found", "failed"],
            ),
            checked_at: register(registry, checked_at)?,
            findings: register(registry, IntGaugeVec::new(findings, &["kind"])?)?,
            removed: from_zero(
                counters(
                    "signer_storage_orphans_removed_total",
                    "What belonged to no file and no upload and was removed.",
                    "kind",
                )?,
                &["object", "staged", "tail", "incoming", "multipart"],
            ),
            given_up: counter(
                "signer_storage_given_up_total",
                "Ended files and uploads whose storage was given up in the background.",
            )?,
            sweep_failures: counter(
                "signer_storage_sweep_failures_total",
                "Times that storage could not be given up of what has ended.",
            )?,
        };
        metrics.found([("orphan", 0), ("missing", 0), ("changed", 0)]);
        Ok(metrics)
    }

    /// A comparison was `clean`, `found` something, or `failed`.
    pub(crate) fn checked(&self, result: &str) {
        self.checks.with_label_values(&[result]).inc();
    }

    /// All of it was compared by this time.
    pub(crate) fn compared(&self, findings: [(&str, u64); 3], unix_seconds: u64) {
        self.found(findings);
        self.checked_at.set(i64::try_from(unix_seconds).unwrap_or(i64::MAX));
    }

    fn found(&self, findings: [(&str, u64); 3]) {
        for (kind, number) in findings {
            self.findings.with_label_values(&[kind]).set(i64::try_from(number).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn orphan_removed(&self, kind: &str) {
        self.removed.with_label_values(&[kind]).inc();
    }
}
