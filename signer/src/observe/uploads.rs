//! The series of uploads.

use super::{UnderWay, counters, from_zero, register};
use crate::error::Error;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};

const BEGUN: &str = "Uploads begun: by form, plain body or TUS, or past the signer.";
const ENDED: &str =
    "Requests that brought an upload, by how they ended; `kept` is some of one, `expired` none any more.";
const RESULTS: [&str; 6] = ["stored", "kept", "refused", "failed", "cut", "expired"];

/// What came in, and what became of it.
pub(crate) struct UploadMetrics {
    begun: IntCounterVec,
    ended: IntCounterVec,
    failures: IntCounterVec,
    received: IntCounter,
    in_flight: IntGauge,
    in_flight_limit: IntGauge,
}

impl UploadMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counters = |name, help, label| counters(registry, name, help, &[label]);
        let gauge = |name: &str, help: &str| register(registry, IntGauge::new(name, help)?);
        let received = IntCounter::new("signer_received_bytes_total", "Bytes of files taken from clients.")?;
        Ok(Self {
            begun: from_zero(
                counters("signer_uploads_begun_total", BEGUN, "by")?,
                &["form", "body", "tus", "presigned"],
            ),
            ended: from_zero(counters("signer_uploads_total", ENDED, "result")?, &RESULTS),
            failures: counters("signer_upload_failures_total", "Uploads refused or failed, by reason.", "code")?,
            received: register(registry, received)?,
            in_flight: gauge("signer_uploads_in_flight", "Requests that are bringing an upload.")?,
            in_flight_limit: gauge("signer_uploads_in_flight_limit", "Those that may do so at once.")?,
        })
    }

    /// At most so many may be under way at once.
    pub(crate) fn bounded(&self, most: usize) {
        self.in_flight_limit.set(i64::try_from(most).unwrap_or(i64::MAX));
    }

    pub(crate) fn begun(&self, by: &str) {
        self.begun.with_label_values(&[by]).inc();
    }

    pub(crate) fn under_way(&self) -> UnderWay {
        UnderWay::begin(&self.in_flight)
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.received.inc_by(bytes as u64);
    }

    pub(crate) fn ended(&self, result: &str) {
        self.ended.with_label_values(&[result]).inc();
    }

    /// Says how it ended: `refused` or `failed`, by who has to act.
    pub(crate) fn failed(&self, error: &Error) -> &'static str {
        let answer = error.answer();
        self.failures.with_label_values(&[answer.code]).inc();
        if answer.status.is_client_error() { "refused" } else { "failed" }
    }

    /// Uploads that nobody went on with.
    pub(crate) fn expired(&self, number: u64) {
        self.ended.with_label_values(&["expired"]).inc_by(number);
    }
}
