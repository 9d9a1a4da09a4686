use super::*;
use crate::harness::{eventually, key_of};
use futures_util::future::join_all;

#[tokio::test]
async fn the_url_can_no_longer_change_what_was_accepted() {
    let Some(server) = on_s3().await else { return };
    let begun = arrived(&server, "a", b"hello").await;
    let stored = file(&begun.complete(&server).send().await);
    assert_eq!(put(&begun.url, b"other").await, StatusCode::OK, "the URL is still valid");
    assert_eq!(server.object(&key_of(&begun.id)).await, b"hello");
    assert_eq!(file(&begun.complete(&server).send().await), stored);
    assert_eq!(server.object(&key_of(&begun.id)).await, b"hello");
    let only = vec![key_of(&begun.id)];
    eventually("what was put since is thrown away", async || server.objects().await == only).await;
}

#[tokio::test]
async fn completing_twice_is_completing() {
    let Some(server) = on_s3().await else { return };
    let begun = arrived(&server, "a", b"hello").await;
    let first = file(&begun.complete(&server).send().await);
    assert_eq!(file(&begun.complete(&server).send().await), first);
    let listed = server.get("/api/files").by("user_1").send().await.json();
    assert_eq!(listed["data"]["files"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn completing_at_once_makes_one_file() {
    let Some(server) = on_s3().await else { return };
    let begun = arrived(&server, "a", &vec![b'x'; 1 << 20]).await;
    let answers = join_all((0..8).map(|_| begun.complete(&server).send())).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert!(!done.is_empty());
    done.iter().for_each(|answer| assert_eq!(file(answer)["id"], json!(begun.id)));
    refused.iter().for_each(|answer| answer.refuses(423, "Locked", "upload_held"));
    let listed = server.get("/api/files").by("user_1").send().await.json();
    assert_eq!(listed["data"]["files"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_lay_at_the_url_goes_away() {
    let Some(server) = on_s3().await else { return };
    let begun = arrived(&server, "a", b"hello").await;
    begun.complete(&server).send().await;
    let only = vec![key_of(&begun.id)];
    eventually("nothing but the object is left", async || server.objects().await == only).await;
}

#[tokio::test]
async fn nothing_put_is_nothing_to_complete_yet() {
    let Some(server) = on_s3().await else { return };
    let begun = begun(&server, &json!({"filename": "a", "size": 5})).await;
    for _ in 0..2 {
        begun.complete(&server).send().await.refuses(409, "Conflict", "upload_incomplete");
    }
    put(&begun.url, b"hello").await;
    file(&begun.complete(&server).send().await);
}

#[tokio::test]
async fn an_object_of_another_size_is_not_taken_even_if_storage_took_it() {
    let Some(server) = on_s3().await else { return };
    let begun = begun(&server, &json!({"filename": "a", "size": 5})).await;
    server.put_object(&format!("managed/.incoming/{}", begun.id), b"longer than that").await;
    begun.complete(&server).send().await.refuses(409, "Conflict", "upload_incomplete");
}

#[tokio::test]
async fn an_upload_of_another_is_none() {
    let Some(server) = on_s3().await else { return };
    let begun = arrived(&server, "a", b"hello").await;
    let path = format!("/api/uploads/{}/complete", begun.id);
    server.post(&path).by("user_2").send().await.refuses(404, "Upload not found", "upload_not_found");
    file(&begun.complete(&server).send().await);
    server.post(&path).by("user_2").send().await.refuses(404, "Upload not found", "upload_not_found");
    for unknown in ["0192f3a4b5c67d8e9fa0b1c2d3e4f5a6", "presign", "a%2Fb", "..%2F..%2Fx", "%FF", "a.b"] {
        let asked = server.post(&format!("/api/uploads/{unknown}/complete")).by("user_1").send().await;
        asked.refuses(404, "Upload not found", "upload_not_found");
    }
}

#[tokio::test]
async fn a_file_that_came_otherwise_is_no_upload() {
    let Some(server) = on_s3().await else { return };
    let id = server.stored("user_1", "a", b"x").await["id"].as_str().unwrap().to_owned();
    let asked = server.post(&format!("/api/uploads/{id}/complete")).by("user_1").send().await;
    asked.refuses(404, "Upload not found", "upload_not_found");
}

#[tokio::test]
async fn one_that_was_left_for_too_long_is_gone() {
    let Some(server) = on_s3().await else { return };
    let begun = arrived(&server, "a", b"hello").await;
    server.sql("UPDATE uploads SET expires_at = 1").await;
    begun.complete(&server).send().await.refuses(410, "Upload expired", "upload_expired");
}

#[tokio::test]
async fn a_deleted_file_is_not_completed_again() {
    let Some(server) = on_s3().await else { return };
    let begun = arrived(&server, "a", b"hello").await;
    file(&begun.complete(&server).send().await);
    server.delete(&format!("/api/files/{}", begun.id)).by("user_1").send().await;
    begun.complete(&server).send().await.refuses(404, "File not found", "not_found");
}

#[tokio::test]
async fn a_blocked_user_completes_nothing() {
    let Some(server) = on_s3().await else { return };
    let begun = arrived(&server, "a", b"hello").await;
    server.sql("INSERT INTO users (id, blocked_at) VALUES ('user_1', 1)").await;
    begun.complete(&server).send().await.refuses(403, "User blocked", "user_blocked");
    let asked = presign(&server, &json!({"filename": "a", "size": 1})).send().await;
    asked.refuses(403, "User blocked", "user_blocked");
}

#[tokio::test]
async fn what_was_put_before_a_crash_is_completed_after_it() {
    let Some(server) = on_s3().await else { return };
    let begun = arrived(&server, "a", b"hello").await;
    let server = server.restart().await;
    file(&begun.complete(&server).send().await);
    assert_eq!(server.object(&key_of(&begun.id)).await, b"hello");
}
