//! The internal listener: service tokens, registration of objects, links for any user.

use crate::harness::{Answer, BASE, Call, Server, form, now};
use proto::signed_url::verify;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const TOKEN: &str = "a-token-of-the-main-api";

fn tokens(tokens: &[&str]) -> String {
    let entries = tokens.iter().map(|token| format!("main-api:{}", hex::encode(Sha256::digest(token))));
    entries.collect::<Vec<_>>().join(",")
}

async fn server() -> Server {
    Server::given(&[("SIGNER_SERVICE_TOKENS", &tokens(&["the-one-before", TOKEN]))]).await
}

fn register(server: &Server) -> Call {
    server.internal_post("/internal/files").bearer(TOKEN)
}

async fn file(call: Call, body: &Value) -> Value {
    let answer = call.json(body).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"]["file"].clone()
}

#[tokio::test]
async fn only_a_service_may() {
    let server = server().await;
    let body = json!({"user_id": "user_1", "path": "videos/a.mp4", "file_ids": ["a"]});
    for path in ["/internal/files", "/internal/signed-urls"] {
        let call = || server.internal_post(path).json(&body);
        call().send().await.refuses(401, "Unauthorized", "token_missing");
        for wrong in ["", "x", &tokens(&[TOKEN])["main-api:".len()..], &format!(" {TOKEN}")] {
            let refused = call().bearer(wrong).send().await;
            refused.refuses(401, "Unauthorized", "token_invalid");
            assert_eq!(refused.header("www-authenticate"), "Bearer");
        }
        call().by("user_1").send().await.refuses(401, "Unauthorized", "token_invalid");
        call().bearer(TOKEN).bearer(TOKEN).send().await.refuses(401, "Unauthorized", "token_invalid");
        call().header("cookie", &format!("__session={TOKEN}")).send().await.refuses(
            401,
            "Unauthorized",
            "token_missing",
        );
        assert_ne!(
            call().bearer("the-one-before").send().await.status,
            401,
            "both are good while one replaces the other"
        );
        server.post(path).bearer(TOKEN).send().await.refuses(404, "Not found", "unknown_route");
        let get = server.ask(path).bearer(TOKEN).send().await;
        get.refuses(405, "Method not allowed", "method_not_allowed");
    }
    let closed = Server::start().await;
    register(&closed).json(&body).send().await.refuses(401, "Unauthorized", "token_invalid");
}

#[tokio::test]
async fn replaced_tokens_hold_from_then_on() {
    let server = server().await;
    let status = async |token: &str| server.internal_post("/internal/files").bearer(token).send().await.status;
    assert_eq!((status(TOKEN).await, status("new").await), (400, 401));
    server.signer.replace_service_tokens(tokens(&["new"]).parse().unwrap());
    assert_eq!((status(TOKEN).await, status("new").await), (401, 400));
}

#[tokio::test]
async fn an_object_in_storage_becomes_a_file() {
    let server = server().await;
    server.put_object("videos/été 1.mp4", b"hello").await;
    let body = json!({
        "user_id": "user_1", "path": "videos/été 1.mp4", "filename": "a.mov", "content_type": "video/quicktime",
        "job_id": "job_1", "metadata": {"a": "1"},
    });
    let registered = file(register(&server), &body).await;
    for (field, value) in [
        ("user_id", json!("user_1")),
        ("filename", json!("a.mov")),
        ("content_type", json!("video/quicktime")),
        ("job_id", json!("job_1")),
        ("size", json!(5)),
        ("sha256", json!(null)),
        ("metadata", json!({"a": "1"})),
    ] {
        assert_eq!(registered[field], value, "{field}");
    }
    let id = registered["id"].as_str().unwrap();
    let seen = server.get(&format!("/api/files/{id}")).by("user_1").send().await;
    assert_eq!(seen.json()["data"]["file"], registered);
    let link = server.post(&format!("/api/files/{id}/signed-url")).by("user_1").send().await;
    assert_eq!(link.status, 200);
    server.delete(&format!("/api/files/{id}")).by("user_1").send().await;
    assert_eq!(server.object("videos/été 1.mp4").await, b"hello", "an object that is not ours stays");
    let plain = file(register(&server), &json!({"user_id": "user_2", "path": "videos/été 1.mp4"})).await;
    assert_eq!((&plain["filename"], &plain["content_type"]), (&json!("été 1.mp4"), &json!("video/mp4")));
}

#[tokio::test]
async fn again_it_is_refreshed_under_the_same_id() {
    let server = server().await;
    server.put_object("a/b.txt", b"hello").await;
    let body = json!({"user_id": "user_1", "path": "a/b.txt", "filename": "mine", "metadata": {"k": "v"}});
    let first = file(register(&server), &body).await;
    assert_eq!(file(register(&server), &body).await, first);
    server.put_object("a/b.txt", b"hello, world").await;
    let second = file(register(&server), &json!({"user_id": "user_1", "path": "a/b.txt", "job_id": "j"})).await;
    assert_eq!((&second["id"], &second["created_at"]), (&first["id"], &first["created_at"]));
    assert_eq!(
        (&second["filename"], &second["metadata"]),
        (&json!("mine"), &json!({"k": "v"})),
        "what is not given stays"
    );
    assert_eq!((&second["size"], &second["job_id"]), (&json!(12), &json!("j")));
    assert_ne!(second["etag"], first["etag"]);
}

#[tokio::test]
async fn many_at_once_make_one_file() {
    let server = server().await;
    server.put_object("a", b"x").await;
    let body = json!({"user_id": "user_1", "path": "a"});
    let calls = (0..10).map(|_| file(register(&server), &body));
    let files = futures_util::future::join_all(calls).await;
    assert!(files.iter().all(|file| file["id"] == files[0]["id"]));
}

#[tokio::test]
async fn an_object_that_is_absent_ours_or_anothers_is_refused() {
    let server = server().await;
    let stored = server.stored("user_1", "a", b"x").await;
    let id = stored["id"].as_str().unwrap();
    server.put_object("theirs", b"x").await;
    file(register(&server), &json!({"user_id": "user_2", "path": "theirs"})).await;
    let ask = async |path: &str| register(&server).json(&json!({"user_id": "user_1", "path": path})).send().await;
    ask("theirs").await.refuses(409, "Conflict", "path_taken");
    // The last is longer than a file system takes a name.
    for absent in ["nothing", "theirs/below", "nothing/at/all", &"long".repeat(200)] {
        ask(absent).await.refuses(404, "Object not found", "object_not_found");
    }
    for bad in [
        crate::harness::key_of(id).as_str(),
        "managed",
        "managed/x",
        "",
        "/theirs",
        "theirs/",
        "a//b",
        ".",
        "../x",
        "a/../theirs",
        "a\u{0}",
        "a\nb",
        &"p".repeat(1025),
    ] {
        ask(bad).await.names("path");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn no_link_leads_out_of_storage() {
    let server = server().await;
    if !server.is_folder() {
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), server.root().join("link")).unwrap();
    std::os::unix::fs::symlink(outside.path(), server.root().join("folder")).unwrap();
    std::fs::create_dir(server.root().join("plain")).unwrap();
    for path in ["link", "folder/secret", "plain"] {
        let answer = register(&server).json(&json!({"user_id": "user_1", "path": path})).send().await;
        answer.refuses(404, "Object not found", "object_not_found");
    }
}

#[tokio::test]
async fn a_bad_registration_names_its_field() {
    let server = server().await;
    server.put_object("a", b"x").await;
    let good = json!({"user_id": "user_1", "path": "a"});
    for (field, value) in [
        ("user_id", json!(null)),
        ("user_id", json!("a:b")),
        ("user_id", json!(1)),
        ("path", json!(null)),
        ("path", json!(1)),
        ("filename", json!("")),
        ("filename", json!(1)),
        ("content_type", json!(1)),
        ("job_id", json!("")),
        ("job_id", json!(1)),
        ("metadata", json!({"a": 1})),
    ] {
        let mut body = good.clone();
        body[field] = value;
        register(&server).json(&body).send().await.names(field);
    }
    let typed = register(&server).body("text/plain", "{}").send().await;
    typed.refuses(415, "Unsupported media type", "unsupported_media_type");
    let odd = json!({"user_id": "user_1", "path": "a", "content_type": "not a type"});
    assert_eq!(file(register(&server), &odd).await["content_type"], "application/octet-stream");
    server.sql("INSERT INTO users (id, blocked_at) VALUES ('user_1', 1)").await;
    register(&server).json(&good).send().await.refuses(403, "User blocked", "user_blocked");
}

async fn links(server: &Server, body: &Value) -> Answer {
    server.internal_post("/internal/signed-urls").bearer(TOKEN).json(body).send().await
}

#[tokio::test]
async fn links_are_issued_for_a_users_own_files_only() {
    let server = server().await;
    let file = server.stored("user_1", "a", b"x").await["id"].clone();
    let theirs = server.upload("user_2", form().file("b", b"y")).send().await.json()["data"]["file"]["id"].clone();
    let body = json!({"user_id": "user_1", "file_ids": [theirs, file], "expires_in": 60, "version": 2});
    let answer = links(&server, &body).await;
    assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (200, ""), "it is not limited");
    let results = &answer.json()["data"]["results"];
    assert_eq!(results[0], json!({"file_id": theirs, "error": "File not found", "code": "not_found"}));
    let url = results[1]["url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
    let (path, query) = url.split_once('?').unwrap();
    let grant = verify(path, query, server.keys(), now(), 0).unwrap();
    assert!(grant.issued_at().is_some() && grant.user().as_str() == "user_1" && grant.expires() <= now() + 60);
    for (field, value) in [
        ("user_id", json!(null)),
        ("file_ids", json!([])),
        ("file_ids", json!(vec!["f"; 101])),
        ("expires_in", json!(604_801)),
        ("expires_in", json!("60")),
        ("version", json!(3)),
    ] {
        let mut body = body.clone();
        body[field] = value;
        links(&server, &body).await.names(field);
    }
    server.sql("INSERT INTO users (id, deleted_at) VALUES ('user_1', 1)").await;
    links(&server, &body).await.refuses(403, "User blocked", "user_blocked");
}
