//! The URL under examination. Its query is a credential: it goes to its server and is shown to nobody.

use http::{Uri, uri::Authority};
use proto::log_line::Format;
use std::{fmt, str::FromStr};

/// Parts of a query shorter than this are too common to be hidden wherever they occur.
const SHORTEST_HIDDEN: usize = 8;

/// Why a text cannot be examined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    /// It is no URL.
    #[error("this is not a URL, such as https://files.example.com/files/secure/...")]
    Malformed,
    /// Neither `http` nor `https`.
    #[error("only http:// and https:// can be examined")]
    Scheme,
    /// `user@host`: no player sends that.
    #[error("a URL with a user name in it cannot be examined")]
    User,
    /// Longer than any link, and perhaps read in part only.
    #[error("a URL as long as this cannot be examined")]
    TooLong,
}

/// An `http` or `https` URL. Shown without its query.
#[derive(Clone)]
pub(super) struct Target {
    authority: Authority,
    is_encrypted: bool,
    /// As it goes over the wire.
    path_and_query: String,
    path: String,
    /// The query and its longer values.
    hidden: Vec<String>,
}

impl FromStr for Target {
    type Err = NoTarget;

    fn from_str(text: &str) -> Result<Self, NoTarget> {
        let text = text.trim();
        let uri: Uri = text.split('#').next().unwrap_or(text).parse().map_err(|_| NoTarget::Malformed)?;
        let authority = uri.authority().ok_or(NoTarget::Malformed)?.clone();
        let is_encrypted = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(NoTarget::Scheme),
        };
        if authority.as_str().contains('@') {
            return Err(NoTarget::User);
        }
        let path_and_query = uri.path_and_query().map_or("/", |all| all.as_str()).to_owned();
        let hidden = uri.query().map(secrets_of).unwrap_or_default();
        Ok(Self { authority, is_encrypted, path_and_query, path: uri.path().to_owned(), hidden })
    }
}

/// The longest first, so that none is hidden only in part.
fn secrets_of(query: &str) -> Vec<String> {
    let values = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(_, value)| value);
    let mut secrets: Vec<String> = values.filter(|value| value.len() >= SHORTEST_HIDDEN).map(str::to_owned).collect();
    secrets.extend((!query.is_empty()).then(|| query.to_owned()));
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

impl Target {
    /// For the `Host` header.
    pub(super) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// For the request line.
    pub(super) fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// A name or an address, without the brackets of IPv6.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.is_encrypted { 443 } else { 80 })
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// A text that a server may have had a hand in, fit for a terminal: on one line, and without what this URL hides.
    pub(super) fn masked(&self, text: &str) -> String {
        let hide = |text: String, secret: &String| text.replace(secret.as_str(), "[hidden]");
        Format::Text.tame(&self.hidden.iter().fold(text.to_owned(), hide)).into_owned()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        text.parse().unwrap()
    }

    #[test]
    fn a_query_is_sent_and_not_shown() {
        let link = target("https://a.example/files/secure/1?user_id=u&signature=0123456789abcdef#t=10\n");
        assert_eq!(link.path_and_query(), "/files/secure/1?user_id=u&signature=0123456789abcdef");
        assert_eq!(format!("{link} {link:?}"), "https://a.example/files/secure/1 https://a.example/files/secure/1");
        assert_eq!((link.host(), link.port()), ("a.example", 443));
    }

    #[test]
    fn what_a_server_echoes_is_hidden_and_harmless() {
        let link = target("http://a/x?expires=12&signature=0123456789abcdef");
        assert_eq!(link.masked("/y?expires=12&signature=0123456789abcdef"), "/y?[hidden]");
        assert_eq!(link.masked("is 0123456789abcdef\x1b[2J"), "is [hidden]\\u{1b}[2J");
        assert_eq!(link.masked("a\u{200b}b\u{202e}c\u{2066}d"), "a\\u{200b}b\\u{202e}c\\u{2066}d");
    }

    #[test]
    fn an_address_of_version_6_keeps_its_brackets_on_the_wire_only() {
        let link = target("http://[::1]:8080");
        assert_eq!((link.authority(), link.host(), link.port()), ("[::1]:8080", "::1", 8080));
        assert_eq!(link.path_and_query(), "/");
    }

    #[test]
    fn what_no_player_opens_is_refused() {
        for (text, why) in [
            ("", NoTarget::Malformed),
            ("a b", NoTarget::Malformed),
            ("/files/secure/1", NoTarget::Malformed),
            ("http://", NoTarget::Malformed),
            ("ftp://a/x", NoTarget::Scheme),
            ("a.example:80", NoTarget::Scheme),
            ("http://user:word@a/x", NoTarget::User),
        ] {
            assert_eq!(text.parse::<Target>().unwrap_err(), why, "{text}");
        }
    }
}
