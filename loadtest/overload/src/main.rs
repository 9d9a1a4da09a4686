//! Offers a gateway more than it can take, and tells what becomes of it.
//!
//! [`target`] says what is asked for, [`connection`] asks on one connection, [`load`] on many, [`figures`] makes of
//! their answers what is reported, and [`report`] prints and judges it.
#![forbid(unsafe_code)]

mod connection;
mod figures;
mod load;
mod options;
mod report;
mod target;

use anyhow::ensure;
use figures::{Figures, recovery};
use load::Load;
use options::Options;
use report::{Peak, Report};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};
use tokio::task::LocalSet;

/// As multiples of the capacity.
const OVERLOADS: [u32; 3] = [2, 5, 10];
/// Of the capacity: what is compared when it is over.
const CALM: f64 = 0.5;
/// It is looked at for longer than it may take.
const SPARE: Duration = Duration::from_secs(2);

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::read()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = LocalSet::new().block_on(&runtime, measure(&options))?;
    report.print();
    Ok(if report.holds(&options.limits) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The knee, the calm before, each overload, and the calm after the last.
async fn measure(options: &Options) -> anyhow::Result<Report> {
    let mut load = Load::new(options.target.clone(), options.connections);
    let peak = peak(&mut load, options).await?;
    let capacity = peak.figures.per_second;
    let calm = Figures::of(&load.offer(capacity * CALM, options.time).await?);
    let (mut overloads, mut over) = (Vec::new(), Instant::now());
    for times in OVERLOADS {
        let answers = load.offer(capacity * f64::from(times), options.time).await?;
        overloads.push((times, Figures::of(&answers)));
        over = answers.began + answers.time;
    }
    let after = load.offer(capacity * CALM, options.limits.recovery + SPARE).await?;
    Ok(Report {
        range_bytes: options.target.range_bytes,
        peak,
        overloads,
        recovery: recovery(&after, over, options.limits.slow(calm.whole.p95)),
        calm,
    })
}

/// The highest rate of whole answers, of those that ever more clients get who each wait for one before they ask again.
async fn peak(load: &mut Load, options: &Options) -> anyhow::Result<Peak> {
    let mut best: Option<Peak> = None;
    let mut clients = 1;
    while clients <= options.most_at_once {
        let figures = Figures::of(&load.keep_busy(clients, options.time).await?);
        ensure!(figures.refused == 0, "{clients} at once are refused: --most-at-once is past the gateway's bound");
        if best.as_ref().is_none_or(|best| best.figures.per_second < figures.per_second) {
            best = Some(Peak { clients, figures });
        }
        clients *= 2;
    }
    best.ok_or_else(|| anyhow::anyhow!("--most-at-once must be at least 1"))
}
