//! What is on its way counts against its owner's total.

use crate::harness::{Call, Server, form, token};
use std::{io::Write, sync::Arc};
use tempfile::NamedTempFile;
use tokio::task::JoinSet;

/// Where everybody's files may hold a thousand bytes together.
async fn server() -> (Server, NamedTempFile) {
    let mut tiers = NamedTempFile::new().unwrap();
    tiers.write_all(b"[free]\ntotal_bytes = 1000\n").unwrap();
    (Server::given(&[("SIGNER_TIERS", tiers.path().to_str().unwrap())]).await, tiers)
}

fn of_tier() -> String {
    token("user_1").claim("subscription_tier", "free".into()).signed()
}

fn creation(server: &Server, length: usize) -> Call {
    server.creation().bearer(&of_tier()).header("upload-length", &length.to_string())
}

#[tokio::test]
async fn what_is_declared_is_taken_until_it_is_a_file_or_given_up() {
    let (server, _tiers) = server().await;
    let first = server.begun_by(creation(&server, 600)).await;
    creation(&server, 401).send().await.refuses(413, "Quota exceeded", "quota_exceeded");
    let second = server.begun_by(creation(&server, 400)).await;
    assert_eq!(first.append(0, vec![7; 600]).send().await.status, 204);
    creation(&server, 1).send().await.refuses(413, "Quota exceeded", "quota_exceeded");
    assert_eq!(second.remove().by("user_1").send().await.status, 204);
    let third = server.begun_by(creation(&server, 400)).await;
    server.sql("UPDATE uploads SET expires_at = 1000 WHERE state = 'open'").await;
    third.append(0, "x").send().await.refuses(410, "Upload expired", "upload_expired");
}

#[tokio::test]
async fn uploads_begun_at_once_do_not_pass_the_total_together() {
    let (server, _tiers) = server().await;
    let server = Arc::new(server);
    let mut begun = JoinSet::new();
    for _ in 0..20 {
        let server = Arc::clone(&server);
        begun.spawn(async move { creation(&server, 300).send().await.status });
    }
    let statuses = begun.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 3, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 413].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn where_the_length_is_deferred_what_came_counts() {
    let (server, _tiers) = server().await;
    let creation = server.creation().bearer(&of_tier()).header("upload-defer-length", "1");
    let upload = server.begun_by(creation).await;
    assert_eq!(upload.append(0, vec![7; 600]).send().await.status, 204);
    let (media_type, body) = form().file("a", &[7; 500]).finish();
    let other = server.post("/api/files/upload").bearer(&of_tier()).body(&media_type, body).send().await;
    other.refuses(413, "Quota exceeded", "quota_exceeded");
    upload.append(600, vec![7; 401]).send().await.refuses(413, "Quota exceeded", "quota_exceeded");
    assert_eq!(upload.offset().await, 600);
    let declared = upload.append(600, "").header("upload-length", "1001").send().await;
    declared.refuses(413, "Quota exceeded", "quota_exceeded");
    let answer = upload.append(600, vec![7; 400]).header("upload-length", "1000").send().await;
    assert_eq!(answer.status, 204, "{}", answer.text());
}
