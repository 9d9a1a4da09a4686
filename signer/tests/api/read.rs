//! `GET /files/{fileId}`.

use crate::harness::Server;

#[tokio::test]
async fn the_owner_sees_the_file_as_the_upload_answered_it() {
    let server = Server::start().await;
    let file = server.stored("user_1", "a.mp4", b"hello").await;
    for mount in ["/api", "/api/v1"] {
        let answer = server.get(&format!("{mount}/files/{}", file["id"].as_str().unwrap())).by("user_1").send().await;
        assert_eq!((answer.status, &answer.json()["data"]["file"]), (200, &file));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn foreign_missing_deleted_and_impossible_files_are_one_answer() {
    let server = Server::start().await;
    let file = server.stored("user_1", "a", b"x").await;
    let id = file["id"].as_str().unwrap();
    let foreign = server.get(&format!("/api/files/{id}")).by("user_2").send().await;
    foreign.refuses(404, "File not found", "not_found");
    server.delete(&format!("/api/files/{id}")).by("user_1").send().await;
    for id in [id, "0192f3a4b5c67d8e9fa0b1c2d3e4f5a6", "a:b", "%00", "%ff", "..%2f..", &"f".repeat(129), "uploads"] {
        let answer = server.get(&format!("/api/files/{id}")).by("user_1").send().await;
        answer.refuses(404, "File not found", "not_found");
        assert_eq!(answer.json()["message"], foreign.json()["message"]);
    }
}
