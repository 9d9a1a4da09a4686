//! Wrong settings: every one is named, at once, with the exit code of a usage error.

use crate::process::run;
use tempfile::tempdir;

fn refused(settings: &[(&str, &str)]) -> String {
    let home = tempdir().unwrap();
    let output = run(&home, settings);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(output.stdout.is_empty());
    text
}

#[test]
fn every_mistake_is_reported_at_once_and_no_value() {
    let text = refused(&[
        ("FILE_SIGNING_SECRET", "too-short"),
        ("GATEWAY_LISTEN", "nowhere"),
        ("DRAIN_SECONDS", "soon"),
        ("MAX_UPLOAD_BYTES", "much"),
        ("STORAGE_URL", "ftp://files"),
    ]);
    for name in ["key `default`", "GATEWAY_LISTEN", "DRAIN_SECONDS", "MAX_UPLOAD_BYTES", "STORAGE_URL"] {
        assert!(text.contains(name), "{name}: {text}");
    }
    assert!(!text.contains("too-short"));
    assert_eq!(text.matches("DRAIN_SECONDS").count(), 1, "both services read it, one line tells: {text}");
}

#[test]
fn the_development_identity_listens_on_loopback_only() {
    for address in ["0.0.0.0:8081", "[::]:8081", "192.0.2.7:8081"] {
        let text = refused(&[("SIGNER_LISTEN", address)]);
        assert!(text.contains("SIGNER_LISTEN must be a loopback address"), "{text}");
    }
}

#[test]
fn a_key_file_that_cannot_be_read_never_means_the_development_identity() {
    let text = refused(&[("CLERK_JWT_KEY_FILE", "/nowhere/key.pem"), ("SIGNER_LISTEN", "0.0.0.0:8081")]);
    assert!(text.contains("CLERK_JWT_KEY_FILE") && !text.contains("loopback"), "{text}");
}

#[test]
fn a_data_folder_that_cannot_be_made_is_a_mistake() {
    let text = refused(&[("DATA_DIR", "/proc/nothing/here"), ("DRAIN_SECONDS", "soon")]);
    assert!(text.contains("DATA_DIR") && text.contains("DRAIN_SECONDS"), "{text}");
}

#[test]
fn wrong_settings_leave_no_data_folder() {
    let home = tempdir().unwrap();
    let output = run(&home, &[("DATA_DIR", "deep/data"), ("DRAIN_SECONDS", "soon")]);
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}
