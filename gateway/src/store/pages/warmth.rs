//! What was just seen to be in memory: asked for again within some seconds, it is not looked at again.

use std::{
    ops::Range,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// Seconds of a term, to whose end what is seen in it is believed. The kernel keeps what was asked for twice longer than what
/// passes by, so a page that is gone by then is rare, and costs its thread one read of the disk.
const TERM: u64 = 4;
/// Stretches that one word speaks for: its lower half holds a bit for each, its upper half the term they were seen in.
const IN_A_WORD: u64 = 32;
/// Files of more words than this (8 GiB) are not remembered.
const WORDS: u64 = 4096;

/// Of one file's stretches, which were in memory a moment ago.
#[derive(Debug)]
pub(in crate::store) struct Warmth(Box<[AtomicU64]>);

impl Warmth {
    /// For a file of so many bytes; `None` for one that is too large.
    pub(in crate::store) fn of(size: u64) -> Option<Self> {
        let words = size.div_ceil(super::STRETCH).div_ceil(IN_A_WORD);
        (words <= WORDS).then(|| Self((0..words).map(|_| AtomicU64::new(0)).collect()))
    }

    /// Whether all of these were seen in memory within this term.
    pub(super) fn knows(&self, stretches: &Range<u64>) -> bool {
        let term = term();
        masks(stretches).all(|(word, mask)| {
            let word = self.word(word);
            word >> IN_A_WORD == term && word & mask == mask
        })
    }

    pub(super) fn learn(&self, stretches: &Range<u64>) {
        let term = term();
        for (index, mask) in masks(stretches) {
            let known = self.word(index);
            let fresh = if known >> IN_A_WORD == term { known } else { term << IN_A_WORD };
            if let Some(word) = usize::try_from(index).ok().and_then(|index| self.0.get(index)) {
                // What another thread learns at the same moment may be lost: it is learnt again.
                word.store(fresh | mask, Ordering::Relaxed);
            }
        }
    }

    fn word(&self, index: u64) -> u64 {
        usize::try_from(index).ok().and_then(|index| self.0.get(index)).map_or(0, |word| word.load(Ordering::Relaxed))
    }
}

/// Per word that stretches lie in, their bits in it.
fn masks(stretches: &Range<u64>) -> impl Iterator<Item = (u64, u64)> {
    let Range { start, end } = stretches.clone();
    (start / IN_A_WORD..end.div_ceil(IN_A_WORD)).map(move |word| {
        let (first, last) = (word * IN_A_WORD, (word + 1) * IN_A_WORD);
        let (from, until) = (start.max(first) - first, end.min(last) - first);
        (word, (1 << until) - (1 << from))
    })
}

/// Terms since this was first asked, from 1.
fn term() -> u64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGAN.elapsed().as_secs() / TERM + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_cover_a_range_across_words() {
        assert_eq!(masks(&(0..1)).collect::<Vec<_>>(), [(0, 1)]);
        assert_eq!(masks(&(0..32)).collect::<Vec<_>>(), [(0, 0xffff_ffff)]);
        assert_eq!(masks(&(31..34)).collect::<Vec<_>>(), [(0, 1 << 31), (1, 0b11)]);
    }

    #[test]
    fn a_word_of_another_term_says_nothing() {
        let warmth = Warmth::of(1 << 30).unwrap();
        warmth.0[0].store((term() + 5) << IN_A_WORD | 0b1111, Ordering::Relaxed);
        assert!(!warmth.knows(&(0..1)));
    }

    #[test]
    fn only_what_was_learnt_is_known() {
        let warmth = Warmth::of(1 << 30).unwrap();
        // The term may end between the two calls.
        let knows_after_learning = (0..3).any(|_| {
            warmth.learn(&(3..40));
            warmth.knows(&(3..40)) && warmth.knows(&(5..6))
        });
        assert!(knows_after_learning);
        assert!(!warmth.knows(&(2..4)) && !warmth.knows(&(39..41)) && !warmth.knows(&(1000..1001)));
    }

    #[test]
    fn a_huge_file_is_not_remembered() {
        assert!(Warmth::of(8 << 30).is_some());
        assert!(Warmth::of((8 << 30) + 1).is_none());
    }
}
