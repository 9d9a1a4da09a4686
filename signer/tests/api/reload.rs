//! SIGHUP: the process reads its secrets' files again.

use crate::harness::{Call, OTHER_KEY, Process, Server, service_token, token};
use signer::identity::{Identity, Key, KeySource, Rules};
use std::net::SocketAddr;

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
    let mut process = Process::start();
    let api = process.api;
    assert_eq!(statuses(api).await, (200, 401));

    process.write("clerk.pem", &OTHER_KEY.public_key_pem());
    process.write("secret", "too short");
    process.hang_up();
    let reason = process.says("signing keys kept as before");
    assert!(reason.contains("32 bytes") && !reason.contains("too short"), "{reason}");
    process.says("identity read again");
    assert_eq!(statuses(api).await, (401, 200));

    process.write("clerk.pem", "no key");
    process.write("secret", "fedcba9876543210fedcba9876543210");
    process.hang_up();
    process.says("signing keys read again");
    assert!(process.says("identity kept as before").contains("CLERK_JWT_KEY must be a PEM text"));
    assert_eq!(statuses(api).await, (401, 200));
}

#[tokio::test]
async fn a_hang_up_reads_the_services_tokens_again() {
    let mut process = Process::start();
    let internal = process.internal;
    let status = async |token: &str| Call::new(internal, "POST", "/internal/files").bearer(token).send().await.status;
    assert_eq!((status("first").await, status("second").await), (400, 401));
    process.write("tokens", "main-api:second");
    process.hang_up();
    let reason = process.says("service tokens kept as before");
    assert!(reason.contains("SIGNER_SERVICE_TOKENS must be") && !reason.contains("second"), "{reason}");
    assert_eq!((status("first").await, status("second").await), (400, 401));
    process.write("tokens", &service_token("second"));
    process.hang_up();
    process.says("service tokens read again");
    assert_eq!((status("first").await, status("second").await), (401, 400));
}
