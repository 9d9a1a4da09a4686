//! Which host a request is for. RFC 9112 section 3.2: a request of HTTP/1.1 without exactly one valid `Host` is
//! refused; two readers of it would see two requests.

use crate::error::Error;
use axum::{
    extract::Request,
    http::{Version, header, uri::Authority},
};

/// Whether the request says once for whom it is. One of HTTP/1.0 need not say it.
pub(super) fn check(request: &Request) -> Result<(), Error> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => Ok(()),
        (Some(host), None) if host.to_str().is_ok_and(is_host) => Ok(()),
        (None, _) | (Some(_), Some(_)) => Err(Error::Host("must be given once")),
        (Some(_), None) => Err(Error::Host("must be a host name or address, with a port if need be")),
    }
}

/// `uri-host [ ":" port ]`, RFC 9110 section 7.2; an empty host is invalid in http, section 4.2.1.
fn is_host(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else { return false };
    let Some(port) = text.strip_prefix(authority.host()) else { return false };
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok_and(|_| !port.starts_with('+'));
    !authority.host().is_empty() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_maybe_a_port() {
        for good in ["localhost", "api.example.com", "a_b.example:8081", "127.0.0.1:80", "[::1]", "[::1]:8081", "a:"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", ":80", "a b", "a/b", "a?b", "a#b", "u@a", "a@b@c", "a:b", "a:99999", "a:+1", "[::1", "a:1:2"] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
