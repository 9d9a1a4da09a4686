//! What goes out: bytes by where they are from and how they left, and how soon the first of a file did.

use super::register;
use crate::{body::Way, store::Source};
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};
use std::time::Duration;

/// Seconds to a file's first byte: of a hot one under a millisecond, of a cold one what its storage takes.
const FIRST_BYTE: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Seconds of an answer: a range of an image, or a film at the pace at which it is watched.
const ANSWER: [f64; 11] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 300.0, 1800.0, 7200.0];

/// Found without looking labels up.
pub(crate) struct Traffic {
    folder: Served,
    cache: Served,
    origin: Served,
    /// What is of no file: texts of errors, and what stands between ranges.
    own: IntCounter,
    pub(super) seconds: Histogram,
}

/// Of one source.
struct Served {
    sendfile: IntCounter,
    copy: IntCounter,
    first_byte: Histogram,
}

impl Traffic {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let help = "Bytes of bodies handed to connections, by where they are from and how they left; `gateway` is what is \
             of no file.";
        let sent = Opts::new("gateway_sent_bytes_total", help);
        let sent = register(registry, IntCounterVec::new(sent, &["source", "path"])?)?;
        let help = "From a request's head to the first byte of the file, by where that is from.";
        let first = HistogramOpts::new("gateway_first_byte_seconds", help).buckets(FIRST_BYTE.into());
        let first = register(registry, HistogramVec::new(first, &["source"])?)?;
        let help = "From a request's head to the end of its answer.";
        let seconds = HistogramOpts::new("gateway_request_duration_seconds", help).buckets(ANSWER.into());
        let served = |source: &str| Served {
            sendfile: sent.with_label_values(&[source, "sendfile"]),
            copy: sent.with_label_values(&[source, "copy"]),
            first_byte: first.with_label_values(&[source]),
        };
        Ok(Self {
            folder: served("folder"),
            cache: served("cache"),
            origin: served("origin"),
            own: sent.with_label_values(&["gateway", "copy"]),
            seconds: register(registry, Histogram::with_opts(seconds)?)?,
        })
    }

    /// `source` is none of what is of no file.
    pub(super) fn sent(&self, bytes: u64, source: Option<Source>, way: Way) {
        let served = source.map(|source| self.of(source));
        let counter = match (served, way) {
            (None, _) => &self.own,
            (Some(served), Way::Sendfile) => &served.sendfile,
            (Some(served), Way::Copy) => &served.copy,
        };
        counter.inc_by(bytes);
    }

    pub(super) fn begun(&self, source: Source, after: Duration) {
        self.of(source).first_byte.observe(after.as_secs_f64());
    }

    fn of(&self, source: Source) -> &Served {
        match source {
            Source::Folder => &self.folder,
            Source::Cache => &self.cache,
            Source::Origin => &self.origin,
        }
    }
}
