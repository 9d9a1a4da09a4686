//! `POST /files/{fileId}/signed-url`.

use crate::harness::{Answer, BASE, Server, form, now};
use proto::{
    refusal::Refusal,
    signed_url::{Disposition, Grant, verify},
};
use serde_json::{Value, json};

struct Issuer {
    server: Server,
    path: String,
}

async fn issuer() -> Issuer {
    let server = Server::start().await;
    let file = server.stored("user_1", "a.mp4", b"x").await;
    let path = format!("/api/v1/files/{}/signed-url", file["id"].as_str().unwrap());
    Issuer { server, path }
}

impl Issuer {
    async fn ask(&self, body: &Value) -> Answer {
        self.server.post(&self.path).by("user_1").json(body).send().await
    }

    /// Verifies as a gateway does, at a time of its own.
    fn open(&self, answer: &Answer, at: u64) -> Result<Grant, Refusal> {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let url = answer.json()["data"]["url"].as_str().unwrap().to_owned();
        let target = url.strip_prefix(BASE).unwrap();
        let (path, query) = target.split_once('?').unwrap();
        verify(path, query, self.server.keys(), at, 0)
    }
}

fn seconds(answer: &Answer) -> u64 {
    let text = answer.json()["data"]["expires_at"].as_str().unwrap().to_owned();
    assert!(text.ends_with(".000Z") && text.len() == 24, "{text}");
    text.parse::<jiff::Timestamp>().unwrap().as_second().unsigned_abs()
}

#[tokio::test]
async fn a_url_opens_the_file_until_it_expires() {
    let issuer = issuer().await;
    let before = now();
    for (body, lasts) in [
        (json!({}), 3600),
        (json!({"expiresIn": null, "unknown": 1}), 3600),
        (json!({"expiresIn": 1}), 1),
        (json!({"expiresIn": 604_800, "version": 1}), 604_800),
    ] {
        let answer = issuer.ask(&body).await;
        let grant = issuer.open(&answer, now().min(seconds(&answer))).unwrap();
        assert_eq!((grant.user().as_str(), grant.issued_at()), ("user_1", None), "version 1");
        assert_eq!(grant.expires(), seconds(&answer));
        assert!((before + lasts..=now() + lasts).contains(&grant.expires()), "{body}");
        assert!(matches!(issuer.open(&answer, grant.expires() + 1), Err(Refusal::Expired { .. })));
    }
    let empty = issuer.server.post(&issuer.path).by("user_1").send().await;
    issuer.open(&empty, now()).unwrap();
}

#[tokio::test]
async fn version_2_says_what_was_asked_of_it() {
    let issuer = issuer().await;
    let (before, start) = (now(), now() + 30);
    let asked = json!({"disposition": "inline", "filename": "Été \"1\".mp4", "notBefore": start});
    let answer = issuer.ask(&asked).await;
    let grant = issuer.open(&answer, now()).unwrap();
    assert_eq!(grant.disposition(), Some(Disposition::Inline));
    assert_eq!(grant.filename(), Some("Été \"1\".mp4"));
    assert!(grant.issued_at().is_some_and(|iat| (before..=now()).contains(&iat)));
    assert!(answer.json()["data"]["url"].as_str().unwrap().contains(&format!("nbf={start}")));
    let plain = issuer.open(&issuer.ask(&json!({"version": 2})).await, now()).unwrap();
    assert_eq!((plain.issued_at().is_some(), plain.filename()), (true, None));
}

#[tokio::test]
async fn a_bad_field_is_named() {
    let issuer = issuer().await;
    for (body, field) in [
        (json!({"expiresIn": 0}), "expiresIn"),
        (json!({"expiresIn": 604_801}), "expiresIn"),
        (json!({"expiresIn": -1}), "expiresIn"),
        (json!({"expiresIn": 1.5}), "expiresIn"),
        (json!({"expiresIn": "3600"}), "expiresIn"),
        (json!({"expiresIn": [1]}), "expiresIn"),
        (json!({"version": 3}), "version"),
        (json!({"version": 1, "filename": "a"}), "version"),
        (json!({"disposition": "download"}), "disposition"),
        (json!({"filename": ""}), "filename"),
        (json!({"filename": "a\r\nb"}), "filename"),
        (json!({"filename": "a".repeat(1025)}), "filename"),
        (json!({"notBefore": "soon"}), "notBefore"),
        (json!({"notBefore": now() + 7200}), "notBefore"),
        (json!({"notBefore": u64::MAX}), "notBefore"),
        (json!([]), "body"),
        (json!(null), "body"),
    ] {
        issuer.ask(&body).await.names(field);
    }
    let broken = issuer.server.post(&issuer.path).by("user_1").body("application/json", "{\"expiresIn\":");
    broken.send().await.names("body");
}

#[tokio::test]
async fn another_media_type_and_a_large_body_are_refused() {
    let issuer = issuer().await;
    let form = issuer.server.post(&issuer.path).by("user_1").body("application/x-www-form-urlencoded", "expiresIn=1");
    form.send().await.refuses(415, "Unsupported media type", "unsupported_media_type");
    let large = json!({"x": "x".repeat(65 << 10)});
    issuer.ask(&large).await.refuses(413, "Payload too large", "too_large");
}

#[tokio::test]
async fn only_the_owner_gets_one() {
    let issuer = issuer().await;
    let foreign = issuer.server.post(&issuer.path).by("user_2").send().await;
    foreign.refuses(404, "File not found", "not_found");
    issuer.server.post(&issuer.path).send().await.refuses(401, "Unauthorized", "token_missing");
}

#[tokio::test]
async fn after_a_revocation_only_version_2_is_issued() {
    let revocations = [
        "UPDATE files SET urls_revoked_before_seconds = 1000",
        "INSERT INTO users (id, urls_revoked_before_seconds) VALUES ('user_1', 1000)",
    ];
    for revocation in revocations {
        let issuer = issuer().await;
        issuer.server.sql(revocation).await;
        for body in [json!({}), json!({"version": 1})] {
            assert!(issuer.open(&issuer.ask(&body).await, now()).unwrap().issued_at().is_some());
        }
    }
}

#[tokio::test]
async fn a_url_is_never_older_than_the_revocation_before_it() {
    let issuer = issuer().await;
    let line = now() + 5;
    issuer.server.sql(format!("UPDATE files SET urls_revoked_before_seconds = {line}").leak()).await;
    let issued_at = issuer.open(&issuer.ask(&json!({})).await, now()).unwrap().issued_at().unwrap();
    assert!(issued_at >= line, "{issued_at} is before {line}");
}

#[tokio::test]
async fn a_url_never_outlives_its_file() {
    let server = Server::start().await;
    let end = now() + 60;
    let expires_at = jiff::Timestamp::from_second(i64::try_from(end).unwrap()).unwrap().to_string();
    let answer = server.upload("user_1", form().file("a", b"x").text("expires_at", &expires_at)).send().await;
    let id = answer.json()["data"]["file"]["id"].as_str().unwrap().to_owned();
    let answer = server.post(&format!("/api/files/{id}/signed-url")).by("user_1").send().await;
    assert_eq!(seconds(&answer), end);
}

#[tokio::test]
async fn new_keys_sign_from_the_next_request_on() {
    let issuer = issuer().await;
    let ring = proto::keys::KeyRing::from_settings(Some(&"n".repeat(32)), None, false).unwrap();
    issuer.server.signer.replace_keys(ring.clone());
    let answer = issuer.ask(&json!({})).await;
    assert!(matches!(issuer.open(&answer, now()), Err(Refusal::BadSignature)));
    let url = answer.json()["data"]["url"].as_str().unwrap().to_owned();
    let (path, query) = url.strip_prefix(BASE).unwrap().split_once('?').unwrap();
    assert!(verify(path, query, &ring, now(), 0).is_ok());
}
