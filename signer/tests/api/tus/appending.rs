//! `PATCH`: bytes that go on where the upload stands.

use crate::harness::{Resumable, Server, eventually, key_of, noise};
use sha2::{Digest, Sha256};

#[tokio::test]
async fn bytes_in_any_number_of_requests_are_one_file() {
    let server = Server::start().await;
    let bytes = noise((13 << 20) + 4321);
    for step in [bytes.len(), 5 << 20, (6 << 20) + 1] {
        let upload = server.begun("user_1", bytes.len()).await;
        let mut file = String::new();
        for (index, piece) in bytes.chunks(step).enumerate() {
            assert_eq!(file, "", "a file only with the last byte");
            file = upload.finish(index * step, piece).await;
        }
        let shown = server.file("user_1", &file).await;
        assert_eq!(shown["sha256"], hex::encode(Sha256::digest(&bytes)));
        assert_eq!(shown["size"], bytes.len());
        assert!(server.object(&key_of(&file)).await == bytes, "in steps of {step}");
        assert_eq!(upload.offset().await, bytes.len());
    }
    eventually("nothing but the files is left", async || server.objects().await.len() == 3).await;
}

#[tokio::test]
async fn an_answer_tells_the_new_offset_and_moves_the_expiry_on() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 5).await;
    server.sql("UPDATE uploads SET expires_at = expires_at - 3600000").await;
    let before = upload.look().send().await.header("upload-expires").to_owned();
    let answer = upload.append(0, "hel").send().await;
    assert_eq!((answer.status, answer.header("upload-offset"), answer.text().as_str()), (204, "3", ""));
    assert_ne!(answer.header("upload-expires"), before);
    assert_eq!(upload.look().send().await.header("upload-expires"), answer.header("upload-expires"));
    assert_eq!(upload.append(3, "").send().await.header("upload-offset"), "3", "nothing more is fine");
    assert!(upload.append(3, "lo").send().await.header("upload-expires").is_empty(), "a file does not expire with it");
}

async fn stands_at(upload: &Resumable, offset: usize) {
    assert_eq!(upload.offset().await, offset);
}

#[tokio::test]
async fn an_offset_that_is_not_where_it_stands_is_refused() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 10).await;
    assert_eq!(upload.append(0, "hello").send().await.status, 204);
    for other in [0, 4, 6, 10, 11, usize::MAX >> 1] {
        upload.append(other, "xxxxx").send().await.refuses(409, "Conflict", "offset_mismatch");
    }
    let stream = "application/offset+octet-stream";
    upload.call("PATCH").body(stream, "xxxxx").send().await.names("Upload-Offset");
    for bad in ["-1", "", "five", "5.0", "9223372036854775808", "18446744073709551621"] {
        upload.call("PATCH").header("upload-offset", bad).body(stream, "xxxxx").send().await.names("Upload-Offset");
    }
    let twice = upload.append(5, "xxxxx").header("upload-offset", "5");
    twice.send().await.names("Upload-Offset");
    stands_at(&upload, 5).await;
    let id = upload.finish(5, b"world").await;
    assert_eq!(server.object(&key_of(&id)).await, b"helloworld");
}

#[tokio::test]
async fn bytes_of_an_upload_must_say_that_they_are() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 5).await;
    for other in ["application/octet-stream", "text/plain", "multipart/form-data; boundary=x", ""] {
        let answer = upload.call("PATCH").header("upload-offset", "0").body(other, "hello").send().await;
        answer.refuses(415, "Unsupported media type", "unsupported_media_type");
    }
    stands_at(&upload, 0).await;
}

#[tokio::test]
async fn no_more_is_taken_than_was_declared() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 5).await;
    upload.append(0, "hello!").send().await.refuses(413, "Payload too large", "too_large");
    stands_at(&upload, 0).await;
    assert_eq!(upload.append(0, "hel").send().await.status, 204);
    upload.append(3, "lo!").send().await.refuses(413, "Payload too large", "too_large");
    // Without a length of its own, so that only the bytes themselves are too many.
    let chunks = "3\r\nlo!\r\n0\r\n\r\n";
    let answer = upload.in_chunks(3, chunks).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    stands_at(&upload, 3).await;
    let id = upload.finish(3, b"lo").await;
    assert_eq!(server.object(&key_of(&id)).await, b"hello");
}

#[tokio::test]
async fn a_body_may_come_in_chunks() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 5).await;
    let answer = upload.in_chunks(0, "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    stands_at(&upload, 5).await;
}

#[tokio::test]
async fn what_is_finished_takes_no_more() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 5).await;
    let id = upload.finish(0, b"hello").await;
    for (offset, bytes) in [(0, "hello"), (5, "x"), (0, "")] {
        upload.append(offset, bytes).send().await.refuses(409, "Conflict", "upload_finished");
    }
    upload.remove().by("user_1").send().await.refuses(409, "Conflict", "upload_finished");
    // A client whose last answer was lost.
    assert_eq!(upload.finish(5, b"").await, id);
    let answer = upload.look().send().await;
    assert_eq!((answer.header("upload-offset"), answer.header("upload-file-id")), ("5", id.as_str()));
    assert_eq!(server.object(&key_of(&id)).await, b"hello");
}

#[tokio::test]
async fn clients_that_can_only_post_say_what_they_mean() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 5).await;
    let post = |meant: &str| upload.call("POST").header("x-http-method-override", meant);
    let patch = post("PATCH").header("upload-offset", "0").body("application/offset+octet-stream", "hel");
    assert_eq!(patch.send().await.header("upload-offset"), "3");
    assert_eq!(post("HEAD").send().await.header("upload-offset"), "3");
    for other in ["GET", "patch", ""] {
        post(other).send().await.refuses(405, "Method not allowed", "method_not_allowed");
    }
    post("DELETE").send().await.refuses(401, "Unauthorized", "token_missing");
    assert_eq!(post("DELETE").by("user_1").send().await.status, 204);
}
