//! `Idempotency-Key`: a repeated request is done once.

use crate::harness::{Answer, Call, Form, Server, form};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn upload(server: &Server, user: &str, key: &str, form: Form) -> Call {
    server.upload(user, form).header("idempotency-key", key)
}

fn clip() -> Form {
    form().text("job_id", "j").file("a.mp4", b"hello")
}

fn stored(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"]["file"].clone()
}

#[tokio::test]
async fn a_repeated_upload_is_stored_once_and_answered_alike() {
    let server = Server::start().await;
    let first = stored(&upload(&server, "user_1", "k1", clip()).send().await);
    for _ in 0..3 {
        assert_eq!(stored(&upload(&server, "user_1", "k1", clip()).send().await), first);
    }
    assert_eq!(server.objects().await.len(), 1);
    assert_ne!(stored(&upload(&server, "user_1", "k2", clip()).send().await)["id"], first["id"]);
    assert_ne!(
        stored(&upload(&server, "user_2", "k1", clip()).send().await)["id"],
        first["id"],
        "keys are a user's own"
    );
    assert_eq!(server.objects().await.len(), 3);
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let server = Server::start().await;
    stored(&upload(&server, "user_1", "k", clip()).send().await);
    for other in [
        form().text("job_id", "j").file("a.mp4", b"hellO"),
        form().text("job_id", "j").file("b.mp4", b"hello"),
        form().text("job_id", "i").file("a.mp4", b"hello"),
        form().text("job_id", "j").text("note", "").file("a.mp4", b"hello"),
        form().text("job_id", "j").typed_file("a.mp4", "audio/mp4", b"hello"),
    ] {
        let answer = upload(&server, "user_1", "k", other).send().await;
        answer.refuses(422, "Unprocessable", "idempotency_key_reused");
    }
    assert_eq!(server.objects().await.len(), 1);
}

#[tokio::test]
async fn many_at_once_have_one_effect() {
    let server = Server::start().await;
    let calls = (0..12).map(|_| upload(&server, "user_1", "k", clip()).send());
    let answers = futures_util::future::join_all(calls).await;
    let files: Vec<_> = answers.iter().filter(|answer| answer.status == 200).map(stored).collect();
    assert!(!files.is_empty() && files.iter().all(|file| *file == files[0]));
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.refuses(409, "Conflict", "idempotency_key_in_use");
    }
    assert_eq!(server.objects().await.len(), 1);
    assert_eq!(stored(&upload(&server, "user_1", "k", clip()).send().await), files[0]);
}

#[tokio::test]
async fn a_request_that_failed_may_be_tried_again() {
    let server = Server::start().await;
    upload(&server, "user_1", "k", form().text("job_id", "j")).send().await.names("file");
    server.sql("ALTER TABLE files RENAME TO elsewhere").await;
    let failed = upload(&server, "user_1", "k", clip()).send().await;
    failed.refuses(503, "Service unavailable", "catalog_unavailable");
    server.sql("ALTER TABLE elsewhere RENAME TO files").await;
    stored(&upload(&server, "user_1", "k", clip()).send().await);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let server = Server::start().await;
    for bad in ["", "a b", &"k".repeat(256)] {
        upload(&server, "user_1", bad, clip()).send().await.names("Idempotency-Key");
    }
    let twice = upload(&server, "user_1", "k", clip()).header("idempotency-key", "k").send().await;
    twice.names("Idempotency-Key");
    assert_eq!(server.objects().await, [""; 0]);
}

#[tokio::test]
async fn a_registration_is_answered_as_it_was_though_the_object_is_another_by_now() {
    let tokens = format!("main-api:{}", hex::encode(Sha256::digest("t")));
    let server = Server::given(&[("SIGNER_SERVICE_TOKENS", &tokens)]).await;
    server.put_object("a", b"hello").await;
    let register = async |key: &str, user: &str| {
        let call = server.internal_post("/internal/files").bearer("t").header("idempotency-key", key);
        call.json(&json!({"user_id": user, "path": "a"})).send().await
    };
    let first = stored(&register("k", "user_1").await);
    server.put_object("a", b"hello, world").await;
    assert_eq!(stored(&register("k", "user_1").await), first);
    register("k", "user_2").await.refuses(422, "Unprocessable", "idempotency_key_reused");
    assert_eq!(stored(&register("k2", "user_1").await)["size"], 12);
    register("k3", "user_2").await.refuses(409, "Conflict", "path_taken");
    register("k3", "user_2").await.refuses(409, "Conflict", "path_taken");
}
