//! Deletions that were begun and not finished: the row says `deleted`, the object may still be there. Finished
//! beside the first requests, and tried again every minute; changes that no gateway waits for any more go too, and
//! idempotency keys that have outlived their day.

use crate::{Signer, clock};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_secs(60);
/// How long a change is kept. A gateway that was away for longer drops all that it remembers.
const CHANGES_KEPT: i64 = 24 * 60 * 60 * 1000;
/// Rows read at a time.
const BATCH: u32 = 100;
/// Failures in a row after which storage is taken to be away.
const PATIENCE: u32 = 3;

impl Signer {
    /// Runs until it is dropped.
    pub(crate) async fn sweep(&self) {
        let mut minute = interval(EVERY);
        minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            minute.tick().await;
            self.finish_deletions().await;
            if let Err(error) = self.catalog().trim_changes(clock::unix_millis() - CHANGES_KEPT).await {
                tracing::warn!(%error, "old changes cannot be forgotten");
            }
            if let Err(error) = self.catalog().forget_keys(clock::unix_millis()).await {
                tracing::warn!(%error, "old idempotency keys cannot be forgotten");
            }
        }
    }

    /// Finishes every deletion it can. One object that cannot be removed does not hold up the others.
    async fn finish_deletions(&self) {
        let (mut after, mut failures) = (String::new(), 0);
        loop {
            let batch = match self.catalog().deleted(&after, BATCH).await {
                Ok(batch) => batch,
                Err(error) => return tracing::warn!(%error, "unfinished deletions cannot be read"),
            };
            let Some((last, _)) = batch.last() else { return };
            after.clone_from(last);
            for (id, key) in batch {
                match self.purge(&id, &key).await {
                    Ok(()) => failures = 0,
                    Err(error) => {
                        tracing::warn!(file = id, %error, "a deletion is still unfinished");
                        failures += 1;
                    }
                }
                if failures == PATIENCE {
                    return;
                }
            }
        }
    }
}
