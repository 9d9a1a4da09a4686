//! Deletions that were begun and not finished: of a file, the row says `deleted` and the object may still be there; of
//! a user, files may still be listed. Finished beside the first requests, and tried again every minute; changes that no
//! gateway waits for any more go too, and idempotency keys that have outlived their day.

use crate::{Signer, clock};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_secs(60);
/// How long a change is kept. A gateway that was away for longer drops all that it remembers.
const CHANGES_KEPT: i64 = 24 * 60 * 60 * 1000;
/// How long the identity provider's messages are known again; its sender gives up after days.
const MESSAGES_KEPT: i64 = 30 * 24 * 60 * 60 * 1000;
/// By then an upload that began before its user's deletion is listed, or never will be.
const SETTLED_AFTER: i64 = 5 * 60 * 1000;
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
            tokio::select! {
                _ = minute.tick() => {}
                () = self.0.sweep_wanted.notified() => {}
            }
            if let Err(error) = self.delete_files_of_deleted_users().await {
                tracing::warn!(%error, "files of deleted users cannot be deleted yet");
            }
            self.finish_deletions().await;
            if let Err(error) = self.forget().await {
                tracing::warn!(%error, "old changes, keys and messages cannot be forgotten");
            }
        }
    }

    /// Does not wait for the next minute.
    pub(crate) fn sweep_soon(&self) {
        self.0.sweep_wanted.notify_one();
    }

    async fn forget(&self) -> sqlx::Result<()> {
        let now = clock::unix_millis();
        self.catalog().trim_changes(now - CHANGES_KEPT).await?;
        self.catalog().forget_keys(now).await?;
        self.catalog().forget_messages(now - MESSAGES_KEPT).await.map(drop)
    }

    /// Takes every file of every deleted user from them. What was begun and not ended is found again the next time.
    async fn delete_files_of_deleted_users(&self) -> sqlx::Result<()> {
        let (catalog, mut after) = (self.catalog(), String::new());
        loop {
            let settled = clock::unix_millis() - SETTLED_AFTER;
            let batch = catalog.users_with_files_to_go(&after, settled, BATCH).await?;
            let Some((last, _)) = batch.last() else { return Ok(()) };
            after = last.to_string();
            for (user, is_settled) in batch {
                while catalog.mark_files_deleted(&user, clock::unix_millis(), BATCH).await? > 0 {}
                if is_settled {
                    catalog.files_are_gone(&user, clock::unix_millis()).await?;
                }
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
