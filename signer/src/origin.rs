//! Web origins: scheme, host and port (RFC 6454), compared as such and never as texts.

use std::str::FromStr;
use url::Url;

/// Where a page comes from. `null` is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    /// `None` where the scheme has no port of its own and none is given.
    port: Option<u16>,
}

/// Not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoOrigin;

impl FromStr for Origin {
    type Err = NoOrigin;

    /// `scheme://host` or `scheme://host:port`, and nothing behind it.
    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let (_, authority) = text.split_once("://").ok_or(NoOrigin)?;
        let url = Url::parse(text).map_err(|_| NoOrigin)?;
        let is_bare =
            !authority.contains(['*', '/', '\\', '?', '#', '@', ' ', '\t', '\r', '\n']) && url.path().len() <= 1;
        let host = url.host_str().filter(|host| is_bare && !host.is_empty()).ok_or(NoOrigin)?;
        Ok(Self { scheme: url.scheme().into(), host: host.into(), port: url.port_or_known_default() })
    }
}

/// `ALLOWED_ORIGINS`: the pages that may call the API from a browser.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<Origin>);

impl AllowedOrigins {
    pub(crate) fn hold(&self, origin: &Origin) -> bool {
        self.0.contains(origin)
    }
}

impl FromStr for AllowedOrigins {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "must be origins with commas between, such as https://app.example.com";
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(|entry| entry.parse().map_err(|NoOrigin| EXPECTED)).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (one, other) in [
            ("https://app.example", "https://app.example:443"),
            ("http://app.example:80", "HTTP://APP.EXAMPLE"),
            ("http://[::1]:8081", "http://[0:0::1]:8081"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(one.parse::<Origin>().unwrap(), other.parse().unwrap(), "{one}");
        }
        for other in ["http://app.example", "https://app.example:8443", "https://app.example.evil", "https://example"] {
            assert_ne!("https://app.example".parse::<Origin>(), other.parse(), "{other}");
        }
    }

    #[test]
    fn nothing_else_is_one() {
        for bad in [
            "",
            "null",
            "*",
            "app.example",
            "https://",
            "https:///x",
            "https://a/",
            "https://a/x",
            "https://a?x",
            "https://a#x",
            "https://u@a",
            "https://a b",
            "https://a:99999",
            "https://*.example",
            "file:///x",
            "data:,x",
            "https:a",
            "https://a\\",
            "javascript://",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(NoOrigin), "{bad:?}");
        }
    }
}
