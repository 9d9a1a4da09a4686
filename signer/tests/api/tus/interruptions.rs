//! Connections that break, clients that stall, processes that die: what HEAD tells is there, and the rest can be sent.

use crate::harness::{Process, Resumable, Server, eventually, key_of, noise};
use sha2::{Digest, Sha256};
use std::time::Duration;

const SENT: usize = 3 << 20;

async fn keeps_all(upload: &Resumable) {
    eventually("a record of all that was sent", async || upload.offset().await == SENT).await;
}

#[tokio::test]
async fn what_was_sent_before_the_connection_ended_is_kept() {
    let server = Server::start().await;
    let bytes = noise(8 << 20);
    let upload = server.begun("user_1", bytes.len()).await;
    drop(upload.sending(0, bytes.clone(), SENT).await);
    keeps_all(&upload).await;
    let id = upload.complete(&bytes).await;
    assert!(server.object(&key_of(&id)).await == bytes);
    eventually("nothing but the file is left", async || server.objects().await.len() == 1).await;
}

#[tokio::test]
async fn a_connection_that_is_reset_loses_at_most_what_had_not_arrived() {
    let server = Server::start().await;
    let bytes = noise(8 << 20);
    let upload = server.begun("user_1", bytes.len()).await;
    for _ in 0..5 {
        let told = upload.offset().await;
        upload.sending(told, &bytes[told..], (1 << 20) + 77).await.reset();
        assert!(upload.offset().await >= told);
    }
    let id = upload.complete(&bytes).await;
    assert!(server.object(&key_of(&id)).await == bytes);
    assert_eq!(server.file("user_1", &id).await["sha256"], hex::encode(Sha256::digest(&bytes)));
}

#[tokio::test]
async fn a_client_that_stalls_is_given_up_and_its_bytes_are_kept() {
    let server = Server::start_with(|config| config.upload_patience = Duration::from_millis(600)).await;
    let bytes = noise(8 << 20);
    let upload = server.begun("user_1", bytes.len()).await;
    let answer = upload.sending(0, bytes.clone(), SENT).await.send(b"").await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"code\":\"timeout\""), "{answer}");
    assert_eq!(upload.offset().await, SENT);
    upload.finish(SENT, &bytes[SENT..]).await;
}

#[tokio::test]
async fn a_restart_keeps_what_was_told() {
    let server = Server::start().await;
    let bytes = noise(8 << 20);
    let upload = server.begun("user_1", bytes.len()).await;
    assert_eq!(upload.append(0, &bytes[..SENT]).send().await.status, 204);
    let running = upload.sending(SENT, &bytes[SENT..], 1 << 20).await;
    eventually("the next ones record", async || upload.offset().await == SENT + (1 << 20)).await;
    let server = server.restart().await;
    drop(running);
    let upload = upload.of(server.api);
    assert_eq!(upload.offset().await, SENT + (1 << 20));
    let id = upload.complete(&bytes).await;
    assert!(server.object(&key_of(&id)).await == bytes);
    assert_eq!(server.file("user_1", &id).await["sha256"], hex::encode(Sha256::digest(&bytes)));
}

/// Another process has nothing but what storage and catalog hold. The one that died is waited for as long as it could
/// have been alive.
#[tokio::test]
async fn what_was_told_survives_the_death_of_its_process() {
    let mut process = Process::on_given_parts().await;
    let bytes = noise((12 << 20) + 345);
    let begun = process.begun("user_1", bytes.len()).await;
    let mut told = 0;
    for _ in 0..2 {
        let upload = begun.of(process.api);
        eventually("a turn", async || upload.append(bytes.len(), "x").send().await.status == 409).await;
        let running = upload.sending(told, &bytes[told..], 2 << 20).await;
        eventually("a record", async || upload.offset().await > told).await;
        told = upload.offset().await;
        process = process.killed_and_started_again();
        drop(running);
        let now = begun.of(process.api).offset().await;
        assert!(now >= told, "{now} where {told} was told");
        told = now;
    }
    let id = begun.of(process.api).complete(&bytes).await;
    let file = process.file("user_1", &id).await;
    assert_eq!(file["sha256"], hex::encode(Sha256::digest(&bytes)));
}

/// A process that dies, or storage that fails, after the last byte and before the row.
#[tokio::test]
async fn what_is_whole_and_no_file_yet_becomes_one_when_it_is_asked_for() {
    let server = Server::start().await;
    let upload = server.begun_by(server.creation().by("user_1").header("upload-defer-length", "1")).await;
    assert_eq!(upload.append(0, "hello").send().await.status, 204);
    server.sql("UPDATE uploads SET declared_size = 5").await;
    let answer = upload.look().send().await;
    assert_eq!((answer.status, answer.header("upload-offset")), (200, "5"));
    let id = answer.header("upload-file-id").to_owned();
    assert_eq!(server.object(&key_of(&id)).await, b"hello");
    assert_eq!(upload.look().send().await.header("upload-file-id"), id);
}

#[tokio::test]
async fn an_upload_whose_durable_bytes_are_gone_says_so() {
    let server = Server::start().await;
    if !server.is_folder() {
        return;
    }
    let upload = server.begun("user_1", 10).await;
    assert_eq!(upload.append(0, "hello").send().await.status, 204);
    for staged in server.objects().await {
        std::fs::remove_file(server.root().join(staged)).unwrap();
    }
    upload.append(5, "world").send().await.refuses(410, "Upload expired", "upload_expired");
    assert!([404, 410].contains(&upload.look().send().await.status));
}
