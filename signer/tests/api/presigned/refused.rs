use super::*;
use crate::harness::{Server, token};
use futures_util::future::join_all;
use std::io::Write;
use tempfile::NamedTempFile;

#[tokio::test]
async fn every_field_is_looked_at() {
    let Some(server) = on_s3().await else { return };
    let long = "x".repeat(1025);
    for (field, bad) in [
        ("filename", json!(null)),
        ("filename", json!("")),
        ("filename", json!("a\0b")),
        ("filename", json!(long)),
        ("filename", json!(7)),
        ("size", json!(null)),
        ("size", json!(-1)),
        ("size", json!(1.5)),
        ("size", json!("1")),
        ("contentType", json!(1)),
        ("jobId", json!("")),
        ("jobId", json!("x".repeat(129))),
        ("metadata", json!({"a": 1})),
        ("metadata", json!([])),
        ("expiresAt", json!("tomorrow")),
        ("expiresAt", json!("2001-01-31T12:00:00Z")),
        ("expiresIn", json!(0)),
        ("expiresIn", json!(86_401)),
        ("expiresIn", json!("60")),
    ] {
        let mut body = json!({"filename": "a", "size": 1});
        body[field] = bad;
        presign(&server, &body).send().await.names(field);
    }
    let form = server.post("/api/uploads/presign").by("user_1").body("text/plain", "{}").send().await;
    form.refuses(415, "Unsupported media type", "unsupported_media_type");
}

#[tokio::test]
async fn nothing_larger_than_may_be_is_begun() {
    let Some(server) = on_s3().await else { return };
    assert_eq!(presign(&server, &json!({"filename": "a", "size": 64 << 20})).send().await.status, 200);
    for size in [(64 << 20) + 1, u64::MAX] {
        let asked = presign(&server, &json!({"filename": "a", "size": size})).send().await;
        asked.refuses(413, "Payload too large", "too_large");
    }
}

#[tokio::test]
async fn no_more_than_one_put_can_take_is_begun() {
    let server = Server::given(&[("MAX_UPLOAD_BYTES", "1024GiB")]).await;
    if server.is_folder() {
        return;
    }
    assert_eq!(presign(&server, &json!({"filename": "a", "size": 5_u64 << 30})).send().await.status, 200);
    let asked = presign(&server, &json!({"filename": "a", "size": (5_u64 << 30) + 1})).send().await;
    asked.refuses(413, "Payload too large", "too_large");
}

#[tokio::test]
async fn what_is_begun_counts_in_its_owners_total_however_many_at_once() {
    let mut tiers = NamedTempFile::new().unwrap();
    tiers.write_all(b"[small]\ntotal_bytes = 25").unwrap();
    let server = Server::given(&[("SIGNER_TIERS", tiers.path().to_str().unwrap())]).await;
    if server.is_folder() {
        return;
    }
    let token = token("user_1").claim("subscription_tier", json!("small")).signed();
    let asked = || {
        let body = json!({"filename": "a", "size": 10});
        server.post("/api/uploads/presign").bearer(&token).json(&body).send()
    };
    let answers = join_all((0..10).map(|_| asked())).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 2);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        refused.refuses(413, "Quota exceeded", "quota_exceeded");
    }
    for begun in answers.iter().filter(|answer| answer.status == 200) {
        let data = begun.json()["data"].clone();
        assert_eq!(put(data["url"].as_str().unwrap(), b"0123456789").await, StatusCode::OK);
        let path = format!("/api/uploads/{}/complete", data["id"].as_str().unwrap());
        file(&server.post(&path).bearer(&token).send().await);
    }
    asked().await.refuses(413, "Quota exceeded", "quota_exceeded");
}

#[tokio::test]
async fn beginning_counts_in_the_rate_and_completing_does_not() {
    let server = Server::given(&[("RATE_LIMIT", "1/1h")]).await;
    if server.is_folder() {
        return;
    }
    let begun = arrived(&server, "a", b"hello").await;
    let again = presign(&server, &json!({"filename": "a", "size": 1})).send().await;
    again.refuses(429, "Rate limit exceeded", "rate_limited");
    file(&begun.complete(&server).send().await);
}
