//! `POST /files/upload`: what is taken, and what the answer says of it.

use crate::harness::{Server, eventually, form, key_of, now};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

const HELLO_SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

#[tokio::test]
async fn an_upload_is_answered_with_its_file_and_is_in_storage() {
    let server = Server::start().await;
    let before = now();
    let answer = server
        .upload(
            "user_1",
            form().text("title", "A day").typed_file("été 🎬.mp4", "video/mp4", b"hello").text("job_id", "j-1"),
        )
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["success"], true);
    let file = answer.json()["data"]["file"].clone();
    let id = file["id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 32);
    for (field, value) in [
        ("user_id", json!("user_1")),
        ("job_id", json!("j-1")),
        ("filename", json!("été 🎬.mp4")),
        ("content_type", json!("video/mp4")),
        ("size", json!(5)),
        ("sha256", json!(HELLO_SHA256)),
        ("metadata", json!({"title": "A day"})),
    ] {
        assert_eq!(file[field], value, "{field}");
    }
    assert_eq!(file.as_object().unwrap().len(), 10);
    let etag = file["etag"].as_str().unwrap();
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 2, "{etag}");
    let created: jiff::Timestamp = file["created_at"].as_str().unwrap().parse().unwrap();
    assert!(created.as_second().unsigned_abs() >= before);
    assert!(file["created_at"].as_str().unwrap().ends_with('Z') && file["created_at"].as_str().unwrap().len() == 24);
    assert_eq!(server.objects().await, [key_of(&id)]);
    assert_eq!(server.object(&key_of(&id)).await, b"hello");
}

#[tokio::test]
async fn a_file_of_many_pieces_arrives_whole() {
    let server = Server::start().await;
    for size in [0, 1, 1 << 20, (1 << 20) + 1, 8 << 20, (8 << 20) + 1, (20 << 20) + 12_345] {
        let bytes: Vec<u8> = (0..size).map(|index: usize| (index * 31 % 251) as u8).collect();
        let file = server.stored("user_1", "a.bin", &bytes).await;
        assert_eq!(file["size"], size);
        assert!(server.object(&key_of(file["id"].as_str().unwrap())).await == bytes, "{size} bytes");
    }
}

#[tokio::test]
async fn bytes_that_look_like_a_boundary_are_bytes() {
    let server = Server::start().await;
    let near = b"\r\n------WebKitFormBoundary\r\n--\r\r\n------WebKitFormBoundary7MA4YWxkTrZu0g\r\n\r".repeat(3000);
    let file = server.stored("user_1", "a.bin", &near).await;
    assert!(server.object(&key_of(file["id"].as_str().unwrap())).await == near);
}

#[tokio::test]
async fn file_names_are_labels_and_stay_as_browsers_sent_them() {
    let server = Server::start().await;
    for (sent, kept) in [
        ("a%22b%0D%0Ac.mp4", "a\"b\r\nc.mp4"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("100%25.mp4", "100%25.mp4"),
        ("", "file"),
        (&"n".repeat(1024), &"n".repeat(1024)),
    ] {
        assert_eq!(server.stored("user_1", sent, b"x").await["filename"], kept);
    }
    let unnamed = form().part("Content-Disposition: form-data; name=\"file\"", b"x");
    assert_eq!(server.upload("user_1", unnamed).send().await.json()["data"]["file"]["filename"], "file");
    assert_eq!(server.objects().await.len(), 6, "every object lies below its own id");
}

#[tokio::test]
async fn the_media_type_is_the_declared_one_or_that_of_the_name() {
    let server = Server::start().await;
    for (declared, name, kept) in [
        (Some("text/plain; charset=utf-8"), "a.mp4", "text/plain; charset=utf-8"),
        (Some("no type at all"), "a.mp4", "application/octet-stream"),
        (Some("text/html\u{e9}"), "a.mp4", "application/octet-stream"),
        (None, "a.mp4", "video/mp4"),
        (None, "a", "application/octet-stream"),
    ] {
        let upload = match declared {
            Some(declared) => form().typed_file(name, declared, b"x"),
            None => form().file(name, b"x"),
        };
        let answer = server.upload("user_1", upload).send().await;
        assert_eq!(answer.json()["data"]["file"]["content_type"], kept, "{declared:?} {name}");
    }
}

#[tokio::test]
async fn a_file_that_expires_is_there_until_then() {
    let server = Server::start().await;
    let end = now() + 6;
    let later = jiff::Timestamp::from_second(i64::try_from(end).unwrap()).unwrap().to_string();
    let answer = server.upload("user_1", form().text("expires_at", &later).file("a", b"x")).send().await;
    assert_eq!(answer.json()["data"]["file"]["metadata"], json!({}));
    let path = format!("/api/files/{}", answer.json()["data"]["file"]["id"].as_str().unwrap());
    assert_eq!(server.get(&path).by("user_1").send().await.status, 200);
    eventually("its end has come", async || now() > end).await;
    server.get(&path).by("user_1").send().await.refuses(404, "File not found", "not_found");
}

#[tokio::test]
async fn what_is_written_is_for_its_owner_alone() {
    let server = Server::start().await;
    let file = server.stored("user_1", "a", b"x").await;
    let mode = |path: std::path::PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    if let Some(catalog) = server.catalog() {
        assert_eq!(mode(catalog.into()), 0o600);
    }
    if server.is_folder() {
        let object = server.root().join(key_of(file["id"].as_str().unwrap()));
        assert_eq!(mode(object.clone()), 0o600);
        assert_eq!(mode(object.parent().unwrap().into()), 0o700);
        assert_eq!(mode(server.root()), 0o700);
    }
}

#[tokio::test]
async fn an_upload_past_the_bound_is_told_to_come_again() {
    let server = Server::start_with(|config| config.max_uploads = 1).await;
    let (media_type, body) = form().file("a", &[7; 5000]).finish();
    let running = server.post("/api/files/upload").by("user_1").body(&media_type, body).begin(1000).await;
    let under_way = async |number| {
        let metrics = server.ask("/metrics").send().await.text();
        metrics.lines().any(|line| line == format!("signer_uploads_in_flight {number}"))
    };
    eventually("it has its place", async || under_way(1).await).await;
    let refused = server.upload("user_1", form().file("b", b"x")).send().await;
    refused.refuses(503, "Service unavailable", "overloaded");
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(server.get("/api/files").by("user_1").send().await.status, 200, "only uploads are refused");
    drop(running);
    eventually("its place is free", async || under_way(0).await).await;
    server.stored("user_1", "b", b"x").await;
    server.stored("user_1", "c", b"x").await;
}
