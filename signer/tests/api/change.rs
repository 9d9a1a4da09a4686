//! `PATCH /files/{fileId}`, `POST /files/{fileId}/revoke-urls` and `GET /usage`.

use crate::harness::{BASE, Server, form, now};
use proto::signed_url::verify;
use serde_json::{Value, json};

async fn server() -> (Server, String, Value) {
    let server = Server::start().await;
    let answer = server.upload("user_1", form().file("a.mp4", b"hello").text("note", "old")).send().await;
    let file = answer.json()["data"]["file"].clone();
    let path = format!("/api/files/{}", file["id"].as_str().unwrap());
    (server, path, file)
}

#[tokio::test]
async fn what_is_given_is_changed_and_the_rest_stays() {
    let (server, path, mut file) = server().await;
    let change = async |body: Value| server.call("PATCH", &path).by("user_1").json(&body).send().await;
    for (body, filename, metadata) in [
        (json!({"filename": "été \"1\"/x.mp4"}), "été \"1\"/x.mp4", json!({"note": "old"})),
        (
            json!({"metadata": {"a": "1", "b": ""}, "id": "other", "size": 1}),
            "été \"1\"/x.mp4",
            json!({"a": "1", "b": ""}),
        ),
        (json!({"filename": "b", "metadata": {}}), "b", json!({})),
        (json!({"filename": null, "metadata": {"c": "ü"}}), "b", json!({"c": "ü"})),
    ] {
        let answer = change(body).await;
        (file["filename"], file["metadata"]) = (json!(filename), metadata);
        assert_eq!((answer.status, &answer.json()["data"]["file"]), (200, &file));
        assert_eq!(server.get(&path).by("user_1").send().await.json()["data"]["file"], file);
    }
}

#[tokio::test]
async fn a_bad_change_names_its_field_and_changes_nothing() {
    let (server, path, file) = server().await;
    let many: serde_json::Map<_, _> = (0..65).map(|number| (number.to_string(), json!(""))).collect();
    for (body, field) in [
        (json!({}), "body"),
        (json!({"filename": null}), "body"),
        (json!("x"), "body"),
        (json!({"filename": ""}), "filename"),
        (json!({"filename": "a\u{0}"}), "filename"),
        (json!({"filename": "x".repeat(1025)}), "filename"),
        (json!({"filename": ["a"]}), "filename"),
        (json!({"metadata": []}), "metadata"),
        (json!({"metadata": {"a": 1}}), "metadata"),
        (json!({"metadata": {"a": null}}), "metadata"),
        (json!({"metadata": {"": "x"}}), "metadata"),
        (json!({"metadata": {"a\n": "x"}}), "metadata"),
        (json!({"metadata": {"a": "\u{0}"}}), "metadata"),
        (json!({"metadata": {"a": "x".repeat(8193)}}), "metadata"),
        (json!({"metadata": many}), "metadata"),
        (json!({"filename": "good", "metadata": 1}), "metadata"),
    ] {
        server.call("PATCH", &path).by("user_1").json(&body).send().await.names(field);
    }
    let large = server.call("PATCH", &path).by("user_1").json(&json!({"filename": "x".repeat(65 << 10)})).send().await;
    large.refuses(413, "Payload too large", "too_large");
    let typed = server.call("PATCH", &path).by("user_1").body("text/plain", "{}").send().await;
    typed.refuses(415, "Unsupported media type", "unsupported_media_type");
    assert_eq!(server.get(&path).by("user_1").send().await.json()["data"]["file"], file);
}

#[tokio::test]
async fn someone_elses_file_is_none() {
    let (server, path, file) = server().await;
    for user in ["user_2", "user_10"] {
        let change = server.call("PATCH", &path).by(user).json(&json!({"filename": "mine"})).send().await;
        change.refuses(404, "File not found", "not_found");
        let revoke = server.post(&format!("{path}/revoke-urls")).by(user).send().await;
        revoke.refuses(404, "File not found", "not_found");
    }
    assert_eq!(server.get(&path).by("user_1").send().await.json()["data"]["file"], file);
}

#[tokio::test]
async fn from_a_revocation_on_only_newer_urls_of_version_2_are_issued() {
    let (server, path, _) = server().await;
    let answer = server.post(&format!("{path}/revoke-urls")).by("user_1").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let before: jiff::Timestamp = answer.json()["data"]["revoked_before"].as_str().unwrap().parse().unwrap();
    let before = before.as_second().unsigned_abs();
    assert!(before.abs_diff(now()) <= 10);
    let link = server.post(&format!("{path}/signed-url")).by("user_1").send().await;
    let url = link.json()["data"]["url"].as_str().unwrap().to_owned();
    let (path, query) = url.strip_prefix(BASE).unwrap().split_once('?').unwrap();
    let grant = verify(path, query, server.keys(), now(), 0).unwrap();
    assert!(grant.issued_at().is_some_and(|iat| iat >= before), "{grant:?}");
}

#[tokio::test]
async fn usage_is_the_callers_own() {
    let server = Server::given(&[("RATE_LIMIT", "7/1m"), ("MAX_UPLOAD_BYTES", "1KiB")]).await;
    let usage = async |user: &str| server.get("/api/usage").by(user).send().await.json()["data"].clone();
    let limits = json!({
        "rate": {"limit": 7, "window_seconds": 60}, "max_upload_bytes": 1024, "total_bytes": null,
        "max_url_seconds": 604_800,
    });
    assert_eq!(usage("user_1").await, json!({"bytes": 0, "files": 0, "limits": limits}));
    let file = server.stored("user_1", "a", b"hello").await;
    server.stored("user_1", "b", b"").await;
    server.stored("user_2", "c", b"x").await;
    assert_eq!(usage("user_1").await, json!({"bytes": 5, "files": 2, "limits": limits}));
    server.delete(&format!("/api/files/{}", file["id"].as_str().unwrap())).by("user_1").send().await;
    assert_eq!(usage("user_1").await, json!({"bytes": 0, "files": 1, "limits": limits}));
    server.get("/api/usage").send().await.refuses(401, "Unauthorized", "token_missing");
}
