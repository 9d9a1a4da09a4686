//! What `/metrics` says.

use super::Gateway;
use std::collections::BTreeSet;

impl Gateway {
    #[track_caller]
    fn metrics(&self) -> String {
        let answer = self.admin("GET", "/metrics").send();
        String::from_utf8_lossy(answer.body()).into_owned()
    }

    /// The names of all series, with their labels.
    #[track_caller]
    pub(crate) fn all_series(&self) -> BTreeSet<String> {
        let text = self.metrics();
        let series = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        series.map(|(series, _)| series.to_owned()).collect()
    }

    /// The sum of a series over all its labels; 0 when it is not there.
    #[track_caller]
    pub(crate) fn metric(&self, name: &str) -> f64 {
        self.metric_where(name, "")
    }

    /// The sum of a series over those of its labels that hold this text.
    #[track_caller]
    pub(crate) fn metric_where(&self, name: &str, label: &str) -> f64 {
        let text = self.metrics();
        let value = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            let (known, labels) = series.split_once('{').unwrap_or((series, ""));
            (known == name && labels.contains(label)).then(|| value.parse::<f64>().expect("a value is a number"))
        };
        text.lines().filter_map(value).sum()
    }

    /// One series, named with its labels; 0 when there is none.
    #[track_caller]
    pub(crate) fn series(&self, series: &str) -> u64 {
        let text = self.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().expect("a whole number"))
    }
}
