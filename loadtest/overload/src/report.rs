//! What was found, as a table, and whether it is enough.

use crate::{
    figures::{Figures, Times},
    options::Limits,
};
use std::time::Duration;

/// All that was measured.
pub(crate) struct Report {
    pub(crate) range_bytes: u64,
    pub(crate) peak: Peak,
    /// At half the capacity.
    pub(crate) calm: Figures,
    /// By how many times the capacity was offered.
    pub(crate) overloads: Vec<(u32, Figures)>,
    pub(crate) recovery: Duration,
}

/// The most that was answered, and how many clients there were then.
pub(crate) struct Peak {
    pub(crate) clients: usize,
    pub(crate) figures: Figures,
}

impl Report {
    /// Whether each overload was within the limits, and what came after.
    pub(crate) fn holds(&self, limits: &Limits) -> bool {
        let held = |figures: &Figures| self.of_peak(figures) >= limits.goodput && figures.refusal.p99 <= limits.refusal;
        self.overloads.iter().all(|(_, figures)| held(figures)) && self.recovery <= limits.recovery
    }

    fn of_peak(&self, figures: &Figures) -> f64 {
        figures.per_second / self.peak.figures.per_second
    }

    /// To standard output.
    #[expect(clippy::print_stdout, reason = "it is what the program is for")]
    pub(crate) fn print(&self) {
        let Self { range_bytes, peak, calm, overloads, recovery } = self;
        let (kib, capacity) = (range_bytes / 1024, peak.figures.per_second);
        println!("capacity: {capacity:.0} ranges/s of {kib} KiB, asked for by {} clients at once", peak.clients);
        println!(
            "{:>9} {:>8} {:>8} {:>9}  {:<32} {:<24} late",
            "offered", "good/s", "of peak", "refused/s", "refusal", "answer"
        );
        println!("{}", row("0.5 x", calm, self.of_peak(calm)));
        for (times, figures) in overloads {
            println!("{}", row(&format!("{times} x"), figures, self.of_peak(figures)));
        }
        println!("recovered {:.1} s after the last", recovery.as_secs_f64());
    }
}

fn row(offered: &str, figures: &Figures, of_peak: f64) -> String {
    let Figures { per_second, refused_per_second, refusal, whole, late, .. } = figures;
    let (percent, late) = (100.0 * of_peak, milliseconds(late.p99));
    let refusal = format!("{}, longest {}", half_and_most(refusal), milliseconds(refusal.longest));
    let answer = half_and_most(whole);
    format!(
        "{offered:>9} {per_second:>8.0} {percent:>6.0} % {refused_per_second:>9.0}  {refusal:<32} {answer:<24} p99 {late}"
    )
}

fn half_and_most(times: &Times) -> String {
    format!("p50 {}, p99 {}", milliseconds(times.p50), milliseconds(times.p99))
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
