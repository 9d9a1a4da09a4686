//! The bound on connections of one peer.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts the connections of each peer. It knows only those that have one.
pub(super) struct Peers {
    most: Option<usize>,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection among those of its peer; given back when this is dropped.
pub(super) struct PeerPlace {
    /// Of a peer that is counted.
    counted: Option<(Arc<Peers>, IpAddr)>,
}

impl Peers {
    /// `None`: no bound.
    pub(super) fn new(most: Option<usize>) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default() })
    }

    /// `None` while the peer has as many connections as the bound allows.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<PeerPlace> {
        let Some(most) = self.most else { return Some(PeerPlace { counted: None }) };
        let peer = peer(address);
        let mut open = self.open();
        let count = open.entry(peer).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(PeerPlace { counted: Some((Arc::clone(self), peer)) })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PeerPlace {
    fn drop(&mut self) {
        let Some((peers, peer)) = &self.counted else { return };
        let mut open = peers.open();
        if let Some(count) = open.get_mut(peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(peer);
            }
        }
    }
}

/// A customer's line is one IPv4 address, or an IPv6 network of 64 bits whose addresses it makes up at will.
fn peer(address: IpAddr) -> IpAddr {
    const NETWORK: u128 = !0 << 64;
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn past_the_bound_there_is_a_place_only_once_one_is_given_back() {
        let peers = Peers::new(Some(2));
        let enter = |text| peers.enter(address(text));
        let (first, _second) = (enter("192.0.2.1").unwrap(), enter("192.0.2.1").unwrap());
        assert!(enter("192.0.2.1").is_none());
        assert!(enter("::ffff:192.0.2.1").is_none(), "the same peer by another name");
        assert!(enter("192.0.2.2").is_some());
        drop(first);
        assert!(enter("192.0.2.1").is_some());
    }

    #[test]
    fn an_ipv6_network_is_one_peer() {
        let peers = Peers::new(Some(1));
        let _first = peers.enter(address("2001:db8:0:1::1")).unwrap();
        assert!(peers.enter(address("2001:db8:0:1:ffff::2")).is_none());
        assert!(peers.enter(address("2001:db8:0:2::1")).is_some());
    }

    #[test]
    fn a_peer_without_a_connection_is_not_remembered() {
        let peers = Peers::new(Some(1));
        for number in 0..1_000u32 {
            drop(peers.enter(IpAddr::V4(number.into())));
        }
        assert!(peers.open().is_empty());
    }

    #[test]
    fn without_a_bound_nothing_is_counted() {
        let peers = Peers::new(None);
        let places: Vec<_> = (0..100).map(|_| peers.enter(address("192.0.2.1")).unwrap()).collect();
        assert!(peers.open().is_empty());
        drop(places);
    }
}
