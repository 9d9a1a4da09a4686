//! What the identity provider tells of its users, as it arrives.

use crate::harness::{
    Answer, Form, Message, NEW_WEBHOOK_SECRET, Server, WEBHOOK_SECRET, eventually, form, message, now, of, token,
};
use serde_json::json;
use signer::webhooks::Secrets;

async fn server() -> Server {
    server_with(WEBHOOK_SECRET).await
}

async fn server_with(secrets: &str) -> Server {
    let secrets = Secrets::read(secrets).unwrap();
    Server::start_with(|config| config.identity.webhooks = Some(secrets)).await
}

fn created(user: &str) -> Message {
    message("user.created", user, 1_000)
}

fn updated(user: &str, at: u64) -> Message {
    message("user.updated", user, at)
}

fn deleted(user: &str) -> Message {
    message("user.deleted", user, 1_500)
}

async fn lists(server: &Server, user: &str) -> u16 {
    server.get("/api/files").by(user).send().await.status
}

#[track_caller]
fn is_refused(answer: &Answer, code: &str) {
    answer.refuses(400, "Invalid webhook", code);
}

#[tokio::test]
async fn a_ban_stops_the_user_and_its_end_lets_them_in_again() {
    let server = server().await;
    assert_eq!(created("user_1").does(&server).await, "applied");
    assert_eq!(lists(&server, "user_1").await, 200);
    assert_eq!(updated("user_1", 2_000).banned(true).does(&server).await, "applied");
    let answer = server.get("/api/files").by("user_1").send().await;
    answer.refuses(403, "User blocked", "user_blocked");
    assert_eq!(lists(&server, "user_2").await, 200);
    assert_eq!(updated("user_1", 1_999).banned(false).does(&server).await, "stale");
    assert_eq!(lists(&server, "user_1").await, 403);
    assert_eq!(updated("user_1", 2_001).banned(false).does(&server).await, "applied");
    assert_eq!(lists(&server, "user_1").await, 200);
}

#[tokio::test]
async fn a_locked_account_is_no_matter_here() {
    let server = server().await;
    let event = json!({"type": "user.updated", "data": {"id": "user_1", "locked": true, "banned": false}});
    assert_eq!(of(&event).does(&server).await, "applied");
    assert_eq!(lists(&server, "user_1").await, 200);
}

#[tokio::test]
async fn a_block_of_an_admin_outlasts_what_the_provider_says() {
    let server = server().await;
    server.sql("INSERT INTO users (id, blocked_at) VALUES ('user_1', 1)").await;
    for banned in [true, false] {
        assert_eq!(updated("user_1", 2_000).banned(banned).does(&server).await, "applied");
        assert_eq!(lists(&server, "user_1").await, 403);
    }
}

#[tokio::test]
async fn a_deleted_user_is_stopped_at_once_and_their_files_go() {
    let server = server().await;
    let kept = server.stored("user_2", "b", b"theirs").await;
    for name in ["a", "b", "c"] {
        server.stored("user_1", name, b"bytes").await;
    }
    assert_eq!(server.objects().await.len(), 4);
    let seen = token("user_1").signed();
    assert_eq!(server.get("/api/files").bearer(&seen).send().await.status, 200);
    assert_eq!(deleted("user_1").does(&server).await, "applied");
    // A token that was verified a moment ago counts no more than any other.
    server.get("/api/files").bearer(&seen).send().await.refuses(403, "User blocked", "user_blocked");
    let late = server.upload("user_1", form().file("d", b"late")).send().await;
    late.refuses(403, "User blocked", "user_blocked");
    eventually("the end of the files", async || server.objects().await.len() == 1).await;
    let id = kept["id"].as_str().unwrap();
    assert_eq!(server.get(&format!("/api/files/{id}")).by("user_2").send().await.status, 200);
    for (message, effect) in
        [(created("user_1"), "stale"), (updated("user_1", u64::MAX >> 1), "stale"), (deleted("user_1"), "stale")]
    {
        assert_eq!(message.does(&server).await, effect);
        assert_eq!(lists(&server, "user_1").await, 403);
    }
}

#[tokio::test]
async fn the_unfinished_uploads_of_a_deleted_user_go_too() {
    let server = server().await;
    let [theirs, kept] = ["0192f3a4b5c67d8e9fa0b1c2d3e4f5a6", "0192f3a4b5c67d8e9fa0b1c2d3e4f5b7"];
    server.unfinished("user_1", theirs, now() + 3600).await;
    server.unfinished("user_2", kept, now() + 3600).await;
    assert_eq!(deleted("user_1").does(&server).await, "applied");
    eventually("the end of the upload", async || server.objects().await.len() == 2).await;
    assert!(server.objects().await.iter().all(|key| key.contains(kept)));
}

#[tokio::test]
async fn a_deletion_that_comes_before_its_user_stays() {
    let server = server().await;
    assert_eq!(deleted("user_1").does(&server).await, "applied");
    assert_eq!(created("user_1").does(&server).await, "stale");
    assert_eq!(lists(&server, "user_1").await, 403);
}

/// What a crash between the deletion and the first of its files leaves behind.
#[tokio::test]
async fn a_restart_goes_on_with_the_files_of_a_deleted_user() {
    let server = server().await;
    server.stored("user_1", "a", b"bytes").await;
    let statement = format!("INSERT INTO users (id, deleted_at) VALUES ('user_1', {})", now() * 1000);
    server.sql(statement.leak()).await;
    let server = server.restart().await;
    eventually("the end of the files", async || server.objects().await.is_empty()).await;
    assert_eq!(lists(&server, "user_1").await, 403);
}

#[tokio::test]
async fn an_upload_that_is_under_way_when_its_user_is_deleted_leaves_nothing() {
    use tokio::io::AsyncWriteExt;
    let server = server().await;
    let (media_type, body) = Form::finish(form().file("a", &vec![7; 1 << 20]));
    let call = server.post("/api/files/upload").by("user_1").body(&media_type, body.clone());
    let mut stream = call.begin(body.len() / 2).await;
    eventually("the upload's first bytes", async || {
        let metrics = server.ask("/metrics").send().await.text();
        metrics.lines().any(|line| line.starts_with("signer_received_bytes_total ") && !line.ends_with(" 0"))
    })
    .await;
    assert_eq!(deleted("user_1").does(&server).await, "applied");
    stream.write_all(&body[body.len() / 2..]).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = crate::harness::rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("user_blocked"), "{answer}");
    eventually("no object", async || server.objects().await.is_empty()).await;
}

#[tokio::test]
async fn a_message_sent_again_is_acknowledged_and_not_applied_again() {
    let server = server().await;
    let ban = updated("user_1", 2_000).banned(true);
    assert_eq!(ban.clone().does(&server).await, "applied");
    let copies = (0..50).map(|_| ban.clone().does(&server));
    assert!(futures_util::future::join_all(copies).await.iter().all(|effect| effect == "repeated"));
    let server = server.restart().await;
    assert_eq!(updated("user_1", 2_000).banned(false).does(&server).await, "applied");
    let again = Message { timestamp: (now() - 60).to_string(), ..ban };
    assert_eq!(again.does(&server).await, "repeated");
    assert_eq!(lists(&server, "user_1").await, 200);
}

#[tokio::test]
async fn what_does_not_matter_is_acknowledged_and_what_cannot_be_read_is_refused() {
    let server = server().await;
    for event in [
        json!({"type": "session.ended", "data": {"id": "sess_1"}}),
        json!({"type": "user.vanished", "data": {"id": "a:b"}}),
        json!({"type": "x", "data": null, "unknown": [1, 2]}),
    ] {
        assert_eq!(of(&event).does(&server).await, "ignored", "{event}");
    }
    for event in [
        json!({"type": "user.deleted", "data": {"id": "a:b"}}),
        json!({"type": "user.deleted", "data": {"deleted": true}}),
        json!({"type": "user.updated", "data": {"id": 7}}),
        json!({"data": {"id": "user_1"}}),
        json!("user.deleted"),
    ] {
        is_refused(&of(&event).send(&server).await, "webhook_body");
    }
    for body in [&b""[..], b"\xff\xfe", b"{", b"\x1f\x8b\x08\x00"] {
        let odd = Message { body: body.to_vec(), ..deleted("user_1") };
        is_refused(&odd.send(&server).await, "webhook_body");
    }
    assert_eq!(lists(&server, "user_1").await, 200);
}

#[tokio::test]
async fn only_signed_bytes_of_now_count() {
    let server = server().await;
    let good = deleted("user_1");
    let signature = good.signature(WEBHOOK_SECRET);
    let bare = &signature[3..];
    for bad in
        ["v1,".to_owned(), signature[..11].to_owned(), format!("v2,{bare}"), format!("v1a,{bare}"), bare.to_owned()]
    {
        is_refused(&good.clone().call(&server, &bad).send().await, "webhook_signature");
    }
    is_refused(&good.clone().call(&server, &good.signature(NEW_WEBHOOK_SECRET)).send().await, "webhook_signature");
    let spaced = Message { body: [&good.body[..], b" "].concat(), ..good.clone() };
    is_refused(&spaced.call(&server, &signature).send().await, "webhook_signature");
    let renamed = Message { id: "msg_other".into(), ..good.clone() };
    is_refused(&renamed.call(&server, &signature).send().await, "webhook_signature");

    for timestamp in [now() - 400, now() + 400] {
        let late = Message { timestamp: timestamp.to_string(), ..good.clone() };
        is_refused(&late.send(&server).await, "webhook_timestamp");
    }
    for timestamp in [format!("{}abc", now()), format!("+{}", now()), format!("{}.9", now()), format!("0{}", now())] {
        let lax = Message { timestamp, ..good.clone() };
        is_refused(&lax.send(&server).await, "webhook_headers");
    }
    let many = format!("{signature} ").repeat(1000);
    is_refused(&good.clone().call(&server, many.trim()).send().await, "webhook_headers");
    let bare_call = server.post("/api/webhooks/clerk").body("application/json", good.body.clone());
    is_refused(&bare_call.send().await, "webhook_headers");

    assert_eq!(lists(&server, "user_1").await, 200, "nothing of it was believed");
    let among_others = format!("v1,AAAA v2,{bare} {signature}");
    assert_eq!(good.call(&server, &among_others).send().await.status, 200);
    assert_eq!(lists(&server, "user_1").await, 403);
}

#[tokio::test]
async fn the_names_of_the_standard_are_taken_too() {
    let server = server().await;
    let message = deleted("user_1");
    let call = server
        .post("/api/v1/webhooks/clerk")
        .header("webhook-id", &message.id)
        .header("webhook-timestamp", &message.timestamp)
        .header("webhook-signature", &message.signature(WEBHOOK_SECRET))
        .body("application/json", message.body.clone());
    assert_eq!(call.send().await.status, 200);
    assert_eq!(lists(&server, "user_1").await, 403);
}

#[tokio::test]
async fn a_body_has_a_bound() {
    let server = server().await;
    let padded = |len: usize| {
        let event = json!({"type": "user.created", "data": {"id": "user_1", "padding": "x".repeat(len)}});
        of(&event)
    };
    assert_eq!(padded(200 << 10).does(&server).await, "applied");
    padded(256 << 10).send(&server).await.refuses(413, "Payload too large", "too_large");
    let huge = Message { body: vec![b' '; 10 << 20], ..created("user_1") };
    huge.send(&server).await.refuses(413, "Payload too large", "too_large");
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_count() {
    let server = server_with(&format!("{NEW_WEBHOOK_SECRET} {WEBHOOK_SECRET}")).await;
    for secret in [WEBHOOK_SECRET, NEW_WEBHOOK_SECRET] {
        let message = created("user_1");
        let signature = message.signature(secret);
        assert_eq!(message.call(&server, &signature).send().await.status, 200);
    }
}

#[tokio::test]
async fn a_catalog_that_cannot_write_makes_the_sender_come_again() {
    let server = server().await;
    server.sql("ALTER TABLE webhook_events RENAME TO webhook_events_away").await;
    let message = deleted("user_1");
    message.clone().send(&server).await.refuses(503, "Service unavailable", "catalog_unavailable");
    assert_eq!(lists(&server, "user_1").await, 200);
    server.sql("ALTER TABLE webhook_events_away RENAME TO webhook_events").await;
    assert_eq!(message.does(&server).await, "applied");
    assert_eq!(lists(&server, "user_1").await, 403);
}

#[tokio::test]
async fn without_a_secret_there_is_no_such_route() {
    let server = Server::start().await;
    deleted("user_1").send(&server).await.refuses(404, "Not found", "unknown_route");
    assert_eq!(lists(&server, "user_1").await, 200);
}

#[tokio::test]
async fn messages_are_counted_by_what_they_did() {
    let server = server().await;
    deleted("user_1").does(&server).await;
    created("user_1").does(&server).await;
    deleted("user_2").call(&server, "v1,").send().await;
    let text = server.ask("/metrics").send().await.text();
    for line in ["applied", "stale", "webhook_signature"] {
        let line = format!("signer_webhooks_total{{result=\"{line}\"}} 1");
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("user_1") && !text.contains("msg_"));
}
