//! Mistakes in the settings of TLS are found at the start, with all others, and show no key.

use crate::harness::{self, Certificate, Setup};
use std::fs;

#[track_caller]
fn assert_refused(setup: Setup, words: &[&str], secrets: &[&str]) {
    let exit = setup.run_to_exit();
    assert_eq!(exit.status.code(), Some(64), "{}", exit.log);
    for word in words {
        assert!(exit.log.contains(word), "{word:?} is not in {}", exit.log);
    }
    for line in secrets.iter().flat_map(|secret| secret.lines()).filter(|line| !line.starts_with('-')) {
        assert!(!exit.log.contains(line), "{}", exit.log);
    }
}

#[test]
fn one_of_the_two_is_none() {
    assert_refused(harness::setup().tls().unset("GATEWAY_TLS_KEY"), &["GATEWAY_TLS_KEY is required"], &[]);
    assert_refused(harness::setup().tls().unset("GATEWAY_TLS_CERT"), &["GATEWAY_TLS_CERT is required"], &[]);
}

#[test]
fn files_that_are_not_there_are_named_by_their_settings_with_every_other_mistake() {
    let setup = harness::setup().tls().set("GATEWAY_TLS_KEY", "/nowhere/key").set("GATEWAY_TLS_CERT", "/nowhere/cert");
    let setup = setup.set("GATEWAY_THREADS", "none");
    let words = ["GATEWAY_TLS_KEY names a file", "GATEWAY_TLS_CERT names a file", "GATEWAY_THREADS must be"];
    assert_refused(setup, &words, &[]);
}

#[test]
fn a_key_that_does_not_belong_to_the_certificate_is_refused() {
    let (one, other) = (Certificate::new("localhost"), Certificate::new("localhost"));
    let setup = harness::setup().tls_with(&one);
    fs::write(setup.home().join("tls.key"), &other.key_pem).expect("the key's file");
    let secrets = [&*one.key_pem, &other.key_pem];
    assert_refused(setup, &["GATEWAY_TLS_KEY is not the key of the first certificate"], &secrets);
}

#[test]
fn what_is_no_pem_is_refused_without_being_shown() {
    let certificate = Certificate::new("localhost");
    let torn = certificate.key_pem.replace("-----END PRIVATE KEY-----\n", "");
    let swapped = &certificate.key_pem;
    for (name, content, word) in [
        ("tls.key", &*torn, "GATEWAY_TLS_KEY holds no private key"),
        ("tls.key", "", "GATEWAY_TLS_KEY holds no private key"),
        ("tls.crt", swapped, "GATEWAY_TLS_CERT holds no certificate"),
        ("tls.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "GATEWAY_TLS_CERT holds a first"),
    ] {
        let setup = harness::setup().tls_with(&certificate);
        fs::write(setup.home().join(name), content).expect("the file");
        assert_refused(setup, &[word], &[&certificate.key_pem]);
    }
}
