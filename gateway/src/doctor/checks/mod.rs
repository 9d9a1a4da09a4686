//! The rows of the table: what a player needs, who fails without it, what to do, and the judge of it.
//!
//! A judge is pure and looks at one thing, so that one flaw of a server is one row.

mod connections;
mod cors;
mod headers;
mod ranges;
mod validators;

use super::record::{Record, Verdict};

/// What a row is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Somebody cannot play, seek or download.
    Breaks,
    /// Everybody can, slower or at a higher price.
    Costs,
}

/// One row.
pub(super) struct Check {
    /// For machines; it stays.
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) weight: Weight,
    /// Who suffers.
    pub(super) players: &'static [&'static str],
    pub(super) advice: &'static str,
    pub(super) judge: fn(&Record) -> Verdict,
}

impl Weight {
    /// Its share of the score.
    pub(super) fn points(self) -> usize {
        match self {
            Self::Breaks => 3,
            Self::Costs => 1,
        }
    }
}

/// Every row, in the order in which they are shown.
pub(super) fn all() -> impl Iterator<Item = &'static Check> {
    let topics = [ranges::CHECKS, headers::CHECKS, validators::CHECKS, cors::CHECKS, connections::CHECKS];
    topics.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_has_a_name_of_its_own() {
        let ids: BTreeSet<_> = all().map(|check| check.id).collect();
        let names: BTreeSet<_> = all().map(|check| check.name).collect();
        assert_eq!((ids.len(), names.len()), (all().count(), all().count()));
    }

    #[test]
    fn a_row_that_nothing_was_asked_for_is_neither_passed_nor_failed() {
        use crate::doctor::record::Flaw;
        let nothing = Record::default();
        for check in all() {
            assert!(matches!((check.judge)(&nothing), Err(Flaw::Unplayed(_))), "{}", check.id);
        }
    }
}
