//! `PUT /files/raw/{name}`: what is refused. After each row there is no row, no object and no temporary file.

use crate::harness::{Call, Server, rest};
use std::{io::Write, time::Duration};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

const SMALL: u64 = 1 << 20;

async fn server() -> Server {
    Server::given(&[("MAX_UPLOAD_BYTES", &SMALL.to_string())]).await
}

fn large() -> Vec<u8> {
    vec![7; usize::try_from(SMALL).unwrap() + 1]
}

#[tokio::test]
async fn names_and_fields_are_checked_and_named() {
    let server = server().await;
    let long = "n".repeat(1025);
    for name in ["%00", "a%00b", "%FF", "%ED%A0%80", "%C0%AE", &long] {
        server.put("user_1", name, b"x").send().await.names("name");
    }
    let many: String = (0..65).map(|index| format!("&{index}=x")).collect();
    for (query, field) in [
        ("job_id=", "job_id"),
        ("job_id=%00", "job_id"),
        ("title=%FF", "title"),
        ("title=1&title=2", "title"),
        ("expires_at=tomorrow", "expires_at"),
        ("expires_at=2001-01-01T00:00:00Z", "expires_at"),
        ("=x", "parameter name"),
        ("a%0Ab=x", "parameter name"),
        (&many, "query"),
    ] {
        server.put("user_1", &format!("a?{query}"), b"x").send().await.names(field);
    }
    let long = format!("a?title={}", "x".repeat((8 << 10) + 1));
    server.put("user_1", &long, b"x").send().await.refuses(413, "Payload too large", "too_large");
    server.leaves_nothing().await;
}

#[tokio::test]
async fn parts_of_a_file_and_encoded_ones_are_refused() {
    let server = server().await;
    let partial = server.put("user_1", "a", b"x").header("content-range", "bytes 0-0/5").send().await;
    partial.names("Content-Range");
    let encoded = server.put("user_1", "a", b"x").header("content-encoding", "gzip").send().await;
    encoded.refuses(415, "Unsupported media type", "unsupported_media_type");
    assert_eq!(server.put("user_1", "a", b"x").header("content-encoding", "identity").send().await.status, 200);
}

#[tokio::test]
async fn a_file_past_the_limit_is_refused_at_once() {
    let server = server().await;
    // By its declared length alone: not a byte of this body is ever sent.
    let mut stream = server.put("user_1", "a", &large()).begin(0).await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("\"too_large\""), "{answer}");
    // In chunks nobody knows before.
    let mut stream = server.put("user_1", "a", b"").header("transfer-encoding", "chunked").begin(0).await;
    let chunk = [format!("{:x}\r\n", large().len()).into_bytes(), large()].concat();
    stream.write_all(&chunk).await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 413 "));
    server.leaves_nothing().await;
    assert_eq!(server.put("user_1", "a", &large()[1..]).send().await.status, 200);
}

#[tokio::test]
async fn what_does_not_arrive_whole_leaves_nothing() {
    let server = server().await;
    for sent in [0, 1, 99_999] {
        let mut stream = server.put("user_1", "a", &[7; 100_000]).begin(sent).await;
        stream.shutdown().await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("`body`"), "{sent}: {answer}");
    }
    for broken in ["5\r\nhello\r\n", "5\r\nhell", "5\r\nhello\r\nx\r\n", "-1\r\n", "fffffffffffffffff\r\n"] {
        let call = server.put("user_1", "a", b"").header("transfer-encoding", "chunked");
        let mut stream = call.begin(0).await;
        stream.write_all(broken.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{broken:?}: {answer}");
    }
    server.leaves_nothing().await;
}

#[tokio::test]
async fn a_client_that_leaves_leaves_nothing_behind() {
    let server = Server::start().await;
    for sent in [1, 300_000, 9 << 20] {
        let stream = server.put("user_1", "a", &vec![7; 30 << 20]).begin(sent).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(stream);
    }
    server.leaves_nothing().await;
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_given_up() {
    let server = Server::start_with(|config| config.upload_patience = Duration::from_millis(600)).await;
    let mut stream = server.put("user_1", "a", &[7; 10_000]).begin(5000).await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"code\":\"timeout\""), "{answer}");
    server.leaves_nothing().await;
}

#[tokio::test]
async fn whatever_the_head_tells_is_refused_without_asking_for_the_body() {
    let tiers = tiers("[full]\ntotal_bytes = 0\n");
    let path = tiers.path().to_str().unwrap();
    let limit = SMALL.to_string();
    let server = Server::given(&[("MAX_UPLOAD_BYTES", &limit), ("SIGNER_TIERS", path), ("RATE_LIMIT", "100/1h")]).await;
    let put = |name: &str| server.put("user_1", name, b"x");
    let full = crate::harness::token("user_1").claim("subscription_tier", "full".into()).signed();
    let unsigned = || Call::new(server.api, "PUT", "/api/files/raw/a");
    for (what, call, status) in [
        ("no token", unsigned().bytes(b"x"), 401),
        ("a foreign page", put("a").header("origin", "https://evil.example"), 403),
        ("a name", put("%00"), 400),
        ("a field", put("a?expires_at=x"), 400),
        ("a key", put("a").header("idempotency-key", "a b"), 400),
        ("a checksum", put("a").header("content-digest", "sha-256"), 400),
        ("a range", put("a").header("content-range", "bytes 0-0/1"), 400),
        ("an encoding", put("a").header("content-encoding", "br"), 415),
        ("a length", server.put("user_1", "a", &large()), 413),
        ("no room", unsigned().bearer(&full).bytes(b"x"), 413),
    ] {
        for expect in ["100-continue", "bogus"] {
            let mut stream = Call::clone(&call).header("expect", expect).begin(0).await;
            let answer = rest(&mut stream).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
        }
    }
    server.leaves_nothing().await;
}

fn tiers(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}
