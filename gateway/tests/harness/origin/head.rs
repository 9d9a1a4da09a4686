//! The head of a request or an answer: its lines go on as they came, but for what is changed.

use std::{io, ops::Range};
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

pub(super) struct Head {
    first: String,
    headers: Vec<(String, String)>,
}

impl Head {
    /// The next one on a connection; `None` when the other side has finished.
    pub(super) async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Self>> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            match (line.trim_end(), lines.is_empty()) {
                ("", true) => {}
                ("", false) => break,
                (line, _) => lines.push(line.to_owned()),
            }
        }
        let first = lines.remove(0);
        let header = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Some(Self { first, headers: lines.iter().filter_map(header).collect() }))
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let lines: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{}\r\n{lines}\r\n", self.first).into_bytes()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    /// Gives a header, changes it, or takes it away.
    pub(super) fn set(&mut self, name: &str, value: Option<&str>) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    /// Of a request.
    pub(super) fn method(&self) -> &str {
        self.first.split(' ').next().unwrap_or_default()
    }

    /// Of a request, without its query.
    pub(super) fn path(&self) -> &str {
        let target = self.first.split(' ').nth(1).unwrap_or_default();
        target.split('?').next().unwrap_or_default()
    }

    /// Of a request: the one range asked for.
    pub(super) fn range(&self) -> Option<Range<u64>> {
        let (first, last) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        Some(first.parse().ok()?..last.parse::<u64>().ok()? + 1)
    }

    /// Of an answer.
    pub(super) fn status(&self) -> u16 {
        self.first.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    pub(super) fn rename(&mut self, status: u16) {
        self.first = format!("HTTP/1.1 {status} Renamed");
    }

    /// Of an answer, to a request of this method.
    pub(super) fn body_length(&self, method: &str) -> u64 {
        if method == "HEAD" || matches!(self.status(), 204 | 304) {
            return 0;
        }
        let length = self.header("content-length").and_then(|length| length.parse().ok());
        length.expect("storage gives the length of every answer")
    }
}
