//! What is asked of it.

use crate::target::Target;
use anyhow::Context;
use clap::{Arg, ArgMatches, Command, value_parser};
use std::{io, time::Duration};

const ABOUT: &str = "Offers a gateway 2, 5 and 10 times what it can answer; reads a signed URL from standard input";

/// What is measured.
pub(crate) struct Options {
    pub(crate) target: Target,
    /// Of each measurement.
    pub(crate) time: Duration,
    /// Clients, while the capacity is looked for.
    pub(crate) most_at_once: usize,
    /// Open ones, at most.
    pub(crate) connections: usize,
    pub(crate) limits: Limits,
}

/// What is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Of the peak, under any overload.
    pub(crate) goodput: f64,
    /// The 99th percentile of refusals.
    pub(crate) refusal: Duration,
    pub(crate) recovery: Duration,
    /// No answer is slow that takes less.
    pub(crate) grain: Duration,
}

/// Of the time that answers took in the calm before: longer is slow.
const AS_BEFORE: u32 = 2;

impl Limits {
    /// What takes longer is slow, if the 95th percentile in the calm before was `calm`.
    pub(crate) fn slow(&self, calm: Duration) -> Duration {
        (calm * AS_BEFORE).max(self.grain)
    }
}

impl Options {
    /// From the command line, and the URL from standard input: it is a secret.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let flags = command().get_matches();
        let mut url = String::new();
        io::stdin().read_line(&mut url)?;
        let number = |name| flag::<u64>(&flags, name);
        let milliseconds = |name| Duration::from_secs_f64(flag::<f64>(&flags, name) / 1000.0);
        Ok(Self {
            target: Target::new(url.trim(), number("range-bytes"), number("span-bytes"))?,
            time: Duration::from_secs_f64(flag(&flags, "seconds")),
            most_at_once: usize::try_from(number("most-at-once"))?,
            connections: usize::try_from(number("connections")).context("--connections")?,
            limits: Limits {
                goodput: flag(&flags, "goodput"),
                refusal: milliseconds("refusal-ms"),
                recovery: Duration::from_secs_f64(flag(&flags, "recovery-seconds")),
                grain: milliseconds("grain-ms"),
            },
        })
    }
}

fn command() -> Command {
    let number = |name, default, help| value(name, default, help).value_parser(value_parser!(u64));
    let decimal = |name, default, help| value(name, default, help).value_parser(value_parser!(f64));
    Command::new("overload")
        .about(ABOUT)
        .arg(number("range-bytes", "4194304", "Bytes of each range"))
        .arg(number("span-bytes", "67108864", "Bytes of the file, to ask ranges of"))
        .arg(number("most-at-once", "8", "Clients at once while the capacity is looked for: as many as are admitted"))
        .arg(number("connections", "8000", "Connections, at most"))
        .arg(decimal("seconds", "5", "Of each measurement"))
        .arg(decimal("goodput", "0.8", "Fails if less of the peak is answered under an overload"))
        .arg(decimal("refusal-ms", "5", "Fails if a hundredth of the refusals take longer"))
        .arg(decimal("recovery-seconds", "5", "Fails if it takes longer until a second is as before"))
        .arg(decimal("grain-ms", "1", "No answer is slow that takes less"))
}

fn value(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).default_value(default).help(help)
}

fn flag<T: Clone + Send + Sync + 'static>(flags: &ArgMatches, name: &str) -> T {
    flags.get_one::<T>(name).cloned().expect("every flag has a default")
}
