//! The certificate's files change while the gateway serves.

use crate::harness::{self, Certificate, Connection, Ended, Gateway, PATIENCE, bytes, eventually};
use base64::{Engine, prelude::BASE64_STANDARD};
use rcgen::KeyPair;
use rustix::process::Signal;
use std::{fs, os::unix::fs::symlink};

/// Whether a new client who trusts this certificate alone is content.
fn is_shown(gateway: &Gateway, certificate: &Certificate) -> bool {
    Connection::open(gateway.public()).try_encrypted(&certificate.trusted(&[])).is_ok()
}

#[track_caller]
fn await_shown(gateway: &Gateway, certificate: &Certificate) {
    eventually("the new certificate is shown", PATIENCE, || is_shown(gateway, certificate).then_some(()));
}

#[test]
fn a_new_pair_is_shown_to_new_connections_and_old_ones_go_on() {
    let (old, new) = (Certificate::new("localhost"), Certificate::new("localhost"));
    let gateway = harness::setup().tls_with(&old).start();
    let file = gateway.store("film.mp4", &bytes(32 << 20));
    let mut download = gateway.get(&file.url()).open_with_window(64 << 10);
    let first = download.take(100_000);
    new.write_to(gateway.home());
    await_shown(&gateway, &new);
    assert!(!is_shown(&gateway, &old));
    let (rest, ended) = download.rest();
    assert!([first, rest].concat() == file.bytes);
    assert_eq!(ended, Ended::Closed);
}

#[test]
fn a_hang_up_has_it_look_at_once() {
    let (old, new) = (Certificate::new("localhost"), Certificate::new("localhost"));
    let gateway = harness::setup().tls_with(&old).start();
    new.write_to(gateway.home());
    gateway.signal(Signal::HUP);
    await_shown(&gateway, &new);
    assert_eq!(gateway.log().matches("new certificate").count(), 1, "{}", gateway.log());
}

#[test]
fn a_pair_that_cannot_be_used_is_reported_once_and_the_old_one_stays() {
    let (old, other) = (Certificate::new("localhost"), Certificate::new("localhost"));
    let gateway = harness::setup().tls_with(&old).start();
    let key = gateway.home().join("tls.key");
    for (bad, reported) in [(&*other.key_pem, 1), ("no key", 2), (&other.pem, 3)] {
        harness::replace(&key, bad);
        for _ in 0..3 {
            gateway.signal(Signal::HUP);
            eventually("it is looked at", PATIENCE, || {
                (gateway.log().matches("certificate kept as it was").count() >= reported).then_some(())
            });
        }
        assert!(is_shown(&gateway, &old));
    }
    fs::remove_file(&key).expect("the key's file");
    gateway.signal(Signal::HUP);
    eventually("a file that is gone is reported", PATIENCE, || {
        (gateway.log().matches("certificate kept as it was").count() == 4).then_some(())
    });
    other.write_to(gateway.home());
    await_shown(&gateway, &other);
    let log = gateway.log();
    assert_eq!(log.matches("certificate kept as it was").count(), 4, "once a change: {log}");
    for key in [&old.key_pem, &other.key_pem] {
        let secret = key.lines().nth(1).expect("a line of the key");
        assert!(!log.contains(secret), "the key is in the log");
    }
}

#[test]
fn links_that_are_turned_as_kubernetes_turns_them_are_followed() {
    let (old, new) = (Certificate::new("localhost"), Certificate::new("localhost"));
    let setup = harness::setup().tls_with(&old);
    let home = setup.home().to_owned();
    for (folder, certificate) in [("..1", &old), ("..2", &new)] {
        fs::create_dir(home.join(folder)).expect("a folder");
        certificate.write_to(&home.join(folder));
    }
    symlink("..1", home.join("..data")).expect("a link");
    fs::create_dir(home.join("mounted")).expect("a folder");
    for name in ["tls.crt", "tls.key"] {
        symlink(format!("../..data/{name}"), home.join("mounted").join(name)).expect("a link");
    }
    let path = |name: &str| home.join("mounted").join(name).display().to_string();
    let gateway = setup.set("GATEWAY_TLS_CERT", &path("tls.crt")).set("GATEWAY_TLS_KEY", &path("tls.key")).start();
    symlink("..2", home.join("..new"))
        .and_then(|()| fs::rename(home.join("..new"), home.join("..data")))
        .expect("turned");
    await_shown(&gateway, &new);
}

#[test]
fn keys_of_every_kind_and_form_are_taken() {
    let p256 = KeyPair::generate().expect("a key");
    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).expect("a key");
    let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
    let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).expect("a key");
    let older = [(&p256, "EC PRIVATE KEY"), (&p384, "EC PRIVATE KEY"), (&rsa, "RSA PRIVATE KEY")];
    let older = older.map(|(key, label)| (key, in_older_form(key, label)));
    let pkcs8 = [&p256, &p384, &ed25519, &rsa].map(|key| (key, key.serialize_pem()));
    for (key, key_pem) in pkcs8.into_iter().chain(older) {
        let mut certificate = Certificate::of("localhost", key);
        certificate.key_pem = key_pem;
        let gateway = harness::setup().tls_with(&certificate).start();
        assert!(is_shown(&gateway, &certificate));
    }
}

/// As PKCS#1 or SEC 1 write it: what PKCS#8 (RFC 5208 section 5) holds in its OCTET STRING, under a label that says which.
fn in_older_form(key: &KeyPair, label: &str) -> String {
    let der = key.serialize_der();
    let (_, fields, _) = element(&der);
    let (_, _, behind_version) = element(fields);
    let (_, _, behind_algorithm) = element(behind_version);
    let (tag, inner, _) = element(behind_algorithm);
    assert_eq!(tag, 4, "an OCTET STRING");
    let lines: String = BASE64_STANDARD.encode(inner).as_bytes().chunks(64).map(line).collect();
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}

fn line(characters: &[u8]) -> String {
    format!("{}\n", String::from_utf8_lossy(characters))
}

/// The first element of DER: its tag, its content, and what follows it.
fn element(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (length, at) = match der[1] {
        short @ 0..128 => (usize::from(short), 2),
        long => {
            let at = 2 + usize::from(long - 128);
            (der[2..at].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), at)
        }
    };
    (der[0], &der[at..at + length], &der[at + length..])
}

#[test]
fn the_certificates_expiry_is_a_metric() {
    let gateway = harness::setup().tls().start();
    let expires = gateway.series("gateway_tls_certificate_expiry_timestamp_seconds");
    assert!(expires > harness::now(), "{expires}");
    let plain = harness::start();
    let metrics = plain.admin("GET", "/metrics").send();
    assert!(!String::from_utf8_lossy(metrics.body()).contains("gateway_tls_certificate"), "there is none");
}
