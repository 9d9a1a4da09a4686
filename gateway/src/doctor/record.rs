//! Everything that a server answered in one examination. Judges see this and nothing else.

use super::{
    answer::{Answer, ContentRange, Exchange, Trouble},
    probe::{Facts, Probe},
};
use http::StatusCode;
use std::{collections::BTreeMap, ops::Range, time::Duration};

/// The answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    /// Of the page that asks.
    pub(super) origin: String,
    pub(super) facts: Facts,
    /// A question that could not be put has its reason in the place of an answer.
    pub(super) answers: BTreeMap<Probe, Result<Exchange, &'static str>>,
    pub(super) seeks: Walk,
    /// Downloads from several places, each left after its beginning.
    pub(super) left: Vec<Exchange>,
    /// What was asked next.
    pub(super) after_left: Option<Exchange>,
    /// Parts asked for at once, each on a connection of its own.
    pub(super) together: Vec<(Range<u64>, Exchange)>,
}

/// Seeks one after the other, on one connection as far as the server lets it live.
#[derive(Debug, Clone, Default)]
pub(super) struct Walk {
    pub(super) parts: Vec<(Range<u64>, Exchange)>,
    /// From the question to the last byte of each answer.
    pub(super) times: Vec<Duration>,
    pub(super) connections: usize,
}

/// Why a row is not passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Flaw {
    /// This came instead.
    Wrong(String),
    /// There is nothing to judge.
    Unplayed(String),
}

/// What a judge says.
pub(super) type Verdict = Result<(), Flaw>;

/// Passed if it holds; else this came instead.
pub(super) fn must(holds: bool, came: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Flaw::Wrong(came())) }
}

impl From<&Trouble> for Flaw {
    fn from(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::OutOfTime => Self::Unplayed(trouble.to_string()),
            _ => Self::Wrong(trouble.to_string()),
        }
    }
}

impl Record {
    /// The answer to a question.
    pub(super) fn answer(&self, probe: Probe) -> Result<&Answer, Flaw> {
        match self.answers.get(&probe) {
            Some(Ok(exchange)) => exchange.as_ref().map_err(Flaw::from),
            Some(Err(why)) => Err(Flaw::Unplayed((*why).to_owned())),
            None => Err(Flaw::Unplayed("it was not asked".to_owned())),
        }
    }

    /// Every answer that came, but for the one without a body.
    fn all(&self) -> impl Iterator<Item = &Answer> {
        let asked = self.answers.iter().filter(|(probe, _)| **probe != Probe::Head);
        let asked = asked.flat_map(|(_, asked)| asked.iter().flatten());
        let parts = self.seeks.parts.iter().chain(&self.together).filter_map(|(_, exchange)| exchange.as_ref().ok());
        asked.chain(parts).chain(self.left.iter().chain(&self.after_left).flatten())
    }

    /// Those with bytes of the file in them: parts and wholes.
    pub(super) fn with_bytes(&self) -> impl Iterator<Item = &Answer> {
        self.all().filter(|answer| matches!(answer.status, StatusCode::OK | StatusCode::PARTIAL_CONTENT))
    }

    /// Those with one part of the file.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&Answer, ContentRange)> {
        let parts = self.all().filter(|answer| answer.status == StatusCode::PARTIAL_CONTENT);
        parts.filter_map(|answer| Some((answer, answer.content_range()?)))
    }
}
