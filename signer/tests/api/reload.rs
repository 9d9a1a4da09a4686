//! SIGHUP: the process reads its secrets' files again.

use crate::harness::{Call, OTHER_KEY, Process, Server, public_pem, token};
use sha2::{Digest, Sha256};
use signer::identity::{Identity, Key, KeySource, Rules};
use std::{fs, net::SocketAddr};

/// A process whose secrets lie in files of its folder.
fn process() -> Process {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::write(at("clerk.pem"), public_pem()).unwrap();
    fs::write(at("secret"), "0123456789abcdef0123456789abcdef").unwrap();
    fs::write(at("tokens"), service_token("first")).unwrap();
    let variables = vec![
        ("PUBLIC_FILES_URL", "https://files.example.com".into()),
        ("STORAGE_URL", format!("file://{}", at("files"))),
        ("DATABASE_URL", format!("sqlite://{}", at("catalog.db"))),
        ("FILE_SIGNING_SECRET_FILE", at("secret")),
        ("CLERK_JWT_KEY_FILE", at("clerk.pem")),
        ("SIGNER_SERVICE_TOKENS_FILE", at("tokens")),
    ];
    Process::of(folder, variables)
}

fn write(process: &Process, file: &str, text: &str) {
    fs::write(process.folder().join(file), text).unwrap();
}

fn service_token(token: &str) -> String {
    format!("main-api:{}\n", hex::encode(Sha256::digest(token)))
}

/// The statuses of a token by the first key and of one by the other.
async fn statuses(api: SocketAddr) -> (u16, u16) {
    let status = async |token: String| Call::new(api, "GET", "/api/files").bearer(&token).send().await.status;
    (status(token("user_1").signed()).await, status(token("user_1").signed_by(&OTHER_KEY)).await)
}

#[tokio::test]
async fn a_replaced_identity_judges_from_then_on() {
    let server = Server::start().await;
    assert_eq!(statuses(server.api).await, (200, 401));
    let keys = KeySource::Pem(Key::from_pem(&OTHER_KEY.public_key_pem()).unwrap());
    let rules = Rules { audience: "t2m-api".into(), ..Rules::default() };
    server.signer.replace_identity(Identity { keys, rules, webhooks: None });
    assert_eq!(statuses(server.api).await, (401, 200));
}

#[tokio::test]
async fn a_hang_up_reads_the_secrets_again_and_keeps_what_has_no_usable_successor() {
    let process = process();
    let api = process.api;
    assert_eq!(statuses(api).await, (200, 401));

    write(&process, "clerk.pem", &OTHER_KEY.public_key_pem());
    write(&process, "secret", "too short");
    process.hang_up();
    let reason = process.says("signing keys kept as before");
    assert!(reason.contains("32 bytes") && !reason.contains("too short"), "{reason}");
    process.says("identity read again");
    assert_eq!(statuses(api).await, (401, 200));

    write(&process, "clerk.pem", "no key");
    write(&process, "secret", "fedcba9876543210fedcba9876543210");
    process.hang_up();
    process.says("signing keys read again");
    assert!(process.says("identity kept as before").contains("CLERK_JWT_KEY must be a PEM text"));
    assert_eq!(statuses(api).await, (401, 200));
}

#[tokio::test]
async fn a_hang_up_reads_the_services_tokens_again() {
    let process = process();
    let internal = process.internal;
    let status = async |token: &str| Call::new(internal, "POST", "/internal/files").bearer(token).send().await.status;
    assert_eq!((status("first").await, status("second").await), (400, 401));
    write(&process, "tokens", "main-api:second");
    process.hang_up();
    let reason = process.says("service tokens kept as before");
    assert!(reason.contains("SIGNER_SERVICE_TOKENS must be") && !reason.contains("second"), "{reason}");
    assert_eq!((status("first").await, status("second").await), (400, 401));
    write(&process, "tokens", &service_token("second"));
    process.hang_up();
    process.says("service tokens read again");
    assert_eq!((status("first").await, status("second").await), (401, 400));
}
