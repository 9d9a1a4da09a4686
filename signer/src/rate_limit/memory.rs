//! Windows kept in this process, of as many callers as memory is given to.
//!
//! A shard that has grown to its bound drops the callers of whom nothing counts any more, then, if it must, those
//! whose last call is the longest ago: being forgotten is to their advantage, and costs nobody else anything.

use super::{
    Rate,
    window::{Log, Verdict},
};
use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, PoisonError},
};

const SHARDS: usize = 16;
/// What a caller costs beside its calls, counted in calls.
const CALLER: usize = 8;
/// Calls below which a shard is not looked through.
const SMALL: usize = 1 << 10;

/// The windows of many callers.
pub(super) struct Windows<K> {
    hasher: RandomState,
    shards: Vec<Mutex<Shard<K>>>,
    /// Calls that a shard may remember.
    most: usize,
}

struct Shard<K> {
    kept: HashMap<K, Kept>,
    /// Calls remembered, and [`CALLER`] for each caller.
    weight: usize,
    /// The weight at which it is looked through next.
    full: usize,
}

struct Kept {
    log: Log,
    /// Milliseconds from which none of its calls counts any more.
    until: u64,
}

impl<K: Hash + Eq + Clone> Windows<K> {
    /// Remembers at most about `most` calls, 16 bytes each.
    pub(super) fn new(most: usize) -> Self {
        let shard = || Mutex::new(Shard { kept: HashMap::new(), weight: 0, full: SMALL });
        Self {
            hasher: RandomState::new(),
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            most: most / SHARDS,
        }
    }

    /// Counts a call of this caller at `now`, in milliseconds of a clock that never goes back.
    pub(super) fn count(&self, caller: &K, rate: Rate, cost: u32, now: u64) -> Verdict {
        let index = self.hasher.hash_one(caller) % SHARDS as u64;
        let shard = &self.shards[usize::try_from(index).unwrap_or_default()];
        shard.lock().unwrap_or_else(PoisonError::into_inner).count(caller, rate, (cost, now), self.most)
    }
}

impl<K: Hash + Eq + Clone> Shard<K> {
    fn count(&mut self, caller: &K, rate: Rate, (cost, now): (u32, u64), most: usize) -> Verdict {
        if !self.kept.contains_key(caller) {
            self.kept.insert(caller.clone(), Kept { log: Log::default(), until: 0 });
            self.weight += CALLER;
        }
        let Some(kept) = self.kept.get_mut(caller) else { unreachable!("it was just put there") };
        let before = kept.log.len();
        let verdict = kept.log.count(rate, cost, now);
        kept.until = kept.log.last_at().map_or(now, |last| last + rate.window());
        self.weight = self.weight - before + kept.log.len();
        if self.weight > self.full.min(most) {
            self.make_room(now, most);
        }
        verdict
    }

    fn make_room(&mut self, now: u64, most: usize) {
        self.kept.retain(|_, kept| kept.until > now);
        self.weigh();
        if self.weight > most {
            self.forget_the_oldest(most / 2);
        }
        self.full = (2 * self.weight).max(SMALL);
    }

    fn forget_the_oldest(&mut self, most: usize) {
        let mut by_age: Vec<_> = self.kept.values().map(|kept| (kept.until, CALLER + kept.log.len())).collect();
        by_age.sort_unstable();
        let (mut excess, mut edge) = (self.weight - most, 0);
        for (until, weight) in by_age {
            if excess == 0 {
                break;
            }
            (excess, edge) = (excess.saturating_sub(weight), until);
        }
        self.kept.retain(|_, kept| kept.until > edge);
        self.weigh();
    }

    fn weigh(&mut self) {
        self.weight = self.kept.values().map(|kept| CALLER + kept.log.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(windows: &Windows<u32>) -> usize {
        windows.shards.iter().map(|shard| shard.lock().unwrap().weight).sum()
    }

    #[test]
    fn callers_of_whom_nothing_counts_any_more_are_forgotten() {
        let (windows, rate) = (Windows::new(usize::MAX), "5/1s".parse().unwrap());
        for caller in 0..100_000 {
            windows.count(&caller, rate, 1, u64::from(caller));
        }
        // A thousand callers count at a time; each shard keeps at most twice what it must, or what is little.
        assert!(weight(&windows) < 2 * SHARDS * SMALL, "{}", weight(&windows));
    }

    #[test]
    fn memory_is_bounded_however_many_callers_count() {
        let (windows, rate) = (Windows::new(64 << 10), "5/1h".parse().unwrap());
        for caller in 0..100_000 {
            windows.count(&caller, rate, 1, u64::from(caller));
            assert!(caller % 1000 > 0 || weight(&windows) <= 64 << 10);
        }
        assert!(windows.count(&99_999, rate, 5, 100_000).retry > 0, "the newest is still remembered");
        assert!(windows.count(&0, rate, 5, 100_000).admitted, "the oldest is not");
    }

    #[test]
    fn callers_do_not_share_a_window() {
        let (windows, rate) = (Windows::new(1 << 20), "1/1h".parse().unwrap());
        assert!(windows.count(&1, rate, 1, 0).admitted && windows.count(&2, rate, 1, 0).admitted);
        assert!(!windows.count(&1, rate, 1, 0).admitted && !windows.count(&2, rate, 1, 0).admitted);
    }
}
