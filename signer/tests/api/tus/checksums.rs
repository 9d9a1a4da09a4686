//! `Upload-Checksum`: bytes that are not what was said of them were never received.

use crate::harness::{Server, eventually, key_of, noise};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha1::Sha1;
use sha2::{Digest, Sha256};

fn sha1(bytes: &[u8]) -> String {
    format!("sha1 {}", STANDARD.encode(Sha1::digest(bytes)))
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256 {}", STANDARD.encode(Sha256::digest(bytes)))
}

#[tokio::test]
async fn bytes_with_their_checksum_are_taken() {
    let server = Server::start().await;
    let bytes = noise(9 << 20);
    let upload = server.begun("user_1", bytes.len()).await;
    let (first, second) = bytes.split_at(7 << 20);
    let answer = upload.append(0, first).header("upload-checksum", &sha1(first)).send().await;
    assert_eq!((answer.status, answer.header("upload-offset")), (204, "7340032"));
    let answer = upload.append(first.len(), second).header("upload-checksum", &sha256(second)).send().await;
    assert!(server.object(&key_of(answer.header("upload-file-id"))).await == bytes);
}

#[tokio::test]
async fn bytes_with_another_are_thrown_away_and_can_be_sent_again() {
    let server = Server::start().await;
    let bytes = noise(9 << 20);
    let upload = server.begun("user_1", bytes.len()).await;
    let (first, second) = bytes.split_at(1000);
    assert_eq!(upload.append(0, first).send().await.status, 204);
    for wrong in [sha1(first), sha256(first)] {
        let answer = upload.append(1000, second).header("upload-checksum", &wrong).send().await;
        answer.refuses(460, "Checksum mismatch", "checksum_mismatch");
        assert_eq!(upload.offset().await, 1000);
    }
    let id = upload.finish(1000, second).await;
    assert!(server.object(&key_of(&id)).await == bytes);
    assert_eq!(server.file("user_1", &id).await["sha256"], hex::encode(Sha256::digest(&bytes)));
}

#[tokio::test]
async fn a_checksum_that_cannot_be_read_refuses_the_request() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 5).await;
    for bad in ["", "sha1", "md5 XUFAKrxLKna5cZ2REBfFkg==", "sha1 !", "sha256 qvTGHdzF6KLavt4PO0gs2a6pQ00="] {
        upload.append(0, "hello").header("upload-checksum", bad).send().await.names("Upload-Checksum");
    }
    assert_eq!(upload.offset().await, 0);
}

#[tokio::test]
async fn bytes_that_broke_off_before_their_checksum_are_none() {
    let server = Server::start().await;
    let bytes = noise(1 << 20);
    let upload = server.begun("user_1", bytes.len()).await;
    let broken = upload.append(0, bytes.clone()).header("upload-checksum", &sha256(&bytes)).begin(700_000).await;
    drop(broken);
    let id = upload.complete(&bytes).await;
    assert!(server.object(&key_of(&id)).await == bytes);
}

#[tokio::test]
async fn the_first_bytes_may_have_one_too() {
    let server = Server::start().await;
    let creation = || server.creation().by("user_1").header("upload-length", "5");
    let sent = |sum: &str| creation().header("upload-checksum", sum).body("application/offset+octet-stream", "hello");
    sent(&sha1(b"other")).send().await.refuses(460, "Checksum mismatch", "checksum_mismatch");
    eventually("nothing is left", async || server.objects().await.is_empty()).await;
    assert_eq!(sent(&sha1(b"hello")).send().await.header("upload-offset"), "5");
}
