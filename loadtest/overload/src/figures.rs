//! What is made of many answers.

use crate::{
    connection::{Answer, Outcome},
    load::Answers,
};
use std::time::{Duration, Instant};

/// So finely is it told when a service was itself again.
const STEP: Duration = Duration::from_millis(100);
/// As many make the second that is looked for.
const CALM_STEPS: u32 = 10;

/// Of one measurement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figures {
    /// Whole answers.
    pub(crate) per_second: f64,
    pub(crate) refused: usize,
    pub(crate) refused_per_second: f64,
    /// From the request to the end of a refusal, and of an answer.
    pub(crate) refusal: Times,
    pub(crate) whole: Times,
    /// By which requests went out too late.
    pub(crate) late: Times,
}

/// How long something took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Times {
    pub(crate) p50: Duration,
    pub(crate) p95: Duration,
    pub(crate) p99: Duration,
    pub(crate) longest: Duration,
}

impl Figures {
    pub(crate) fn of(answers: &Answers) -> Self {
        let end = answers.began + answers.time;
        let of = |outcome| answers.all.iter().filter(move |answer| answer.outcome == outcome);
        let in_time = of(Outcome::Answered).filter(|answer| answer.asked + answer.whole <= end).count();
        let refused = of(Outcome::Refused).count();
        Self {
            per_second: rate(in_time, answers.time),
            refused,
            refused_per_second: rate(refused, answers.time),
            refusal: Times::of(of(Outcome::Refused).map(|answer| answer.whole)),
            whole: Times::of(of(Outcome::Answered).map(|answer| answer.whole)),
            late: Times::of(answers.late.iter().copied()),
        }
    }
}

fn rate(count: usize, time: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / time.as_secs_f64()
}

impl Times {
    fn of(times: impl Iterator<Item = Duration>) -> Self {
        let mut sorted: Vec<_> = times.collect();
        sorted.sort_unstable();
        let at = |hundredths: usize| sorted.get(sorted.len() * hundredths / 100).copied().unwrap_or_default();
        Self { p50: at(50), p95: at(95), p99: at(99), longest: sorted.last().copied().unwrap_or_default() }
    }
}

/// From the end of an overload until a whole second is as the calm before was: less than a tenth of what is asked in any
/// [`STEP`] is refused, or takes longer than `slow`. Until the end of `after`, if there is no such second.
pub(crate) fn recovery(after: &Answers, over: Instant, slow: Duration) -> Duration {
    let is_bad = |answer: &&Answer| answer.outcome != Outcome::Answered || answer.whole > slow;
    let start = |step: u32| after.began + STEP * step;
    let steps = u32::try_from(after.time.as_millis() / STEP.as_millis()).unwrap_or(u32::MAX);
    // One that is late or refused may be the machine's affair; that many are is the service's.
    let bad_step = |step: u32| {
        let asked: Vec<_> =
            after.all.iter().filter(|answer| (start(step)..start(step + 1)).contains(&answer.asked)).collect();
        asked.iter().filter(|answer| is_bad(answer)).count() * 10 > asked.len()
    };
    let mut calm_since = 0;
    for step in 0..steps {
        if bad_step(step) {
            calm_since = step + 1;
        } else if step + 1 - calm_since == CALM_STEPS {
            break;
        }
    }
    let recovered = if steps - calm_since < CALM_STEPS { steps } else { calm_since };
    start(recovered).saturating_duration_since(over)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn answers(began: Instant, count: u32, of: impl Fn(u32) -> (Outcome, Duration)) -> Answers {
        let all = (0..count).map(|ms| {
            let (outcome, whole) = of(ms);
            Answer { outcome, asked: began + MS * ms, whole }
        });
        Answers { began, time: MS * count, all: all.collect(), late: Vec::new() }
    }

    #[test]
    fn what_is_not_whole_within_the_time_is_not_counted() {
        let figures = Figures::of(&answers(Instant::now(), 1000, |ms| match ms {
            0..500 => (Outcome::Refused, MS),
            _ => (Outcome::Answered, MS * 100),
        }));
        assert_eq!((figures.per_second, figures.refused_per_second), (401.0, 500.0));
        assert_eq!((figures.refusal.p99, figures.whole.p50), (MS, MS * 100));
    }

    fn refused_while(it_is: bool) -> (Outcome, Duration) {
        (if it_is { Outcome::Refused } else { Outcome::Answered }, MS)
    }

    #[test]
    fn a_service_is_itself_again_once_a_whole_second_is_as_before() {
        let over = Instant::now();
        let after = |of: fn(u32) -> (Outcome, Duration)| recovery(&answers(over, 3000, of), over, MS * 20);
        assert_eq!(after(|_| (Outcome::Answered, MS * 20)), Duration::ZERO);
        assert_eq!(after(|ms| refused_while(ms < 420)), MS * 500);
        assert_eq!(after(|ms| (Outcome::Answered, if ms < 330 { MS * 21 } else { MS })), MS * 400);
        assert_eq!(after(|ms| refused_while(ms % 1000 < 100)), MS * 3000, "never for a second");
        assert_eq!(after(|ms| refused_while(ms % 100 == 0)), Duration::ZERO, "one in a hundred");
        assert_eq!(after(|ms| refused_while((1500..2500).contains(&ms))), Duration::ZERO, "over before that");
    }
}
