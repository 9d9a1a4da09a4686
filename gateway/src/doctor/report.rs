//! The judged table: for people, or for machines.

use super::{
    checks::{self, Check, Weight},
    record::{Flaw, Record, Verdict},
    target::Target,
};
use http::header;
use serde_json::{Value, json};
use std::{fmt, time::Duration};

/// A row and its verdict.
struct Row {
    check: &'static Check,
    verdict: Verdict,
}

/// Every row of one examination.
pub(super) struct Report {
    url: String,
    size: u64,
    media_type: Option<String>,
    seeks: Option<Seeks>,
    rows: Vec<Row>,
}

/// How long a seek took, from the question to the last of its bytes.
struct Seeks {
    count: usize,
    median: Duration,
    slowest: Duration,
}

/// A row's result in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Ok,
    Fail,
    Note,
    Unplayed,
}

impl Report {
    /// Judges every row. Whatever the server had a hand in is masked.
    pub(super) fn judge(record: &Record, target: &Target) -> Self {
        let mask = |flaw| match flaw {
            Flaw::Wrong(came) => Flaw::Wrong(target.masked(&came)),
            Flaw::Unplayed(why) => Flaw::Unplayed(target.masked(&why)),
        };
        let judge = |check: &'static Check| Row { check, verdict: (check.judge)(record).map_err(mask) };
        let media_type = record.with_bytes().find_map(|answer| answer.field(&header::CONTENT_TYPE));
        Self {
            url: target.masked(&target.to_string()),
            size: record.facts.size,
            media_type: media_type.map(|text| target.masked(&text)),
            seeks: Seeks::of(&record.seeks.times),
            rows: checks::all().map(judge).collect(),
        }
    }

    /// Whether nobody is left out.
    pub(super) fn is_well(&self) -> bool {
        self.count(Mark::Fail) == 0
    }

    fn count(&self, mark: Mark) -> usize {
        self.rows.iter().filter(|row| row.mark() == mark).count()
    }

    /// Of 100, rounded down: only where nothing is amiss is it all of them.
    fn score(&self) -> usize {
        let points = |rows: &dyn Fn(&&Row) -> bool| -> usize {
            self.rows.iter().filter(rows).map(|row| row.check.weight.points()).sum()
        };
        let (won, judged) = (points(&|row| row.mark() == Mark::Ok), points(&|row| row.mark() != Mark::Unplayed));
        (100 * won).checked_div(judged).unwrap_or_default()
    }

    /// One object.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "url": self.url,
            "size": self.size,
            "content_type": self.media_type,
            "score": self.score(),
            "passed": self.count(Mark::Ok),
            "failed": self.count(Mark::Fail),
            "notes": self.count(Mark::Note),
            "unplayed": self.count(Mark::Unplayed),
            "seek_seconds": self.seeks.as_ref().map(|seeks| json!({
                "median": seeks.median.as_secs_f64(), "slowest": seeks.slowest.as_secs_f64(),
            })),
            "checks": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
        })
    }
}

impl Seeks {
    fn of(times: &[Duration]) -> Option<Self> {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let slowest = *sorted.last()?;
        Some(Self { count: sorted.len(), median: sorted[sorted.len() / 2], slowest })
    }
}

impl Row {
    fn mark(&self) -> Mark {
        match (&self.verdict, self.check.weight) {
            (Ok(()), _) => Mark::Ok,
            (Err(Flaw::Unplayed(_)), _) => Mark::Unplayed,
            (Err(Flaw::Wrong(_)), Weight::Breaks) => Mark::Fail,
            (Err(Flaw::Wrong(_)), Weight::Costs) => Mark::Note,
        }
    }

    fn to_json(&self) -> Value {
        let (came, why) = match &self.verdict {
            Ok(()) => (None, None),
            Err(Flaw::Wrong(came)) => (Some(came), None),
            Err(Flaw::Unplayed(why)) => (None, Some(why)),
        };
        json!({
            "id": self.check.id, "name": self.check.name, "result": self.mark().word(), "players": self.check.players,
            "came": came, "unplayed_because": why, "advice": came.map(|_| self.check.advice),
        })
    }
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Note => "note",
            Self::Unplayed => "unplayed",
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.url)?;
        write!(f, "{} bytes of {}", self.size, self.media_type.as_deref().unwrap_or("no type"))?;
        if let Some(Seeks { count, median, slowest }) = &self.seeks {
            let [median, slowest] = [median, slowest].map(|time| time.as_secs_f64() * 1000.0);
            write!(f, "; {count} seeks, {median:.1} ms (median) to {slowest:.1} ms")?;
        }
        writeln!(f, "\n")?;
        self.rows.iter().try_for_each(|row| row.fmt(f))?;
        let [passed, fails, notes, unplayed] =
            [Mark::Ok, Mark::Fail, Mark::Note, Mark::Unplayed].map(|mark| self.count(mark));
        let judged = passed + fails + notes;
        writeln!(
            f,
            "\nscore {} of 100: {passed} of {judged} passed, {fails} break players, {notes} cost, {unplayed} not played",
            self.score()
        )
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Check { name, players, advice, .. } = self.check;
        match (&self.verdict, self.mark()) {
            (Err(Flaw::Unplayed(why)), _) => return writeln!(f, "-     {name}\n      not played: {why}"),
            (Err(Flaw::Wrong(came)), Mark::Fail) => {
                writeln!(f, "FAIL  {name}\n      came:   {came}\n      breaks: {}", players.join(", "))?;
            }
            (Err(Flaw::Wrong(came)), _) => {
                writeln!(f, "note  {name}\n      came:   {came}\n      costs:  {}", players.join(", "))?;
            }
            (Ok(()), _) => return writeln!(f, "ok    {name}"),
        }
        writeln!(f, "      do:     {advice}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdict: impl Fn(&Check) -> Verdict) -> Report {
        let rows = checks::all().map(|check| Row { check, verdict: verdict(check) }).collect();
        Report { url: String::new(), size: 0, media_type: None, seeks: None, rows }
    }

    #[test]
    fn all_points_are_given_only_where_nothing_is_amiss() {
        assert_eq!(report(|_| Ok(())).score(), 100);
        for lost in checks::all() {
            let verdict = |check: &Check| if check.id == lost.id { Err(Flaw::Wrong(String::new())) } else { Ok(()) };
            let report = report(verdict);
            assert!((90..100).contains(&report.score()), "{}", lost.id);
            assert_eq!(report.is_well(), lost.weight == Weight::Costs, "{}", lost.id);
        }
    }

    #[test]
    fn what_was_not_played_counts_for_nothing() {
        assert_eq!(report(|_| Err(Flaw::Unplayed(String::new()))).score(), 0);
        let half = report(|check| if check.id == "open" { Ok(()) } else { Err(Flaw::Unplayed(String::new())) });
        assert_eq!(half.score(), 100);
    }
}
