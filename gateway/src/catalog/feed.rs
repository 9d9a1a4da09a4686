//! What the gateway knows of the `changes` feed: how far it was read, when, and what the last changes came to.
//!
//! Every stream in flight keeps a [`Watch`], which compares one number a chunk. Only when that has moved does it look
//! whether one of the changes is its own.

use crate::response::Described;
use proto::{
    catalog::{FileEntry, UserStanding, admit},
    id::{FileId, UserId},
    signed_url::Grant,
};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// What was remembered stands for so long after the feed was read: the contract's bound, for it is read once a second.
const CURRENT: Duration = Duration::from_secs(2);
/// A feed that was not read for so long cannot be read, however slow the machine is.
const SILENT: Duration = Duration::from_secs(5);
/// Outcomes kept for the streams that have not looked yet.
const KEPT: usize = 10_000;
const NEVER: u64 = u64::MAX;

/// What a change came to, as the catalog said when it was asked after it.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    File(FileId, Option<FileEntry>),
    User(UserId, UserStanding),
}

/// The feed as it was read.
pub(crate) struct Feed {
    opened: Instant,
    grace: Duration,
    /// Rises with every batch of changes, after its outcomes are there.
    generation: AtomicU64,
    /// Milliseconds since `opened`.
    read_at: AtomicU64,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    /// With the generation that they made, the oldest first.
    outcomes: VecDeque<(u64, Outcome)>,
    /// What came before this generation's end is not known any more.
    forgotten: u64,
}

/// Which files may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Touched {
    Files(Vec<FileId>),
    /// The feed could not be followed without a gap.
    Any,
}

impl Feed {
    pub(super) fn new(grace: Duration) -> Self {
        Self {
            opened: Instant::now(),
            grace,
            generation: AtomicU64::new(0),
            read_at: AtomicU64::new(NEVER),
            told: Mutex::new(Told::default()),
        }
    }

    /// How many batches of changes there were.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether it was read just now, so that what was remembered before stands.
    pub(crate) fn is_current(&self, now: Instant) -> bool {
        self.unread_for(now).is_some_and(|unread| unread < CURRENT)
    }

    /// Whether it cannot be read.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        self.unread_for(now).is_none_or(|unread| unread >= SILENT)
    }

    /// Whether what was remembered may be served although the feed cannot be read.
    pub(super) fn is_in_grace(&self, now: Instant) -> bool {
        self.unread_for(now).is_some_and(|unread| unread < self.grace)
    }

    /// Whether what was remembered is served, with or without grace.
    pub(crate) fn vouches(&self, now: Instant) -> bool {
        self.is_current(now) || self.is_in_grace(now)
    }

    fn unread_for(&self, now: Instant) -> Option<Duration> {
        match self.read_at.load(Ordering::Relaxed) {
            NEVER => None,
            read_at => Some(now.saturating_duration_since(self.opened + Duration::from_millis(read_at))),
        }
    }

    pub(super) fn was_read(&self, now: Instant) {
        let since = now.saturating_duration_since(self.opened).as_millis();
        self.read_at.store(u64::try_from(since).unwrap_or(NEVER - 1), Ordering::Relaxed);
    }

    /// A batch of changes came to this.
    pub(super) fn tell(&self, outcomes: Vec<Outcome>) {
        let mut told = self.told();
        let generation = self.generation() + 1;
        told.outcomes.extend(outcomes.into_iter().map(|outcome| (generation, outcome)));
        while told.outcomes.len() > KEPT {
            let Some((oldest, _)) = told.outcomes.pop_front() else { break };
            told.forgotten = oldest;
        }
        self.generation.store(generation, Ordering::Release);
    }

    /// There were changes that nobody knows any more.
    pub(super) fn tell_of_a_gap(&self) {
        let mut told = self.told();
        let generation = self.generation() + 1;
        told.outcomes.clear();
        told.forgotten = generation;
        self.generation.store(generation, Ordering::Release);
    }

    /// The files of all changes after generation `seen`, and the generation up to which they are.
    pub(crate) fn touched_since(&self, seen: u64) -> (u64, Touched) {
        let told = self.told();
        if seen < told.forgotten {
            return (self.generation(), Touched::Any);
        }
        let files = told.since(seen).filter_map(|outcome| match outcome {
            Outcome::File(file, _) => Some(file.clone()),
            Outcome::User(..) => None,
        });
        (self.generation(), Touched::Files(files.collect()))
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn since(&self, seen: u64) -> impl Iterator<Item = &Outcome> {
        let newest_first = self.outcomes.iter().rev();
        newest_first.take_while(move |(generation, _)| *generation > seen).map(|(_, outcome)| outcome)
    }
}

/// A stream's right to go on.
pub(crate) struct Watch {
    feed: Arc<Feed>,
    grant: Grant,
    file: Arc<Described>,
    seen: u64,
}

impl Watch {
    /// Of a stream that was admitted after generation `seen`.
    pub(super) fn new(feed: Arc<Feed>, grant: Grant, file: Arc<Described>, seen: u64) -> Self {
        Self { feed, grant, file, seen }
    }

    /// Whether a change took access away. One whose changes are not known any more has to be asked for again.
    pub(crate) fn is_over(&mut self) -> bool {
        if self.feed.generation() == self.seen {
            return false;
        }
        let feed = Arc::clone(&self.feed);
        let told = feed.told();
        let is_over = self.seen < told.forgotten || told.since(self.seen).any(|outcome| self.is_ended_by(outcome));
        self.seen = feed.generation();
        is_over
    }

    /// By the rule that admitted it. A file that has only outlived its end is served to its end.
    fn is_ended_by(&self, outcome: &Outcome) -> bool {
        const NO_TIME: u64 = 0;
        let verdict = match outcome {
            Outcome::File(file, entry) if file == self.grant.file() => {
                admit(&self.grant, entry.as_ref(), UserStanding::default(), NO_TIME)
            }
            Outcome::User(user, standing) if user == self.grant.user() => {
                admit(&self.grant, Some(&self.file.entry), *standing, NO_TIME)
            }
            Outcome::File(..) | Outcome::User(..) => return false,
        };
        verdict.is_err()
    }
}
