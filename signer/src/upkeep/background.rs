//! The same by the clock: gently, and by one signer however many there are.

use super::{
    check::{Check, Pace, Repair},
    finding::{Finding, Removal, Summary, name},
};
use crate::{Signer, clock};
use std::{future::pending, time::Duration};
use tokio::time::{MissedTickBehavior, interval};

/// How often it is asked whose turn it is, at least.
const ASKED_EVERY: Duration = Duration::from_secs(60);
const CHORE: &str = "storage";
const PACE: Pace = Pace { at_once: 2, pauses: true };
/// Objects removed in one turn.
const MOST_OBJECTS: u64 = 100;
/// Findings with a line of their own; the rest are only counted.
const LINES: u64 = 100;

impl Signer {
    /// Runs until it is dropped.
    pub(crate) async fn look_after_storage(&self) {
        let Some(every) = self.config().gc_every else { return pending().await };
        let mut asking = interval(every.min(ASKED_EVERY));
        asking.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let milliseconds = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
        loop {
            asking.tick().await;
            match self.catalog().take_chore(CHORE, milliseconds, clock::unix_millis()).await {
                Ok(false) => {}
                Ok(true) => self.check_storage().await,
                Err(error) => tracing::warn!(%error, "it cannot be asked whether storage is to be looked after"),
            }
        }
    }

    async fn check_storage(&self) {
        let check = Check {
            catalog: self.catalog(),
            storage: self.storage(),
            older_than: self.config().orphan_age.as_secs(),
            repair: Repair::Sparing(MOST_OBJECTS),
            accepts_copies: false,
            pace: PACE,
        };
        let mut lines = 0;
        let mut tell = |finding: &Finding| {
            if let Finding::Orphan { found, removal: Removal::Done, .. } = finding {
                self.metrics().storage.orphan_removed(name(found.kind));
            }
            lines += 1;
            if lines <= LINES {
                tell(finding);
            }
        };
        match check.run(clock::unix_seconds(), &mut tell).await {
            Ok(summary) => self.note(&summary),
            Err(error) => {
                self.metrics().storage.checked("failed");
                tracing::warn!(%error, "storage could not be compared with the catalog");
            }
        }
    }

    fn note(&self, summary: &Summary) {
        let metrics = &self.metrics().storage;
        metrics.checked(if summary.is_clean() { "clean" } else { "found" });
        let left = summary.orphans - summary.removed;
        let findings = [("orphan", left), ("missing", summary.missing), ("changed", summary.changed)];
        metrics.compared(findings, clock::unix_seconds());
        tracing::info!("storage was compared with the catalog: {summary}");
    }
}

/// An orphan is litter; a file without its bytes is for somebody to see.
fn tell(finding: &Finding) {
    match finding {
        Finding::Orphan { removal: Removal::Done, .. } | Finding::Accepted(_) => tracing::info!("{finding}"),
        Finding::Orphan { .. } => tracing::warn!("{finding}"),
        Finding::Missing(_) | Finding::Changed(..) => tracing::error!("{finding}"),
    }
}
