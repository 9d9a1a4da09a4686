//! What a first start makes, and a second one finds again.

use crate::{page::public_key, process::Standalone};
use std::{fs, os::unix::fs::PermissionsExt, process::Command};
use tempfile::tempdir;

#[test]
fn a_first_start_makes_everything_and_a_second_one_keeps_it() {
    let home = tempdir().unwrap();
    let data = home.path().join("data");
    let mode = |name: &str| fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    let read = |name: &str| fs::read_to_string(data.join(name)).unwrap();
    let names = |standalone: &Standalone| -> Vec<String> {
        let listed = standalone.request("GET", "/files").send().data();
        listed["files"].as_array().unwrap().iter().map(|file| file["filename"].as_str().unwrap().into()).collect()
    };

    let first = Standalone::start(&home, &[]);
    assert_eq!((mode(""), mode("signing-secret"), mode("development-key.pem")), (0o700, 0o600, 0o600));
    assert!(data.join("catalog.db").is_file() && data.join("files").is_dir());
    assert_eq!(names(&first), ["sample clip.mp4"]);
    let (secret, key, token) = (read("signing-secret"), read("development-key.pem"), first.token().to_owned());
    drop(first);

    let second = Standalone::start(&home, &[]);
    assert_eq!((read("signing-secret"), read("development-key.pem")), (secret, key));
    assert_eq!(names(&second), ["sample clip.mp4"]);
    assert_ne!(second.token(), token, "a token lives as long as its process");
}

#[test]
fn a_secret_of_ones_own_is_used_and_none_is_made() {
    let home = tempdir().unwrap();
    fs::write(home.path().join("secret"), "a secret of my own that is long enough\n").unwrap();
    let _standalone = Standalone::start(&home, &[("FILE_SIGNING_SECRET_FILE", "secret")]);
    assert!(!home.path().join("data/signing-secret").exists());
}

#[test]
fn where_everything_is_given_there_is_no_data_folder() {
    let home = tempdir().unwrap();
    let at = |scheme: &str, name: &str| format!("{scheme}://{}", home.path().join(name).display());
    let _standalone = Standalone::start(
        &home,
        &[
            ("STORAGE_URL", &at("file", "objects")),
            ("DATABASE_URL", &at("sqlite", "rows.db")),
            ("FILE_SIGNING_KEYS", "k1:a secret of my own that is long enough"),
            ("CLERK_JWT_KEY", &public_key()),
        ],
    );
    assert!(!home.path().join("data").exists());
}

#[test]
fn the_lines_of_the_banner_work_in_a_shell() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[]);
    let shell = |line: &str| {
        let output = Command::new("bash").args(["-c", line]).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let answers: Vec<_> = standalone.pasted().into_iter().map(shell).collect();
    let [upload, sign, play] = answers.as_slice() else { panic!("{answers:?}") };
    assert!(upload.0.contains(r#""filename":"hello.txt""#) && upload.0.contains(r#""success":true"#), "{upload:?}");
    assert!(sign.0.contains("/files/secure/") && sign.0.contains(r#""success":true"#), "{sign:?}");
    assert!(play.0.contains("206") && play.0.to_lowercase().contains("content-range: bytes 0-1023/"), "{play:?}");
    assert!(!play.0.contains("signature"));
}

#[test]
fn the_access_token_is_in_no_log() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[("RUST_LOG", "trace")]);
    standalone.request("GET", "/files").send().data();
    standalone.request("GET", "/files/none").send().refused();
    assert!(standalone.log().len() > 100, "it does log");
    assert!(!standalone.log().contains(standalone.token()));
    assert!(!standalone.log().contains("eyJ"), "nor is a JWT");
}

#[test]
fn with_a_certificate_links_are_https() {
    let home = tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(home.path().join("tls.crt"), made.cert.pem()).unwrap();
    fs::write(home.path().join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    let standalone = Standalone::start(&home, &[("GATEWAY_TLS_CERT", "tls.crt"), ("GATEWAY_TLS_KEY", "tls.key")]);
    let files = standalone.request("GET", "/files").send().data();
    let id = files["files"][0]["id"].as_str().unwrap();
    let signed = standalone.request("POST", &format!("/files/{id}/signed-url")).send().data();
    assert!(signed["url"].as_str().unwrap().starts_with("https://"), "{signed}");
}
