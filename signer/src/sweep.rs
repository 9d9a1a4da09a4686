//! What rows say is to end, and ends that were begun. Done beside the first requests, and again every minute:
//!
//! - files of a deleted user, files that are outlived, and uploads that nobody goes on with come to their end;
//! - what ended gives up its storage: a file that is `deleted`, an upload that is `expired`;
//! - changes that no gateway waits for any more, idempotency keys and uploads that have outlived their day are forgotten.
//!
//! What no row tells of is for [`crate::upkeep`] to find.

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

/// Rows whose storage is to go.
#[derive(Debug, Clone, Copy)]
enum Ended {
    /// `deleted` ones.
    Files,
    /// `expired` ones.
    Uploads,
}

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
            if let Err(error) = self.end_what_is_due().await {
                tracing::warn!(%error, "files and uploads cannot be ended yet");
            }
            self.finish(Ended::Files).await;
            self.finish(Ended::Uploads).await;
            if let Err(error) = self.forget().await {
                tracing::warn!(%error, "old changes, keys, messages and uploads cannot be forgotten");
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
        self.catalog().forget_uploads(now).await?;
        self.catalog().forget_messages(now - MESSAGES_KEPT).await.map(drop)
    }

    async fn end_what_is_due(&self) -> sqlx::Result<()> {
        self.delete_files_of_deleted_users().await?;
        while self.catalog().mark_outlived_deleted(clock::unix_millis(), BATCH).await? > 0 {}
        loop {
            let expired = self.catalog().expire_uploads(clock::unix_millis(), BATCH).await?;
            self.metrics().uploads.expired(expired);
            if expired == 0 {
                return Ok(());
            }
        }
    }

    /// Takes every file and every upload of every deleted user from them. What was begun and not ended is found again
    /// the next time.
    async fn delete_files_of_deleted_users(&self) -> sqlx::Result<()> {
        let (catalog, mut after) = (self.catalog(), String::new());
        loop {
            let settled = clock::unix_millis() - SETTLED_AFTER;
            let batch = catalog.users_with_files_to_go(&after, settled, BATCH).await?;
            let Some((last, _)) = batch.last() else { return Ok(()) };
            after = last.to_string();
            for (user, is_settled) in batch {
                catalog.end_uploads_of(&user).await?;
                while catalog.mark_files_deleted(&user, clock::unix_millis(), BATCH).await? > 0 {}
                if is_settled {
                    catalog.files_are_gone(&user, clock::unix_millis()).await?;
                }
            }
        }
    }

    /// Storage gives up what is of ended rows. One that it cannot give up does not hold up the others.
    async fn finish(&self, ended: Ended) {
        let (mut after, mut failures) = (String::new(), 0);
        loop {
            let batch = match ended {
                Ended::Files => self.catalog().deleted(&after, BATCH).await,
                Ended::Uploads => self.catalog().ended_uploads(&after, BATCH).await,
            };
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => return tracing::warn!(%error, "{ended:?} whose end is unfinished cannot be read"),
            };
            let Some((last, _)) = batch.last() else { return };
            after.clone_from(last);
            for (id, key) in batch {
                let finished = match ended {
                    Ended::Files => self.purge(&id, &key).await,
                    Ended::Uploads => self.clear_upload(&id, &key).await,
                };
                match finished {
                    Ok(()) => {
                        self.metrics().storage.given_up.inc();
                        failures = 0;
                    }
                    Err(error) => {
                        tracing::warn!(file = id, %error, "storage still holds something of what has ended");
                        self.metrics().storage.sweep_failures.inc();
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
