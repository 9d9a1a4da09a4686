//! What a token's `subscription_tier` lets its user have.

use crate::harness::{Answer, Call, Form, Server, form, now, token};
use serde_json::{Value, json};
use std::io::Write;
use tempfile::NamedTempFile;

const TIERS: &str = "
    [free]
    rate = '6/1h'
    max_upload_bytes = 10
    max_url_seconds = 60

    [premium]
    max_url_seconds = 7200

    [small]
    rate = '100/1h'
    total_bytes = 25
";

async fn server() -> (Server, NamedTempFile) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(TIERS.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let server = Server::given(&[("SIGNER_TIERS", path), ("RATE_LIMIT", "8/1h"), ("MAX_UPLOAD_BYTES", "100")]).await;
    (server, file)
}

fn of(call: Call, tier: &Value) -> Call {
    call.bearer(&token("user_1").claim("subscription_tier", tier.clone()).signed())
}

async fn upload(server: &Server, tier: &Value, form: Form) -> Answer {
    of(server.post("/api/files/upload"), tier).form(form).send().await
}

#[tokio::test]
async fn a_tier_has_its_own_rate() {
    let (server, _file) = server().await;
    for (tier, limit) in [
        (json!("free"), "6"),
        (json!("premium"), "80"),
        (json!("gold"), "8"),
        (json!(7), "8"),
        (json!(null), "8"),
        (json!(""), "8"),
    ] {
        let answer = of(server.post("/api/files/nothing/signed-url"), &tier).send().await;
        assert_eq!(answer.header("x-ratelimit-limit"), limit, "{tier}");
    }
    let again = of(server.post("/api/files/nothing/signed-url"), &json!("free")).send().await;
    again.refuses(429, "Rate limit exceeded", "rate_limited");
}

#[tokio::test]
async fn a_tier_has_its_own_size_of_files() {
    let (server, _file) = server().await;
    let bytes = |size| form().file("a", &vec![b'x'; size]);
    for (tier, size, status) in
        [(json!("free"), 10, 200), (json!("free"), 11, 413), (json!("gold"), 100, 200), (json!("premium"), 101, 413)]
    {
        assert_eq!(upload(&server, &tier, bytes(size)).await.status, status, "{tier} {size}");
    }
    upload(&server, &json!("free"), bytes(2 << 20)).await.refuses(413, "Payload too large", "too_large");
}

#[tokio::test]
async fn a_tier_has_its_own_longest_life_of_a_url() {
    let (server, _file) = server().await;
    let stored = upload(&server, &json!("premium"), form().file("a", b"x")).await;
    let path = format!("/api/files/{}/signed-url", stored.json()["data"]["file"]["id"].as_str().unwrap());
    let ask = async |tier: &str, body: Value| of(server.post(&path), &json!(tier)).json(&body).send().await;
    let asked = ask("free", json!({"expiresIn": 61})).await;
    asked.names("expiresIn");
    assert!(asked.json()["message"].as_str().unwrap().contains("from 1 to 60"));
    ask("premium", json!({"expiresIn": 7201})).await.names("expiresIn");
    assert_eq!(ask("premium", json!({"expiresIn": 7200})).await.status, 200);
    let unasked = ask("free", json!({})).await;
    assert_eq!(unasked.status, 200, "the default is no longer than the tier allows");
    let expires = unasked.json()["data"]["expires_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(expires.as_second().unsigned_abs() <= now() + 60);
}

#[tokio::test]
async fn a_tier_has_its_own_sum_of_bytes_however_many_come_at_once() {
    let (server, _file) = server().await;
    let small = json!("small");
    let uploads = (0..10).map(|_| upload(&server, &small, form().file("a", b"0123456789")));
    let answers = futures_util::future::join_all(uploads).await;
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        refused.refuses(413, "Quota exceeded", "quota_exceeded");
    }
    let stored: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!((stored.len(), server.objects().await.len()), (2, 2));
    let usage = of(server.get("/api/usage"), &small).send().await.json()["data"].clone();
    assert_eq!((&usage["bytes"], &usage["limits"]["total_bytes"]), (&json!(20), &json!(25)));
    let id = stored[0].json()["data"]["file"]["id"].as_str().unwrap().to_owned();
    of(server.delete(&format!("/api/files/{id}")), &small).send().await;
    assert_eq!(upload(&server, &small, form().file("a", b"0123456789")).await.status, 200, "there is room again");
}
