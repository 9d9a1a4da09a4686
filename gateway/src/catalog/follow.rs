//! Following the `changes` feed: once a second, and at once where Postgres says so.

use super::{Catalog, feed::Outcome, rows::Change};
use crate::{clock::since_epoch, observe::FeedMetrics};
use proto::{
    catalog::FEED_CHANNEL,
    id::{FileId, UserId},
};
use sqlx::postgres::PgListener;
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};
use tokio::time::{sleep_until, timeout_at};

const PAUSE: Duration = Duration::from_secs(1);
/// Rows read at once.
const BATCH: i64 = 500;

/// Who reads the feed, and how far it has come.
pub(crate) struct Follower<'a> {
    catalog: &'a Catalog,
    metrics: &'a FeedMetrics,
    position: Position,
    listener: Option<PgListener>,
    /// The look to come is for what the listener was told.
    is_notified: bool,
    /// What the last batch named: a look-up that was under way may have put it back.
    named: Named,
    is_lost: bool,
}

/// How far the feed was read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Position {
    /// It was not looked at yet.
    Nowhere,
    /// There was no row.
    Beginning,
    /// The last row that was read.
    Behind(Change),
}

/// What changes name.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) files: HashSet<FileId>,
    pub(super) users: HashSet<UserId>,
}

impl<'a> Follower<'a> {
    pub(crate) fn new(catalog: &'a Catalog, metrics: &'a FeedMetrics) -> Self {
        Self {
            catalog,
            metrics,
            position: Position::Nowhere,
            listener: None,
            is_notified: false,
            named: Named::default(),
            is_lost: false,
        }
    }

    /// Waits for the next look. A listener that is lost, or cannot be had, costs nothing but the second between two looks.
    pub(crate) async fn wait(&mut self) {
        let next = tokio::time::Instant::now() + PAUSE;
        if self.listener.is_none() && !self.is_lost {
            let listening = self.catalog.database.listen(FEED_CHANNEL);
            self.listener = timeout_at(next, listening).await.ok().flatten();
        }
        self.is_notified = false;
        let Some(listener) = &mut self.listener else { return sleep_until(next).await };
        match timeout_at(next, listener.try_recv()).await {
            Err(_) => {}
            Ok(Ok(Some(_))) => {
                while listener.next_buffered().is_some() {}
                self.is_notified = true;
            }
            Ok(Ok(None) | Err(_)) => self.listener = None,
        }
    }

    /// Reads what is new. True if anything changed, so that whoever waits for its client should look.
    pub(crate) async fn look(&mut self) -> bool {
        let began = Instant::now();
        match self.read().await {
            Ok(has_changed) => {
                self.catalog.feed.was_read(began);
                // A network that swallows packets does not say that nobody listens any more.
                if has_changed && !self.is_notified {
                    self.listener = None;
                }
                if std::mem::take(&mut self.is_lost) {
                    tracing::info!("the feed of changes is read again");
                }
                self.metrics.read(self.position.number());
                has_changed
            }
            Err(error) => {
                self.metrics.failed();
                if !std::mem::replace(&mut self.is_lost, true) {
                    tracing::warn!(%error, "the feed of changes cannot be read");
                }
                false
            }
        }
    }

    async fn read(&mut self) -> Result<bool, sqlx::Error> {
        self.catalog.drop_named(&std::mem::take(&mut self.named));
        if self.catalog.database.was_replaced() {
            tracing::warn!("the catalog is another file than before");
            return self.begin_behind_a_gap().await;
        }
        if self.position == Position::Nowhere {
            return self.begin_anew().await;
        }
        let mut changes = self.catalog.database.changes(self.position.number(), BATCH).await?;
        if !self.position.is_gone_on_from_by(&changes) {
            return self.begin_behind_a_gap().await;
        }
        let last = self.position.number();
        changes.retain(|change| change.number > last);
        if let Some(newest) = changes.last() {
            let newest = newest.clone();
            self.apply(&changes).await?;
            self.position = Position::Behind(newest);
            if i64::try_from(changes.len()).is_ok_and(|length| length >= BATCH - 1) {
                return Box::pin(self.read()).await.map(|_| true);
            }
        }
        Ok(!changes.is_empty())
    }

    async fn begin_behind_a_gap(&mut self) -> Result<bool, sqlx::Error> {
        tracing::warn!("changes were missed; nothing that was remembered is believed");
        self.metrics.gap();
        self.position = Position::Nowhere;
        self.begin_anew().await
    }

    /// From the feed's end on, with nothing remembered.
    async fn begin_anew(&mut self) -> Result<bool, sqlx::Error> {
        self.position = self.catalog.database.newest_change().await?.map_or(Position::Beginning, Position::Behind);
        self.catalog.forget_all();
        self.catalog.feed.tell_of_a_gap();
        self.catalog.forget_all();
        Ok(true)
    }

    /// In this order, so that nobody is admitted by what was remembered and hears nothing of the change.
    async fn apply(&mut self, changes: &[Change]) -> Result<(), sqlx::Error> {
        let mut named = Named::default();
        named.files.extend(changes.iter().filter_map(|change| change.file.clone()));
        named.users.extend(changes.iter().filter_map(|change| change.user.clone()));
        let outcomes = self.outcomes(&named).await?;
        self.catalog.drop_named(&named);
        self.catalog.feed.tell(outcomes);
        self.catalog.drop_named(&named);
        let now = since_epoch();
        changes.iter().for_each(|change| self.metrics.heeded(change.at, now));
        self.named = named;
        Ok(())
    }

    async fn outcomes(&self, named: &Named) -> Result<Vec<Outcome>, sqlx::Error> {
        let (files, users): (Vec<_>, Vec<_>) = (named.files.iter().collect(), named.users.iter().collect());
        let mut found = HashSet::new();
        let mut outcomes = Vec::with_capacity(files.len() + users.len());
        if !files.is_empty() {
            for (file, entry) in self.catalog.database.files(&files).await? {
                found.insert(file.clone());
                outcomes.push(Outcome::File(file, Some(entry)));
            }
        }
        let gone = files.into_iter().filter(|file| !found.contains(*file));
        outcomes.extend(gone.map(|file| Outcome::File(file.clone(), None)));
        if !users.is_empty() {
            let standings = self.catalog.database.users(&users).await?;
            outcomes.extend(standings.into_iter().map(|(user, standing)| Outcome::User(user, standing)));
        }
        Ok(outcomes)
    }
}

impl Position {
    /// 0 before the first row.
    fn number(&self) -> i64 {
        match self {
            Self::Nowhere | Self::Beginning => 0,
            Self::Behind(last) => last.number,
        }
    }

    /// Whether these, read from the last row on, are of the same feed, and none between is missing.
    fn is_gone_on_from_by(&self, changes: &[Change]) -> bool {
        match self {
            Self::Nowhere => false,
            Self::Beginning => changes.first().is_none_or(|change| change.number == 1),
            Self::Behind(last) => changes.first() == Some(last),
        }
    }
}
