//! Settings: all mistakes together, and no value in any of them.

use crate::harness::{config, public_pem, variables};
use signer::identity::{JwksSource, KeySource};
use signer::tiers::{Limits, Tiers};

fn with(changes: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let folder = tempfile::tempdir().unwrap();
    let mut variables = variables(&folder);
    for (name, value) in changes {
        variables.retain(|(known, _)| known != name);
        variables.push((name, (*value).to_owned()));
    }
    variables
}

#[test]
fn every_mistake_is_reported_at_once() {
    let text = config(&with(&[
        ("SIGNER_LISTEN", "everywhere"),
        ("PUBLIC_FILES_URL", "files.example.com"),
        ("CLERK_JWT_KEY", ""),
        ("CLERK_JWKS_URL", "http://clerk.example/jwks"),
        ("CLERK_WEBHOOK_SIGNING_SECRET", "whsec_secret-hook"),
        ("MAX_UPLOAD_BYTES", "lots"),
        ("RATE_LIMIT", "100"),
        ("SIGNER_GC_SECONDS", "daily"),
        ("SIGNER_PUBLIC_URL", "api.example.com"),
        ("ALLOWED_ORIGINS", "https://a.example, b.example"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, the-proxy"),
        ("REDIS_URL", "amqp://:secret-word@localhost"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:secret-collector@localhost"),
        ("STORAGE_URL", "ftp://secret-place"),
        ("DATABASE_URL", ""),
        ("FILE_SIGNING_SECRET", "short-secret"),
    ]))
    .unwrap_err();
    for part in [
        "SIGNER_LISTEN must be an address",
        "PUBLIC_FILES_URL must be a URL",
        "CLERK_JWKS_URL must be an https URL",
        "CLERK_WEBHOOK_SIGNING_SECRET must be `whsec_` and base64",
        "MAX_UPLOAD_BYTES must be a number of bytes",
        "RATE_LIMIT must be calls/time",
        "SIGNER_GC_SECONDS must be a number of seconds",
        "SIGNER_PUBLIC_URL must be a URL",
        "ALLOWED_ORIGINS must be origins",
        "TRUSTED_PROXIES must be addresses and networks",
        "REDIS_URL must be a URL such as redis://",
        "OTEL_EXPORTER_OTLP_ENDPOINT must be a collector's URL",
        "STORAGE_URL must be",
        "DATABASE_URL is required",
        "shorter than 32 bytes",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    for secret in ["short-secret", "secret-place", "secret-hook", "secret-word", "secret-collector"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn every_mistake_in_the_tiers_is_reported_with_its_key_beside_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tiers.toml");
    let given = |text: &str| {
        std::fs::write(&file, text).unwrap();
        config(&with(&[("SIGNER_TIERS", file.to_str().unwrap()), ("MAX_UPLOAD_BYTES", "lots")])).unwrap_err()
    };
    let text = given("[free]\nrate = '0/1h'\nspeed = 1\n[gold]\nmax_url_seconds = 604801\n");
    for part in [
        "MAX_UPLOAD_BYTES must be",
        "SIGNER_TIERS free.rate must be a text of calls/time",
        "SIGNER_TIERS free.speed is not known",
        "SIGNER_TIERS gold.max_url_seconds must be a whole number from 1 to 604800",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(given("[free").contains("SIGNER_TIERS is not TOML"));
    std::fs::remove_file(&file).unwrap();
    let missing = config(&with(&[("SIGNER_TIERS", file.to_str().unwrap())])).unwrap_err();
    assert!(missing.contains("SIGNER_TIERS names a file that cannot be read"), "{missing}");
}

#[test]
fn a_database_url_names_a_file_or_a_server_and_is_never_repeated() {
    let given = |url: &str| config(&with(&[("DATABASE_URL", url)]));
    for good in ["sqlite:///srv/catalog.db", "postgres://signer:kept@db.local/files", "postgresql://db.local/files"] {
        assert!(!format!("{:?}", given(good).unwrap()).contains("kept"), "{good}");
    }
    for bad in ["sqlite://", "mysql://kept@db.local/files", "postgres://signer:kept@db.local:x/files"] {
        let text = given(bad).unwrap_err();
        assert!(text.contains("DATABASE_URL must be") && !text.contains("kept"), "{text}");
    }
}

#[test]
fn keys_are_in_the_settings_or_at_a_place_that_they_name() {
    let refused = |changes: &[_]| config(&with(changes)).unwrap_err();
    assert!(refused(&[("CLERK_JWT_KEY", "")]).contains("CLERK_JWT_KEY is required, unless CLERK_JWKS_URL"));
    for (changes, source) in [
        (&[("CLERK_ISSUER", "https://clerk.example")][..], None),
        (&[("CLERK_JWKS_URL", "https://keys.example/jwks")], None),
        (
            &[("CLERK_JWT_KEY", ""), ("CLERK_ISSUER", "https://clerk.example/")],
            Some("https://clerk.example/.well-known/jwks.json"),
        ),
        (
            &[("CLERK_JWT_KEY", ""), ("CLERK_ISSUER", "clerk"), ("CLERK_JWKS_URL", "https://keys.example/jwks")],
            Some("https://keys.example/jwks"),
        ),
    ] {
        match (config(&with(changes)).unwrap().identity.keys, source) {
            (KeySource::Pem(_), None) => {}
            (KeySource::Jwks(found), Some(place)) => assert_eq!(found, JwksSource::at(place).unwrap()),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }
    let secret = "https://user:secret-part@clerk.example/jwks";
    for (name, value) in [("CLERK_JWKS_URL", secret), ("CLERK_ISSUER", "clerk.example")] {
        let text = refused(&[("CLERK_JWT_KEY", ""), (name, value)]);
        assert!(text.contains(&format!("{name} must be an https URL")) && !text.contains("secret-part"), "{text}");
    }
}

#[test]
fn the_key_may_come_from_a_file_or_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    std::fs::write(&file, public_pem()).unwrap();
    assert!(config(&with(&[("CLERK_JWT_KEY", ""), ("CLERK_JWT_KEY_FILE", file.to_str().unwrap())])).is_ok());
    assert!(config(&with(&[("CLERK_JWT_KEY", &public_pem().replace('\n', "\\n"))])).is_ok());
    let private = crate::harness::OTHER_KEY.serialize_pem();
    let text = config(&with(&[("CLERK_JWT_KEY", &private)])).unwrap_err();
    assert!(text.contains("CLERK_JWT_KEY is a private key") && !text.contains("MII"), "{text}");
}

#[test]
fn defaults_are_those_of_the_contract() {
    let mut variables = with(&[("CLERK_AUTHORIZED_PARTIES", "https://a.example, https://b.example,")]);
    variables.retain(|(name, _)| !["MAX_UPLOAD_BYTES", "RATE_LIMIT"].contains(name));
    let config = config(&variables).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.internal_listen.to_string(), "127.0.0.1:9081");
    let limits = Limits {
        rate: "100/1h".parse().unwrap(),
        max_upload_bytes: 5 << 30,
        total_bytes: None,
        max_url_seconds: 604_800,
    };
    assert_eq!(config.tiers, Tiers::alike(limits));
    assert!(config.redis.is_none() && config.public_url.is_none());
    assert_eq!(config.identity.rules.audience, "t2m-api");
    assert_eq!(config.identity.rules.parties, ["https://a.example", "https://b.example"]);
    assert_eq!((config.drain_delay.as_secs(), config.drain.as_secs()), (0, 30));
}

#[test]
fn a_signer_that_takes_development_tokens_listens_on_loopback_only() {
    let issuer = ("CLERK_ISSUER", "https://development.invalid");
    assert!(config(&with(&[issuer])).is_ok());
    for address in ["0.0.0.0:8081", "[::]:8081", "192.0.2.7:8081"] {
        let text = config(&with(&[issuer, ("SIGNER_LISTEN", address)])).unwrap_err();
        assert!(text.contains("SIGNER_LISTEN must be a loopback address while CLERK_ISSUER"), "{text}");
        assert!(config(&with(&[("SIGNER_LISTEN", address)])).is_ok());
    }
}
