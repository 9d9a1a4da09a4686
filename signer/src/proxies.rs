//! Who is at the other end, when proxies stand in between: their word is taken only if they are trusted.
//!
//! Each proxy puts the address that it sees at the end of a list. From the end backwards, as long as the list was
//! written by a trusted proxy, its word counts: the first address that is no trusted proxy's is the client's.

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;
use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Who holds the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// `TRUSTED_PROXIES`: whose `X-Forwarded-For` and `Forwarded` are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl FromStr for TrustedProxies {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "must be addresses and networks with commas between, such as 10.0.0.0/8, 192.0.2.1";
        let network = |text: &str| {
            let address = text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or(address).map_err(|_| EXPECTED)
        };
        text.split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl TrustedProxies {
    /// Where the request of this peer comes from.
    ///
    /// A proxy writes one of the two lists and passes on the other as the client gave it. So two that name different
    /// clients are worth nothing: then it is the peer itself.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(peer) {
            return peer.to_canonical();
        }
        let x_forwarded = self.behind(peer, &list(headers, &X_FORWARDED_FOR, |entry| Some(entry.into())));
        let forwarded = self.behind(peer, &list(headers, &header::FORWARDED, |entry| parameter(entry, "for")));
        match (x_forwarded, forwarded) {
            (Some(one), Some(other)) if one != other => peer.to_canonical(),
            (one, other) => one.or(other).unwrap_or_else(|| peer.to_canonical()),
        }
    }

    /// Whether the client speaks TLS with the outermost proxy, as a trusted peer says.
    pub(crate) fn is_https(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let x_forwarded = || list(headers, &X_FORWARDED_PROTO, |entry| Some(entry.into()));
        let forwarded = || list(headers, &header::FORWARDED, |entry| parameter(entry, "proto"));
        self.trusts(peer) && x_forwarded().first().or(forwarded().first()).is_some_and(|scheme| scheme == "https")
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// The nearest address in the list that is not trusted, or the farthest that is. What cannot be read ends the
    /// list: nobody vouches for what stands before it. `None` if there is no list.
    fn behind(&self, peer: IpAddr, list: &[String]) -> Option<IpAddr> {
        let mut client = (!list.is_empty()).then(|| peer.to_canonical())?;
        for entry in list.iter().rev() {
            let Some(address) = address(entry) else { break };
            client = address;
            if !self.trusts(address) {
                break;
            }
        }
        Some(client)
    }
}

/// The entries of all lines of this header, in order. One without what is wanted of it is an empty text.
fn list(headers: &HeaderMap, name: &HeaderName, wanted: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default());
    let entries = lines.flat_map(|line| line.split(','));
    entries.map(|entry| wanted(entry.trim()).unwrap_or_default().to_ascii_lowercase()).collect()
}

/// One parameter of a `Forwarded` element (RFC 7239 section 4).
fn parameter(element: &str, name: &str) -> Option<String> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value);
    Some(values.next()?.trim().trim_matches('"').to_owned())
}

/// An address with or without a port; IPv6 in brackets (RFC 7239 section 6) or, without a port, bare.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().ok().or_else(with_port).or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, lines: &[(&'static str, &'static str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        trusted.parse::<TrustedProxies>().unwrap().client(peer.parse().unwrap(), &headers).to_string()
    }

    const OURS: &str = "10.0.0.0/8, 192.0.2.9, fd00::/8";

    #[test]
    fn nobody_else_is_believed() {
        for name in ["x-forwarded-for", "forwarded"] {
            assert_eq!(client("", "10.0.0.1", &[(name, "for=203.0.113.5")]), "10.0.0.1");
            assert_eq!(client(OURS, "198.51.100.1", &[(name, "203.0.113.5")]), "198.51.100.1");
        }
    }

    #[test]
    fn the_rightmost_address_that_is_not_trusted_is_the_client() {
        for (list, expected) in [
            ("203.0.113.5", "203.0.113.5"),
            ("1.1.1.1, 203.0.113.5", "203.0.113.5"),
            ("1.1.1.1,203.0.113.5 , 10.2.3.4,192.0.2.9", "203.0.113.5"),
            ("203.0.113.5:4711", "203.0.113.5"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]:80, fd00::1", "2001:db8::7"),
            ("::ffff:203.0.113.5", "203.0.113.5"),
            ("10.0.0.7", "10.0.0.7"),
            ("unknown, 10.0.0.7", "10.0.0.7"),
            ("203.0.113.5, nonsense", "10.0.0.1"),
            ("203.0.113.5,", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(client(OURS, "10.0.0.1", &[("x-forwarded-for", list)]), expected, "{list:?}");
        }
        let lines = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.5, 10.0.0.2")];
        assert_eq!(client(OURS, "::ffff:10.0.0.1", &lines), "203.0.113.5");
    }

    #[test]
    fn forwarded_says_the_same_in_its_own_way() {
        for (list, expected) in [
            ("for=203.0.113.5;proto=https;by=10.0.0.1", "203.0.113.5"),
            ("for=1.1.1.1, For=\"[2001:db8::7]:4711\" , for=10.0.0.3", "2001:db8::7"),
            ("for=203.0.113.5, for=_hidden", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
        ] {
            assert_eq!(client(OURS, "10.0.0.1", &[("forwarded", list)]), expected, "{list:?}");
        }
    }

    #[test]
    fn two_lists_that_disagree_are_worth_nothing() {
        let lists = |one, other| client(OURS, "10.0.0.1", &[("x-forwarded-for", one), ("forwarded", other)]);
        assert_eq!(lists("203.0.113.5", "for=203.0.113.5"), "203.0.113.5");
        assert_eq!(lists("203.0.113.5", "for=1.1.1.1"), "10.0.0.1");
    }

    #[test]
    fn the_scheme_is_believed_like_the_address() {
        let is_https = |trusted: &str, name: &'static str, value: &'static str| {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())]);
            trusted.parse::<TrustedProxies>().unwrap().is_https("10.0.0.1".parse().unwrap(), &headers)
        };
        assert!(is_https(OURS, "x-forwarded-proto", "HTTPS") && is_https(OURS, "forwarded", "for=a;proto=https"));
        assert!(!is_https(OURS, "x-forwarded-proto", "http") && !is_https(OURS, "forwarded", "for=a"));
        assert!(!is_https("", "x-forwarded-proto", "https"));
    }

    #[test]
    fn only_addresses_and_networks_can_be_trusted() {
        for bad in ["proxy", "10.0.0.0/33", "10.0.0", "10.0.0.1 10.0.0.2", "*", "10.0.0.1:80"] {
            assert!(bad.parse::<TrustedProxies>().is_err(), "{bad}");
        }
        assert_eq!(" ,".parse::<TrustedProxies>(), Ok(TrustedProxies::default()));
    }
}
