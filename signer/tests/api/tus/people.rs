//! Who may begin an upload, go on with one, and end one.

use crate::harness::{OTHER_KEY, Server, Token, WEBHOOK_SECRET, eventually, message, now, token};
use serde_json::json;
use signer::webhooks::Secrets;

/// A token that was good until an hour ago.
fn lapsed(user: &str) -> Token {
    token(user).claim("iat", json!(now() - 7200)).claim("exp", json!(now() - 3600))
}

#[tokio::test]
async fn only_a_user_in_good_standing_begins_an_upload() {
    let server = Server::start().await;
    let creation = || server.creation().header("upload-length", "5");
    creation().send().await.refuses(401, "Unauthorized", "token_missing");
    creation().bearer(&lapsed("user_1").signed()).send().await.refuses(401, "Unauthorized", "token_expired");
    creation().bearer("x.y.z").send().await.refuses(401, "Unauthorized", "token_invalid");
    server.sql("INSERT INTO users (id, blocked_at) VALUES ('user_1', 1)").await;
    creation().by("user_1").send().await.refuses(403, "User blocked", "user_blocked");
}

#[tokio::test]
async fn an_upload_that_was_begun_with_a_token_finishes_without_one() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 10).await;
    assert_eq!(upload.append(0, "hel").send().await.status, 204);
    assert_eq!(upload.append(3, "lo").by("user_1").send().await.status, 204);
    // The token that it was begun with, long after.
    let lapsed = lapsed("user_1").signed();
    let answer = upload.look().bearer(&lapsed).send().await;
    assert_eq!((answer.status, answer.header("upload-offset")), (200, "5"));
    let answer = upload.append(5, "world").bearer(&lapsed).send().await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_eq!(server.file("user_1", answer.header("upload-file-id")).await["user_id"], "user_1");
}

#[tokio::test]
async fn another_user_has_no_such_upload() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 10).await;
    let lapsed = lapsed("user_2").signed();
    for call in
        [upload.append(0, "x").by("user_2"), upload.append(0, "x").bearer(&lapsed), upload.remove().by("user_2")]
    {
        call.send().await.refuses(404, "Upload not found", "upload_not_found");
    }
    assert_eq!(upload.look().by("user_2").send().await.status, 404);
    assert_eq!(upload.offset().await, 0);
}

#[tokio::test]
async fn a_token_that_is_presented_must_be_a_good_one() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 10).await;
    let forged = token("user_1").signed_by(&OTHER_KEY);
    let forged_and_lapsed = lapsed("user_1").signed_by(&OTHER_KEY);
    for bad in ["x.y.z", &forged, &forged_and_lapsed] {
        upload.append(0, "x").bearer(bad).send().await.refuses(401, "Unauthorized", "token_invalid");
        assert_eq!(upload.look().bearer(bad).send().await.status, 401);
    }
    let cookie = format!("__session={}", token("user_2").signed());
    upload.append(0, "x").header("cookie", &cookie).send().await.refuses(404, "Upload not found", "upload_not_found");
    assert_eq!(upload.offset().await, 0);
}

#[tokio::test]
async fn only_its_owner_ends_an_upload() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 10).await;
    let lapsed = lapsed("user_1").signed();
    upload.remove().send().await.refuses(401, "Unauthorized", "token_missing");
    upload.remove().bearer(&lapsed).send().await.refuses(401, "Unauthorized", "token_expired");
    assert_eq!(upload.remove().by("user_1").send().await.status, 204);
}

#[tokio::test]
async fn a_blocked_user_is_refused_at_once_with_and_without_a_token() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 10).await;
    assert_eq!(upload.append(0, "hello").send().await.status, 204);
    server.sql("INSERT INTO users (id, blocked_at) VALUES ('user_1', 1)").await;
    for call in [upload.append(5, "world"), upload.append(5, "world").by("user_1"), upload.remove().by("user_1")] {
        call.send().await.refuses(403, "User blocked", "user_blocked");
    }
    assert_eq!(upload.look().send().await.status, 403);
    server.sql("UPDATE users SET blocked_at = NULL").await;
    upload.finish(5, b"world").await;
}

#[tokio::test]
async fn who_is_blocked_in_the_middle_of_a_request_stores_nothing() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 10).await;
    let sending = upload.sending(0, "helloworld", 5).await;
    server.sql("INSERT INTO users (id, blocked_at) VALUES ('user_1', 1)").await;
    let answer = sending.send(b"world").await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("user_blocked"), "{answer}");
    assert!(server.signer.is_empty().await.unwrap());
    eventually("no object", async || server.objects().await.is_empty()).await;
}

#[tokio::test]
async fn who_is_deleted_in_the_middle_of_a_request_stores_nothing() {
    let secrets = Secrets::read(WEBHOOK_SECRET).unwrap();
    let server = Server::start_with(|config| config.identity.webhooks = Some(secrets)).await;
    let upload = server.begun("user_1", 10).await;
    let sending = upload.sending(0, "helloworld", 5).await;
    assert_eq!(message("user.deleted", "user_1", 1_500).does(&server).await, "applied");
    let answer = sending.send(b"world").await;
    assert!(["HTTP/1.1 403 ", "HTTP/1.1 410 "].iter().any(|status| answer.starts_with(status)), "{answer}");
    assert!(server.signer.is_empty().await.unwrap());
    eventually("no object", async || server.objects().await.is_empty()).await;
}
