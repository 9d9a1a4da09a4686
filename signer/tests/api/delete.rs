//! `DELETE /files/{fileId}`, and deletions that were begun and not finished.

use crate::harness::{Server, eventually, key_of};
use serde_json::json;

#[tokio::test]
async fn a_deleted_file_is_gone_with_its_object() {
    let server = Server::start().await;
    let (one, other) = (server.stored("user_1", "a", b"x").await, server.stored("user_1", "b", b"y").await);
    let path = format!("/api/files/{}", one["id"].as_str().unwrap());
    let answer = server.delete(&path).by("user_1").send().await;
    assert_eq!((answer.status, answer.json()), (200, json!({"success": true, "data": {"id": one["id"]}})));
    server.delete(&path).by("user_1").send().await.refuses(404, "File not found", "not_found");
    server.post(&format!("{path}/signed-url")).by("user_1").send().await.refuses(404, "File not found", "not_found");
    assert_eq!(server.objects().await, [key_of(other["id"].as_str().unwrap())]);
}

#[tokio::test]
async fn a_foreign_file_cannot_be_deleted() {
    let server = Server::start().await;
    let file = server.stored("user_1", "a", b"x").await;
    let path = format!("/api/files/{}", file["id"].as_str().unwrap());
    server.delete(&path).by("user_2").send().await.refuses(404, "File not found", "not_found");
    assert_eq!(server.get(&path).by("user_1").send().await.status, 200);
}

#[tokio::test]
async fn a_deletion_cut_short_is_finished_at_the_next_start() {
    let server = Server::start().await;
    server.stored("user_1", "a", b"x").await;
    server.sql("UPDATE files SET state = 'deleted'").await;
    let server = server.restart().await;
    // Beside the first requests, not before them.
    eventually("it is finished", async || server.signer.is_empty().await.unwrap()).await;
    assert_eq!(server.objects().await, [""; 0]);
    assert!(server.signer.is_empty().await.unwrap());
}

#[tokio::test]
async fn an_object_that_is_not_ours_stays_when_its_file_is_deleted() {
    let server = Server::start().await;
    let file = server.stored("user_1", "a", b"x").await;
    let id = file["id"].as_str().unwrap();
    server.sql("UPDATE files SET object_key = 'videos/a.mp4'").await;
    assert_eq!(server.delete(&format!("/api/files/{id}")).by("user_1").send().await.status, 200);
    assert!(server.signer.is_empty().await.unwrap());
    assert_eq!(server.objects().await, [key_of(id)]);
}
