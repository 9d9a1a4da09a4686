//! An upload whose length is said later (`creation-defer-length`).

use crate::harness::{Resumable, Server, key_of};

async fn begun(server: &Server) -> Resumable {
    server.begun_by(server.creation().by("user_1").header("upload-defer-length", "1")).await
}

#[tokio::test]
async fn the_length_may_come_with_any_later_bytes() {
    let server = Server::start().await;
    let upload = begun(&server).await;
    let answer = upload.look().send().await;
    assert_eq!((answer.header("upload-length"), answer.header("upload-defer-length")), ("", "1"));
    assert_eq!(upload.append(0, "hel").send().await.status, 204);
    let answer = upload.append(3, "lo").header("upload-length", "5").send().await;
    assert_eq!((answer.status, answer.header("upload-offset")), (204, "5"));
    assert_eq!(server.object(&key_of(answer.header("upload-file-id"))).await, b"hello");
    let answer = upload.look().send().await;
    assert_eq!((answer.header("upload-length"), answer.header("upload-defer-length")), ("5", ""));
}

#[tokio::test]
async fn the_length_may_come_last_with_nothing_else() {
    let server = Server::start().await;
    let upload = begun(&server).await;
    assert_eq!(upload.append(0, "hello").send().await.header("upload-file-id"), "");
    let answer = upload.append(5, "").header("upload-length", "5").send().await;
    assert_eq!(server.object(&key_of(answer.header("upload-file-id"))).await, b"hello");
}

#[tokio::test]
async fn a_length_once_said_stays() {
    let server = Server::start().await;
    let upload = begun(&server).await;
    assert_eq!(upload.append(0, "hel").send().await.status, 204);
    upload.append(3, "lo").header("upload-length", "2").send().await.names("Upload-Length");
    assert_eq!(upload.append(3, "l").header("upload-length", "5").send().await.status, 204);
    upload.append(4, "o").header("upload-length", "6").send().await.names("Upload-Length");
    upload.append(4, "o!").send().await.refuses(413, "Payload too large", "too_large");
    assert_eq!(upload.append(4, "o").header("upload-length", "5").send().await.status, 204);
}

#[tokio::test]
async fn it_may_not_grow_past_what_a_file_may_be() {
    let server = Server::given(&[("MAX_UPLOAD_BYTES", "1000")]).await;
    let upload = begun(&server).await;
    upload.append(0, vec![7; 1001]).send().await.refuses(413, "Payload too large", "too_large");
    assert_eq!(upload.append(0, vec![7; 900]).send().await.status, 204);
    upload.append(900, vec![7; 101]).send().await.refuses(413, "Payload too large", "too_large");
    upload.append(900, "").header("upload-length", "1001").send().await.refuses(413, "Payload too large", "too_large");
    assert_eq!(upload.append(900, vec![7; 100]).header("upload-length", "1000").send().await.status, 204);
}

#[tokio::test]
async fn one_whose_length_is_never_said_expires() {
    let server = Server::start().await;
    let upload = begun(&server).await;
    assert_eq!(upload.append(0, "hello").send().await.status, 204);
    server.sql("UPDATE uploads SET expires_at = 1000").await;
    upload.append(5, "").header("upload-length", "5").send().await.refuses(410, "Upload expired", "upload_expired");
    assert!(server.signer.is_empty().await.unwrap());
}
