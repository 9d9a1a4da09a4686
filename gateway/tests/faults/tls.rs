//! Storage behind TLS with a certificate that is no good (G13).

use crate::{
    Stage,
    harness::{self, Fault, Origin, PATIENCE, bytes, eventually},
    outcome::Outcome,
};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::{fs, net::Ipv4Addr, sync::Arc};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

/// A certificate of its own making, for this address, good until the end of that year; and as PEM.
fn certificate(address: Ipv4Addr, key: &KeyPair, last_year: i32) -> (TlsAcceptor, String) {
    let mut params = CertificateParams::new([address.to_string()]).expect("an address is a name");
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(last_year, 12, 31));
    let certificate = params.self_signed(key).expect("a certificate");
    let secret = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret)
        .expect("key and certificate belong together");
    (TlsAcceptor::from(Arc::new(config)), certificate.pem())
}

/// A gateway that trusts the certificate made with `key`, and storage that has none yet.
fn stage_trusting(key: &KeyPair) -> (Stage, Ipv4Addr) {
    let setup = harness::setup();
    assert!(!setup.storage().is_folder(), "these tests need S3: TEST_STORAGE_URL");
    let (address, trusted) = (setup.address(), setup.home().join("trusted.pem"));
    let (acceptor, pem) = certificate(address, key, 2021);
    fs::write(&trusted, pem).expect("a file");
    let origin = Origin::start(address);
    origin.speak_tls(acceptor);
    let setup = setup
        .set("AWS_ENDPOINT", &origin.url())
        .set("SSL_CERT_FILE", &trusted.display().to_string())
        .set("GATEWAY_CACHE_DIR", "off");
    let gateway = setup.start_unready();
    eventually("the gateway is up", PATIENCE, || gateway.readiness());
    (Stage { gateway, origin, is_cached: false }, address)
}

#[track_caller]
fn assert_refused(stage: &Stage) {
    let film = stage.gateway.store("film.mp4", &bytes(1000));
    let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
    assert!(matches!(outcome, Outcome::Refused(502 | 503, _)), "{outcome:?}");
    assert_eq!(stage.gateway.readiness(), Some(503));
    assert_eq!(stage.origin.gets(&film).len(), 0, "nothing is asked of a server that is not trusted");
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn an_expired_certificate_is_refused_until_it_is_renewed() {
    let key = KeyPair::generate().expect("a key");
    let (stage, address) = stage_trusting(&key);
    assert_refused(&stage);
    assert!(stage.gateway.log().to_lowercase().contains("certificate"), "the reason is in the log");

    stage.origin.speak_tls(certificate(address, &key, 2100).0);
    let film = stage.gateway.store("film.mp4", &bytes(1_000_000));
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
    eventually("/readyz says 200", PATIENCE, || (stage.gateway.readiness() == Some(200)).then_some(()));

    let film = stage.gateway.store("film.mp4", &bytes(1_000_000));
    stage.origin.next(1, Fault::Reset(1000));
    let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
    assert!(matches!(outcome, Outcome::Exact | Outcome::Cut(_)), "{outcome:?}");
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_certificate_of_somebody_else_is_refused() {
    let (stage, address) = stage_trusting(&KeyPair::generate().expect("a key"));
    let stranger = KeyPair::generate().expect("another key");
    stage.origin.speak_tls(certificate(address, &stranger, 2100).0);
    assert_refused(&stage);
}
