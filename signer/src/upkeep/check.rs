//! Both sides, page by page: what storage lists is looked for in the catalog, then what the catalog promises in
//! storage. A page of each is all that is held in memory.

use super::finding::{Finding, Removal, Summary};
use crate::{
    catalog::{Catalog, Known, Promised},
    error::Error,
    storage::{Found, Key, Kind, Storage},
};
use futures_util::{TryStreamExt, future::join_all};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Rows and entries read at a time. Few in tests, so that there are always several pages.
const PAGE: u32 = if cfg!(test) { 3 } else { 500 };
/// Removals that fail in a row, after which storage is taken to be away.
const PATIENCE: u32 = 3;
/// A pause is as long as the work before it, within these bounds.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(10));

/// One comparison.
pub(super) struct Check<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) storage: &'a Storage,
    /// Seconds for which what belongs to nothing is let be.
    pub(super) older_than: u64,
    pub(super) repair: Repair,
    /// Whether what was put back from a copy is looked for among what has changed.
    pub(super) accepts_copies: bool,
    pub(super) pace: Pace,
}

/// What is done about orphans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repair {
    Nothing,
    /// Every one of them is removed.
    All,
    /// Every one of them, but of objects no more than this: a catalog that was put back from yesterday knows nothing of
    /// today's files, and they are not to be gone before anybody sees that.
    Sparing(u64),
}

/// How fast.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Objects looked at together.
    pub(super) at_once: usize,
    pub(super) pauses: bool,
}

/// Is told of each finding.
pub(super) type Tell<'t> = dyn FnMut(&Finding) + Send + 't;

impl Check<'_> {
    /// Compares as of `now` (Unix seconds).
    pub(super) async fn run(&self, now: u64, tell: &mut Tell<'_>) -> Result<Summary, Error> {
        let mut summary = Summary::default();
        self.look_for_orphans(now, &mut summary, tell).await?;
        self.look_for_promised(&mut summary, tell).await?;
        Ok(summary)
    }

    async fn look_for_orphans(&self, now: u64, summary: &mut Summary, tell: &mut Tell<'_>) -> Result<(), Error> {
        let mut pages = self.storage.list().try_chunks(PAGE as usize);
        let (mut failures, mut objects) = (0, 0);
        while let Some(page) = pages.try_next().await.map_err(|error| error.1)? {
            let began = Instant::now();
            let ids: Vec<_> = page.iter().map(|found| found.file.clone()).collect();
            let known = self.catalog.known(&ids).await?;
            summary.entries += page.len() as u64;
            for found in page.into_iter().filter(|found| !belongs(&known, found)) {
                let age = now.saturating_sub(found.modified_at);
                if found.modified_at.saturating_add(self.older_than) > now {
                    summary.young += 1;
                    continue;
                }
                let Some(removal) = self.clear(&found, &mut failures, &mut objects).await? else { continue };
                let finding = Finding::Orphan { found, age, removal };
                summary.count(&finding);
                tell(&finding);
            }
            self.pace.rest(began).await;
        }
        Ok(())
    }

    /// What is done about an orphan; `None` if it is none after all.
    pub(super) async fn clear(
        &self,
        found: &Found,
        failures: &mut u32,
        objects: &mut u64,
    ) -> Result<Option<Removal>, Error> {
        match self.repair {
            Repair::Nothing => return Ok(Some(Removal::NotAsked)),
            Repair::Sparing(most) if found.kind == Kind::Object && *objects >= most => return Ok(Some(Removal::Left)),
            Repair::All | Repair::Sparing(_) => {}
        }
        // An upload may have begun, or become a file, since the page was read.
        if belongs(&self.catalog.known(std::slice::from_ref(&found.file)).await?, found) {
            return Ok(None);
        }
        let key = Key::of(&found.file);
        let removed = match found.kind {
            Kind::Object => self.storage.delete(&key).await,
            Kind::Staged | Kind::Tail | Kind::Incoming | Kind::Multipart => self.storage.discard(&key).await,
        };
        match removed {
            Ok(()) => {
                (*failures, *objects) = (0, *objects + u64::from(found.kind == Kind::Object));
                Ok(Some(Removal::Done))
            }
            Err(error) if *failures + 1 < PATIENCE => {
                tracing::warn!(file = %found.file, %error, "an orphan cannot be removed");
                *failures += 1;
                Ok(Some(Removal::Failed))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn look_for_promised(&self, summary: &mut Summary, tell: &mut Tell<'_>) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let began = Instant::now();
            let page = self.catalog.promised(&after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id.to_string();
            summary.files += page.len() as u64;
            for together in page.chunks(self.pace.at_once) {
                let looking = together.iter().map(|promised| self.broken(promised));
                for finding in join_all(looking).await.into_iter().filter_map(Result::transpose) {
                    let finding = finding?;
                    summary.count(&finding);
                    tell(&finding);
                }
            }
            self.pace.rest(began).await;
        }
    }

    /// How storage breaks the promise, if it does.
    async fn broken(&self, promised: &Promised) -> Result<Option<Finding>, Error> {
        let there = self.storage.look(&promised.object_key).await?;
        if there.as_ref().is_some_and(|there| there.size == promised.size && there.etag == promised.etag) {
            return Ok(None);
        }
        // Deleted, or registered anew, since the page was read.
        if self.catalog.promise_of(&promised.id).await?.as_ref() != Some(promised) {
            return Ok(None);
        }
        let Some(there) = there else { return Ok(Some(Finding::Missing(promised.clone()))) };
        if self.accepts_copies && self.accept(promised, &there).await? {
            return Ok(Some(Finding::Accepted(promised.clone())));
        }
        Ok(Some(Finding::Changed(promised.clone(), there)))
    }
}

impl Pace {
    async fn rest(self, began: Instant) {
        if self.pauses {
            sleep(began.elapsed().clamp(PAUSE.0, PAUSE.1)).await;
        }
    }
}

/// Of an upload under way anything may lie there, its object too; of a file only that.
fn belongs(known: &Known, found: &Found) -> bool {
    let is_its_object = || known.files.get(&found.file).is_some_and(|key| key == Key::of(&found.file).as_str());
    known.uploads.contains(&found.file) || (found.kind == Kind::Object && is_its_object())
}
