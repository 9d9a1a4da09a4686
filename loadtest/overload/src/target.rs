//! What is asked for: ranges of one file, one after another from its start to its end and again.

use anyhow::{Context, ensure};
use std::{net::SocketAddr, str::FromStr};
use url::Url;

/// A file behind a signed URL.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) range_bytes: u64,
    ranges: u64,
    /// Of a request, without its range.
    line_and_host: String,
}

impl Target {
    /// # Errors
    /// No URL of a plain HTTP server at an IP address, or ranges that do not fit.
    pub(crate) fn new(url: &str, range_bytes: u64, span_bytes: u64) -> anyhow::Result<Self> {
        // A URL that does not parse is not shown: it holds a signature.
        let url = Url::parse(url).ok().context("standard input holds no URL")?;
        ensure!(url.scheme() == "http", "the URL is not of a plain HTTP server");
        let host = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80));
        let address = SocketAddr::from_str(&host).context("the URL's host is no IP address")?;
        ensure!(range_bytes > 0 && range_bytes <= span_bytes, "a range must fit into the file");
        let (path, query) = (url.path(), url.query().unwrap_or_default());
        let line_and_host = format!("GET {path}?{query} HTTP/1.1\r\nHost: {host}\r\n");
        Ok(Self { address, range_bytes, ranges: span_bytes / range_bytes, line_and_host })
    }

    /// The `number`th request.
    pub(crate) fn request(&self, number: u64) -> String {
        let first = number % self.ranges * self.range_bytes;
        format!("{}Range: bytes={first}-{}\r\n\r\n", self.line_and_host, first + self.range_bytes - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_walk_through_the_file_and_begin_again() {
        let target = Target::new("http://127.0.0.1:8080/files/secure/a?signature=b", 100, 250).unwrap();
        let head = "GET /files/secure/a?signature=b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n";
        assert_eq!(target.request(0), format!("{head}Range: bytes=0-99\r\n\r\n"));
        assert_eq!(target.request(1), format!("{head}Range: bytes=100-199\r\n\r\n"));
        assert_eq!(target.request(2), target.request(0));
    }

    #[test]
    fn what_cannot_be_asked_is_refused_without_being_shown() {
        for (url, range) in
            [("nonsense?signature=b", 1), ("https://127.0.0.1/?signature=b", 1), ("http://127.0.0.1/", 9)]
        {
            let error = Target::new(url, range, 8).err().expect("it is refused");
            assert!(!format!("{error:#}").contains("signature"));
        }
    }
}
