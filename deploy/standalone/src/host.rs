//! Which `Host` names this machine, and nothing that a name server could point here.
//!
//! A page of a stranger's site whose name was rebound to 127.0.0.1 still sends that site's name; a proxy that
//! makes this machine reachable sends its own, or says in `Forwarded` and `X-Forwarded-*` that it is there.

use axum::http::{HeaderMap, Uri, header};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a request names this machine and only this machine: in `Host` (RFC 9110 section 7.2), in an
/// absolute-form target (RFC 9112 section 3.2.2) or in both, and at least once.
pub(crate) fn is_local(uri: &Uri, headers: &HeaderMap) -> bool {
    let hosts = headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or_default());
    let mut names = hosts.chain(uri.authority().map(|authority| authority.as_str())).peekable();
    names.peek().is_some() && names.all(is_loopback)
}

/// Whether somebody in between says that the request came from elsewhere.
pub(crate) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| *name == header::FORWARDED || name.as_str().starts_with("x-forwarded-"))
}

/// `localhost`, an address of 127.0.0.0/8, or `[::1]`, with or without a port.
fn is_loopback(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    port.is_none_or(|port| !port.starts_with('+') && port.parse::<u16>().is_ok())
        && (host.eq_ignore_ascii_case("localhost")
            || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
            || address.is_some_and(|text| text.parse() == Ok(Ipv6Addr::LOCALHOST)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn loopback_is_recognised_with_and_without_a_port() {
        for host in ["localhost", "LocalHost:8081", "127.0.0.1", "127.9.8.7:1", "[::1]", "[::1]:8081"] {
            assert!(is_loopback(host), "{host}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for host in [
            "",
            ":8081",
            "example.com",
            "localhost.example.com",
            "localhost.",
            "127.0.0.1.nip.io",
            "127.1",
            "0127.0.0.1",
            "2130706433",
            "0.0.0.0",
            "10.0.0.1:8081",
            "192.168.0.2",
            "::1",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[fe80::1]",
            "[::1",
            "user@localhost",
            "localhost:",
            "localhost:+80",
            "localhost:99999",
            "localhost:80:80",
            "localhost ",
            "localhost,example.com",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn every_name_given_must_be_local_and_one_must_be_given() {
        let origin_form = Uri::from_static("/x");
        let absolute = |host: &str| format!("http://{host}/x").parse::<Uri>().unwrap();
        let local = headers(&[("host", "localhost")]);
        assert!(is_local(&origin_form, &local));
        assert!(is_local(&absolute("127.0.0.1:1"), &local));
        assert!(!is_local(&absolute("example.com"), &local));
        assert!(!is_local(&absolute("localhost"), &headers(&[("host", "example.com")])));
        assert!(!is_local(&origin_form, &headers(&[("host", "localhost"), ("host", "example.com")])));
        assert!(!is_local(&origin_form, &HeaderMap::new()));
    }

    #[test]
    fn a_proxy_gives_itself_away() {
        assert!(!is_forwarded(&headers(&[("x-request-id", "1"), ("host", "localhost")])));
        for name in ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-anything"] {
            assert!(is_forwarded(&headers(&[(name, "")])), "{name}");
        }
    }
}
