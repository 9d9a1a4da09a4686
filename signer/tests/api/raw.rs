//! `PUT /files/raw/{name}`: what is taken, and what the answer says of it.

use crate::harness::{Answer, Call, Server, form, key_of, now, rest, token};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[track_caller]
fn stored(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["success"], true);
    answer.json()["data"]["file"].clone()
}

#[tokio::test]
async fn a_plain_body_is_a_file_like_any_other() {
    let server = Server::start().await;
    let query = "été.mp4?job_id=j-1&title=A+day&note=100%25&expires_at=2100-01-31T12:00:00Z";
    let query = query.replace("é", "%C3%A9");
    let file = stored(&server.put("user_1", &query, b"hello").header("content-type", "video/mp4").send().await);
    let text = form().text("job_id", "j-1").text("title", "A day").text("note", "100%");
    let same = text.text("expires_at", "2100-01-31T12:00:00Z").typed_file("été.mp4", "video/mp4", b"hello");
    let same = stored(&server.upload("user_1", same).send().await);
    for field in ["user_id", "job_id", "filename", "content_type", "size", "sha256", "metadata"] {
        assert_eq!(file[field], same[field], "{field}");
    }
    assert_eq!(file["metadata"], json!({"title": "A day", "note": "100%"}));
    assert_eq!(server.object(&key_of(file["id"].as_str().unwrap())).await, b"hello");
}

#[tokio::test]
async fn a_body_in_chunks_is_a_file_too() {
    let server = Server::start().await;
    let path = "/api/v1/files/raw/a.txt";
    let call =
        server.call("PUT", path).by("user_1").header("transfer-encoding", "chunked").header("connection", "close");
    let mut stream = call.begin(0).await;
    stream.write_all(b"3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\n\r\n").await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"size\":5"), "{answer}");
}

#[tokio::test]
async fn bodies_of_many_pieces_arrive_whole() {
    let server = Server::start().await;
    for size in [0, 1, (1 << 20) + 1, (20 << 20) + 12_345] {
        let bytes: Vec<u8> = (0..size).map(|index: usize| (index * 31 % 251) as u8).collect();
        let file = stored(&server.put("user_1", "a.bin", &bytes).send().await);
        assert_eq!(file["size"], size);
        assert!(server.object(&key_of(file["id"].as_str().unwrap())).await == bytes, "{size} bytes");
    }
}

#[tokio::test]
async fn names_are_decoded_once_and_kept() {
    let server = Server::start().await;
    for (sent, kept) in [
        ("a%22b%0D%0Ac.mp4", "a\"b\r\nc.mp4"),
        ("..%2F..%2Fetc%2Fpasswd", "../../etc/passwd"),
        ("%2e%2e", ".."),
        ("100%2525.mp4", "100%25.mp4"),
        ("a+b.mp4", "a+b.mp4"),
        ("a%3Fjob_id=x", "a?job_id=x"),
        ("signed-url", "signed-url"),
        (&"n".repeat(1024), &"n".repeat(1024)),
    ] {
        let file = stored(&server.put("user_1", sent, b"x").send().await);
        assert_eq!((&file["filename"], &file["job_id"]), (&json!(kept), &json!(null)), "{sent}");
    }
    assert_eq!(server.objects().await.len(), 8, "every object lies below its own id");
}

#[tokio::test]
async fn the_media_type_is_the_declared_one_or_that_of_the_name() {
    let server = Server::start().await;
    for (declared, name, kept) in [
        (Some("text/plain; charset=utf-8"), "a.mp4", "text/plain; charset=utf-8"),
        (Some("no type at all"), "a.mp4", "application/octet-stream"),
        (None, "a.mp4", "video/mp4"),
        (None, "a", "application/octet-stream"),
    ] {
        let call = server.put("user_1", name, b"x");
        let call = if let Some(declared) = declared { call.header("content-type", declared) } else { call };
        assert_eq!(stored(&call.send().await)["content_type"], kept, "{declared:?} {name}");
    }
}

#[tokio::test]
async fn each_counts_against_its_user() {
    let server = Server::given(&[("RATE_LIMIT", "2/1h")]).await;
    for left in ["1", "0"] {
        let answer = server.put("user_1", "a", b"x").send().await;
        assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (200, left));
    }
    server.put("user_1", "a", b"x").send().await.refuses(429, "Rate limit exceeded", "rate_limited");
    stored(&server.put("user_2", "a", b"x").send().await);
}

#[tokio::test]
async fn a_repeated_one_is_stored_once() {
    let server = Server::start().await;
    let put = |name: &str, bytes: &[u8]| server.put("user_1", name, bytes).header("idempotency-key", "k");
    let first = stored(&put("a.mp4?job_id=j", b"hello").send().await);
    assert_eq!(stored(&put("a.mp4?job_id=j", b"hello").send().await), first);
    let by_form = server.upload("user_1", form().text("job_id", "j").file("a.mp4", b"hello"));
    assert_eq!(stored(&by_form.header("idempotency-key", "k").send().await), first, "the same, sent otherwise");
    for other in [put("a.mp4?job_id=j", b"hellO"), put("b.mp4?job_id=j", b"hello"), put("a.mp4", b"hello")] {
        other.send().await.refuses(422, "Unprocessable", "idempotency_key_reused");
    }
    assert_eq!(server.objects().await.len(), 1);
}

#[tokio::test]
async fn who_asks_is_told_to_continue() {
    let server = Server::start().await;
    let call = server.put("user_1", "a.txt", b"hello").header("expect", "100-continue").header("connection", "close");
    let mut stream = call.begin(0).await;
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn what_follows_the_declared_length_is_not_of_the_file() {
    let server = Server::start().await;
    let mut stream = server.put("user_1", "a.txt", b"hello").begin(5).await;
    stream.write_all(b"GET /api/auth/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let answers = rest(&mut stream).await;
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 2, "{answers}");
    assert!(answers.contains("\"size\":5"), "{answers}");
}

#[tokio::test]
async fn a_file_that_expires_is_listed_until_then() {
    let server = Server::start().await;
    let query = format!("a?expires_at={}", jiff::Timestamp::from_second(i64::try_from(now() + 600).unwrap()).unwrap());
    let file = stored(&server.put("user_1", &query, b"x").send().await);
    let path = format!("/api/files/{}", file["id"].as_str().unwrap());
    assert_eq!(server.get(&path).by("user_1").send().await.status, 200);
    assert_eq!(file["metadata"], json!({}));
}

#[tokio::test]
async fn it_takes_a_token_and_no_foreign_page() {
    let server = Server::start().await;
    let call = |path: &str| Call::new(server.api, "PUT", path).bytes(b"x");
    call("/api/files/raw/a").send().await.refuses(401, "Unauthorized", "token_missing");
    let foreign = call("/api/files/raw/a").bearer(&token("user_1").signed()).header("origin", "https://evil.example");
    foreign.send().await.refuses(403, "CSRF protection: Invalid origin", "invalid_origin");
    let other = server.get("/api/files/raw/a").by("user_1").send().await;
    other.refuses(405, "Method not allowed", "method_not_allowed");
    assert_eq!(other.header("allow"), "PUT");
    server.put("user_1", "", b"x").send().await.refuses(404, "Not found", "unknown_route");
    assert_eq!(server.objects().await, [""; 0]);
}
