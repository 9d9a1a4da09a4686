//! One client does not take every connection, where a bound is set.

use crate::harness::{self, Connection, Ended, Gateway, PATIENCE, eventually};
use std::net::Ipv4Addr;

const REFUSED: &str = "gateway_refused_connections_total{reason=\"peer\"}";
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 77, 77, 77);

fn is_served(gateway: &Gateway, connection: &mut Connection) -> bool {
    let request = gateway.get("/nowhere").header("Connection", "close").to_bytes();
    let (answer, ended) = connection.send(&request).rest();
    ended != Ended::Open && answer.starts_with(b"HTTP/1.1 404")
}

#[test]
fn a_peer_past_its_bound_is_closed_at_once_and_others_are_served() {
    let gateway = harness::setup().set("GATEWAY_MAX_PER_PEER", "3").start();
    gateway.assert_at_rest();
    let mut held: Vec<_> = (0..3).map(|_| Connection::open_from(OTHER, gateway.public())).collect();
    for refused in 1..=5 {
        let (answer, ended) = Connection::open_from(OTHER, gateway.public()).rest();
        assert_eq!(answer, b"", "nothing is said");
        assert_ne!(ended, Ended::Open);
        assert_eq!(gateway.series(REFUSED), refused);
    }
    assert!(is_served(&gateway, &mut gateway.connect()), "another peer");
    assert!(is_served(&gateway, &mut held[0]), "a connection within the bound");
    held.remove(0);
    eventually("there is a place again", PATIENCE, || {
        is_served(&gateway, &mut Connection::open_from(OTHER, gateway.public())).then_some(())
    });
    drop(held);
    gateway.assert_unharmed();
}

#[test]
fn the_admin_listener_has_no_such_bound() {
    let gateway = harness::setup().set("GATEWAY_MAX_PER_PEER", "3").start();
    let admins: Vec<_> = (0..10).map(|_| Connection::open(gateway.admin_address())).collect();
    assert_eq!(gateway.readiness(), Some(200));
    drop(admins);
}

#[test]
fn without_the_setting_there_is_no_bound() {
    let gateway = harness::start();
    let mut held: Vec<_> = (0..100).map(|_| Connection::open_from(OTHER, gateway.public())).collect();
    assert!(held.iter_mut().all(|connection| is_served(&gateway, connection)));
    assert_eq!(gateway.series(REFUSED), 0);
}
