//! What is told of an import: each refusal as it comes, how far it has come, and all of it in one line. What became a file
//! is a table of its own, for whoever keeps the ids.

use proto::id::FileId;
use std::{
    fmt,
    io::{self, Write},
    time::{Duration, Instant},
};

/// Between two lines that tell how far it has come.
const PAUSE: Duration = Duration::from_secs(5);

/// How it all stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files that were none before.
    pub new: u64,
    /// Files that were there already.
    pub refreshed: u64,
    /// Told of, and left.
    pub refused: u64,
}

/// Where it is told.
pub(super) struct Report<O, E> {
    files: O,
    people: E,
    summary: Summary,
    is_rehearsal: bool,
    told_at: Instant,
}

impl<O: Write, E: Write> Report<O, E> {
    pub(super) fn begin(mut files: O, people: E, is_rehearsal: bool) -> io::Result<Self> {
        if !is_rehearsal {
            writeln!(files, "path,file_id")?;
        }
        Ok(Self { files, people, summary: Summary::default(), is_rehearsal, told_at: Instant::now() })
    }

    pub(super) fn file(&mut self, path: &str, id: &FileId, is_new: bool) -> io::Result<()> {
        match is_new {
            true => self.summary.new += 1,
            false => self.summary.refreshed += 1,
        }
        // An id of a rehearsal is nobody's.
        if self.is_rehearsal { Ok(()) } else { writeln!(self.files, "{},{id}", Quoted(path)) }
    }

    pub(super) fn refused(&mut self, place: &str, why: &str) -> io::Result<()> {
        self.summary.refused += 1;
        writeln!(self.people, "{place}: {why}")
    }

    /// What was told so far is told, should the process end here.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.files.flush()?;
        if self.told_at.elapsed() >= PAUSE {
            self.told_at = Instant::now();
            writeln!(self.people, "so far: {}", self.summary)?;
        }
        Ok(())
    }

    pub(super) fn end(mut self) -> io::Result<Summary> {
        self.files.flush()?;
        let as_if = if self.is_rehearsal { "a rehearsal, nothing was written: " } else { "" };
        writeln!(self.people, "{as_if}{}", self.summary)?;
        Ok(self.summary)
    }
}

/// A field as RFC 4180 has it.
struct Quoted<'f>(&'f str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains([',', '"', '\r', '\n']) {
            write!(f, "\"{}\"", self.0.replace('"', "\"\""))
        } else {
            f.write_str(self.0)
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { new, refreshed, refused } = self;
        write!(f, "{} objects: {new} new, {refreshed} refreshed, {refused} refused", new + refreshed + refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_back_as_it_was_given() {
        let (mut files, mut people) = (Vec::new(), Vec::new());
        let mut report = Report::begin(&mut files, &mut people, false).unwrap();
        report.file("a b,\"c\".mp4", &"x-1".parse().unwrap(), true).unwrap();
        report.refused("line 3", "no").unwrap();
        let summary = report.end().unwrap();
        assert_eq!(summary, Summary { new: 1, refreshed: 0, refused: 1 });
        assert_eq!(String::from_utf8(files).unwrap(), "path,file_id\n\"a b,\"\"c\"\".mp4\",x-1\n");
        assert_eq!(String::from_utf8(people).unwrap(), "line 3: no\n2 objects: 1 new, 0 refreshed, 1 refused\n");
    }
}
