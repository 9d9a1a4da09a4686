//! A sliding window as pure arithmetic: which calls still count, whether one more fits, and when the next will.
//! `sliding_window.lua` is the same, line by line; `tests` runs both through one suite.
//!
//! A call at `t` counts until just before `t + window`. One that does not fit is not counted: who waits as long as
//! told is admitted.

use super::Rate;
use std::collections::VecDeque;

/// What came of asking for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) admitted: bool,
    /// What counts now, this call too if it was admitted.
    pub(crate) used: u64,
    /// Milliseconds until the oldest call stops counting; 0 if there is none.
    pub(crate) reset: u64,
    /// Milliseconds until this call would fit, or until nothing counts any more if it never will; 0 if it was admitted.
    pub(crate) retry: u64,
}

/// The calls of one caller that may still count, oldest first. Memory is 16 bytes a call, so it is bounded by the rate.
#[derive(Debug, Default)]
pub(super) struct Log {
    calls: VecDeque<Call>,
    /// Units counted since the log was last empty.
    next: u64,
}

/// What a call cost is the distance to the `first` of the next.
#[derive(Debug, Clone, Copy)]
struct Call {
    /// Milliseconds.
    at: u64,
    /// The number of its first unit.
    first: u64,
}

impl Log {
    /// Counts a call that costs `cost` at `now`, if it fits.
    pub(super) fn count(&mut self, rate: Rate, cost: u32, now: u64) -> Verdict {
        let (window, limit, cost) = (rate.window(), u64::from(rate.limit()), u64::from(cost));
        let now = self.last_at().map_or(now, |last| last.max(now));
        self.forget(window, now);
        let used = self.used();
        if used + cost > limit {
            let retry = self.leaving(used + cost - limit).map_or(0, |at| at + window - now);
            return Verdict { admitted: false, used, reset: self.reset(window, now), retry };
        }
        self.calls.push_back(Call { at: now, first: self.next });
        self.next += cost;
        Verdict { admitted: true, used: used + cost, reset: self.reset(window, now), retry: 0 }
    }

    /// When the last call was.
    pub(super) fn last_at(&self) -> Option<u64> {
        self.calls.back().map(|call| call.at)
    }

    /// Calls that are remembered.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    fn forget(&mut self, window: u64, now: u64) {
        while self.calls.front().is_some_and(|call| call.at + window <= now) {
            self.calls.pop_front();
        }
        if self.calls.is_empty() {
            self.next = 0;
        }
    }

    fn used(&self) -> u64 {
        self.calls.front().map_or(0, |oldest| self.next - oldest.first)
    }

    fn reset(&self, window: u64, now: u64) -> u64 {
        self.calls.front().map_or(0, |oldest| oldest.at + window - now)
    }

    /// When the call was with which `units` will have left; the last one if there are not as many.
    fn leaving(&self, units: u64) -> Option<u64> {
        let first = self.calls.front()?.first;
        let enough = self.calls.partition_point(|call| call.first < first + units);
        self.calls.get(enough.checked_sub(1)?).map(|call| call.at)
    }
}
