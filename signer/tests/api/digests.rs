//! `Content-Digest`, `Repr-Digest` and `Digest` of an upload: a file that arrives otherwise than it was sent is not kept.

use crate::harness::{Call, Form, Server, form};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256, Sha512};

const FILE: &[u8] = b"hello";

fn sha256(bytes: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(bytes))
}

fn sha512(bytes: &[u8]) -> String {
    STANDARD.encode(Sha512::digest(bytes))
}

/// The file with this header: as a plain body, and as the part of a form.
fn both(server: &Server, name: &str, value: &str) -> [Call; 2] {
    let part: Form =
        form().part(&format!("Content-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n{name}: {value}"), FILE);
    [server.put("user_1", "a", FILE).header(name, value), server.upload("user_1", part)]
}

#[tokio::test]
async fn a_file_that_is_what_its_client_sent_is_kept() {
    let server = Server::start().await;
    for (name, value) in [
        ("Content-Digest", format!("sha-256=:{}:", sha256(FILE))),
        ("Content-Digest", format!("sha-512=:{}:, sha-256=:{}:", sha512(FILE), sha256(FILE))),
        ("Repr-Digest", format!("sha-512=:{}:", sha512(FILE))),
        ("Digest", format!("SHA-256={},md5=of something else", sha256(FILE))),
        ("Content-Digest", "md5=:AAAA:, crc32c=:AAAA:".into()),
    ] {
        for call in both(&server, name, &value) {
            let answer = call.send().await;
            assert_eq!(answer.status, 200, "{name}: {value}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_file_that_is_not_is_refused_and_leaves_nothing() {
    let server = Server::start().await;
    let large = vec![7; 9 << 20];
    for (name, value) in [
        ("Content-Digest", format!("sha-256=:{}:", sha256(b"hellO"))),
        ("Repr-Digest", format!("sha-256=:{}:, sha-512=:{}:", sha256(FILE), sha512(b"hellO"))),
        ("Digest", format!("sha-256={}", sha256(b""))),
    ] {
        for call in both(&server, name, &value) {
            call.send().await.refuses(400, "Digest mismatch", "digest_mismatch");
        }
        let large = server.put("user_1", "a", &large).header(name, &value);
        large.send().await.refuses(400, "Digest mismatch", "digest_mismatch");
    }
    server.leaves_nothing().await;
}

#[tokio::test]
async fn a_refused_one_may_be_sent_again_under_its_key() {
    let server = Server::start().await;
    let digest = format!("sha-256=:{}:", sha256(FILE));
    let put = |bytes| server.put("user_1", "a", bytes).header("idempotency-key", "k").header("content-digest", &digest);
    put(b"hellO").send().await.refuses(400, "Digest mismatch", "digest_mismatch");
    assert_eq!(put(FILE).send().await.status, 200);
}

#[tokio::test]
async fn a_checksum_of_no_form_is_refused_by_its_header() {
    let server = Server::start().await;
    for (name, value) in [
        ("Content-Digest", "sha-256=abc"),
        ("Content-Digest", "sha-256=:AAAA:"),
        ("Repr-Digest", "sha-512"),
        ("Repr-Digest", "=:AAAA:"),
        ("Digest", "sha-256"),
        ("Digest", "sha-256=AAAA"),
    ] {
        for call in both(&server, name, value) {
            call.send().await.names(name);
        }
    }
    server.leaves_nothing().await;
}
