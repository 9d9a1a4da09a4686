//! One writer at a time.

use crate::harness::{Server, eventually, key_of, noise};
use sha2::{Digest, Sha256};

const HELD: &str = "SELECT holder FROM uploads WHERE holder IS NOT NULL";

#[tokio::test]
async fn of_two_writers_one_is_refused_and_no_byte_is_the_others() {
    let server = Server::start().await;
    let bytes = noise(2 << 20);
    let upload = server.begun("user_1", bytes.len()).await;
    let first = upload.sending(0, bytes.clone(), 1 << 20).await;
    eventually("the first writing", async || !server.texts(HELD).await.is_empty()).await;
    upload.append(0, vec![0; bytes.len()]).send().await.refuses(423, "Locked", "upload_held");
    upload.append(1, "x").send().await.refuses(423, "Locked", "upload_held");
    let answer = first.send(&bytes[1 << 20..]).await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    let id = upload.look().send().await.header("upload-file-id").to_owned();
    assert!(server.object(&key_of(&id)).await == bytes);
    assert_eq!(server.file("user_1", &id).await["sha256"], hex::encode(Sha256::digest(&bytes)));
    assert_eq!(server.texts(HELD).await, [""; 0]);
}

#[tokio::test]
async fn who_asks_meanwhile_is_told_what_is_durable() {
    let server = Server::start().await;
    let bytes = noise(7 << 20);
    let upload = server.begun("user_1", bytes.len()).await;
    let writing = upload.sending(0, bytes.clone(), bytes.len() - 1).await;
    // It is never sent its last byte, so none of these answers waited for it.
    eventually("a record of all that was sent", async || upload.offset().await == bytes.len() - 1).await;
    let answer = writing.send(&bytes[bytes.len() - 1..]).await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    let id = upload.look().send().await.header("upload-file-id").to_owned();
    assert!(server.object(&key_of(&id)).await == bytes);
}

#[tokio::test]
async fn who_says_nothing_for_long_is_displaced_and_what_they_sent_is_kept() {
    let server = Server::start().await;
    let bytes = noise(300_000);
    let upload = server.begun("user_1", bytes.len()).await;
    let silent = upload.sending(0, bytes.clone(), 100_000).await;
    eventually("a record of all that was sent", async || upload.offset().await == 100_000).await;
    let id = upload.complete(&bytes).await;
    let late = silent.send(&vec![0; 200_000]).await;
    // Refused while the other holds it, and when it is a file already.
    let is_refused = ["HTTP/1.1 423 ", "HTTP/1.1 409 "].iter().any(|line| late.starts_with(line));
    assert!(is_refused || late.is_empty(), "{late}");
    assert!(server.object(&key_of(&id)).await == bytes);
}

#[tokio::test]
async fn many_that_begin_at_once_write_one_file() {
    let server = Server::start().await;
    let bytes = noise(1 << 20);
    let upload = server.begun("user_1", bytes.len()).await;
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let call = upload.append(0, bytes.clone());
        writers.spawn(async move { call.send().await.status });
    }
    let statuses = writers.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [204, 409, 423].contains(status)), "{statuses:?}");
    let id = upload.look().send().await.header("upload-file-id").to_owned();
    assert!(server.object(&key_of(&id)).await == bytes);
}
