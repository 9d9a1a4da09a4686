//! The catalog as the gateway reads it: one statement a file, asked once however many wait, and remembered for as long
//! as the feed of changes says nothing else.
//!
//! | module | holds |
//! |---|---|
//! | [`database`] | SQLite and Postgres behind one set of statements |
//! | [`sqlite`] | the file behind a name, whichever it is now |
//! | [`rows`] | the statements, and what their rows mean |
//! | [`feed`] | what is known of the feed, and the right of a stream to go on |
//! | [`follow`] | the reading of it |
//! | [`turn`] | who asks again for what is known |

mod database;
mod feed;
mod follow;
mod rows;
mod sqlite;
#[cfg(test)]
mod tests;
mod turn;

pub(crate) use database::checked_url;
pub(crate) use feed::{Feed, Touched, Watch};
pub(crate) use follow::Follower;

use crate::{clock::Now, reject::Reject, response::Described};
use database::{Database, TIMEOUT};
use follow::Named;
use proto::{
    catalog::{FileEntry, SCHEMA_VERSION, UserStanding, admit},
    id::{FileId, UserId},
    signed_url::Grant,
    storage::CatalogUrl,
};
use quick_cache::{Equivalent, sync::Cache};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout;
use turn::Turns;

/// How long a row is believed while the feed is read. Not for ever, should somebody change rows and tell nobody.
const BELIEVED: Duration = Duration::from_secs(10);
/// How long there is believed to be no file: the feed does not tell of new ones.
const MISSED: Duration = Duration::from_secs(1);
/// Rows remembered at most.
const REMEMBERED: usize = 20_000;

/// Proof that a verified URL opens this file now. Only [`Catalog::admit`] makes one, and storage opens nothing else.
pub(crate) struct Admitted {
    grant: Grant,
    file: Arc<Described>,
    feed: Arc<Feed>,
    /// The feed's generation before anything was asked.
    generation: u64,
}

impl Admitted {
    pub(crate) fn grant(&self) -> &Grant {
        &self.grant
    }

    pub(crate) fn file(&self) -> &FileEntry {
        &self.file.entry
    }

    pub(crate) fn described(&self) -> &Described {
        &self.file
    }

    /// What its stream is to look at until its end.
    pub(crate) fn into_watch(self) -> Watch {
        Watch::new(self.feed, self.grant, self.file, self.generation)
    }
}

/// What one look-up found.
#[derive(Clone)]
struct Found {
    file: Option<Arc<Described>>,
    user: UserStanding,
    /// When it was asked for; `None` if something changed before there was an answer: it stands for that request only.
    asked: Option<Instant>,
}

/// What was asked for, owned by the cache.
type Key = (FileId, UserId);

/// The same, borrowed from a grant.
#[derive(Hash)]
struct Asked<'a>(&'a FileId, &'a UserId);

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, (file, user): &Key) -> bool {
        self.0 == file && self.1 == user
    }
}

/// The catalog behind `DATABASE_URL`, opened for reading only.
pub(crate) struct Catalog {
    database: Database,
    found: Cache<Key, Found>,
    turns: Turns,
    feed: Arc<Feed>,
}

impl Catalog {
    /// Connects when first asked, so that a gateway can start before its catalog exists. Without its feed, what was
    /// looked up is served for `grace` more.
    ///
    /// # Errors
    /// A URL that cannot be used.
    pub(crate) fn open(url: &CatalogUrl, grace: Duration) -> Result<Self, sqlx::Error> {
        Ok(Self {
            database: Database::open(url)?,
            found: Cache::new(REMEMBERED),
            turns: Turns::default(),
            feed: Arc::new(Feed::new(grace)),
        })
    }

    /// What the catalog says of a file and a user at this moment. Nobody is let in by it.
    pub(crate) async fn file_and_user(
        &self,
        file: &FileId,
        user: &UserId,
    ) -> Result<(Option<FileEntry>, UserStanding), sqlx::Error> {
        self.database.file_and_user(file, user).await
    }

    pub(crate) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Looks the granted file and user up and lets them in, or says why not.
    pub(crate) async fn admit(&self, grant: Grant, now: Now) -> Result<Admitted, Reject> {
        let generation = self.feed.generation();
        let found = self.find(&grant, now.instant).await.map_err(Reject::Catalog)?;
        admit(&grant, found.file.as_ref().map(|file| &file.entry), found.user, now.unix_seconds)?;
        let file = found.file.ok_or(proto::refusal::Refusal::NotFound)?;
        Ok(Admitted { grant, file, feed: Arc::clone(&self.feed), generation })
    }

    /// Whether the catalog can be read, holds the schema this build needs, and tells of its changes.
    pub(crate) async fn check(&self) -> Result<(), String> {
        match self.database.schema().await {
            Err(error) => Err(format!("the catalog cannot be read: {error}")),
            Ok(version) if version < SCHEMA_VERSION => Err("the catalog's schema is older than this gateway".into()),
            Ok(_) if self.feed.is_silent(Instant::now()) => Err("the feed of changes cannot be read".into()),
            Ok(_) => Ok(()),
        }
    }

    /// Those of the files that have a ready row and are not outlived.
    pub(crate) async fn kept(&self, ids: &[&FileId]) -> Result<HashMap<FileId, FileEntry>, sqlx::Error> {
        let now = Now::read().unix_seconds;
        let is_kept = |file: &FileEntry| file.ready && file.expires_at.is_none_or(|end| end > now);
        let files = self.database.files(ids).await?;
        Ok(files.into_iter().filter(|(_, file)| is_kept(file)).collect())
    }

    async fn find(&self, grant: &Grant, now: Instant) -> Result<Found, sqlx::Error> {
        match self.found.get(&Asked(grant.file(), grant.user())) {
            Some(found) if self.is_believed(&found, now) => Ok(found),
            // On the heap, so that a request that finds what it needs carries nothing of this about.
            before => Box::pin(self.ask(grant, before, now)).await,
        }
    }

    /// Without the feed what was found before it was lost is served, and nobody is asked: the answer would take as long
    /// as the patience with the catalog is.
    fn is_believed(&self, found: &Found, now: Instant) -> bool {
        let Some(asked) = found.asked else { return false };
        let age = now.saturating_duration_since(asked);
        match (&found.file, self.feed.is_current(now)) {
            (None, _) => age < MISSED,
            (Some(_), true) => age < BELIEVED,
            (Some(_), false) => self.feed.is_in_grace(now),
        }
    }

    async fn ask(&self, grant: &Grant, before: Option<Found>, now: Instant) -> Result<Found, sqlx::Error> {
        let key = (grant.file().clone(), grant.user().clone());
        let stands = |found: &Found| found.file.is_some() && found.asked.is_some() && self.feed.is_in_grace(now);
        match before.filter(stands) {
            Some(before) => self.ask_again(&key, before).await,
            None => self.ask_first(&key, now).await,
        }
    }

    async fn ask_first(&self, key: &Key, now: Instant) -> Result<Found, sqlx::Error> {
        self.found.remove_if(key, |found| !self.is_believed(found, now));
        // Bounds the wait for another's query too: when that fails, those who waited for it try one after the other.
        let found = timeout(TIMEOUT, self.found.get_or_insert_async(key, self.look_up(&key.0, &key.1)));
        found.await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// What was found before stands for those who come meanwhile, and for whoever gets no answer: the catalog went away
    /// just now, and the feed has not been missed yet.
    async fn ask_again(&self, key: &Key, before: Found) -> Result<Found, sqlx::Error> {
        let Some(_taken) = self.turns.take(key) else { return Ok(before) };
        let generation = self.feed.generation();
        let found = timeout(TIMEOUT, self.look_up(&key.0, &key.1)).await;
        match found.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(found) => {
                self.remember(key, found.clone(), generation);
                Ok(found)
            }
            Err(error) if self.feed.generation() != generation => Err(error),
            Err(_) => Ok(before),
        }
    }

    /// Looked at once it can be found: who forgot it for a change after this generation was here before it.
    fn remember(&self, key: &Key, found: Found, generation: u64) {
        self.found.insert(key.clone(), found);
        if self.feed.generation() != generation {
            self.found.remove(key);
        }
    }

    async fn look_up(&self, file: &FileId, user: &UserId) -> Result<Found, sqlx::Error> {
        let (asked, generation) = (Instant::now(), self.feed.generation());
        let (file, user) = self.database.file_and_user(file, user).await?;
        let asked = (self.feed.generation() == generation).then_some(asked);
        Ok(Found { file: file.map(Described::new).map(Arc::new), user, asked })
    }

    fn drop_named(&self, named: &Named) {
        if !named.files.is_empty() || !named.users.is_empty() {
            self.found.retain(|(file, user), _| !named.files.contains(file) && !named.users.contains(user));
        }
    }

    fn forget_all(&self) {
        self.found.clear();
    }
}
