//! `POST /files/tus`.

use crate::harness::{Server, eventually, key_of, noise, pair};
use serde_json::json;

#[tokio::test]
async fn an_upload_is_begun_at_a_url_of_its_own() {
    let server = Server::start().await;
    let mut paths = Vec::new();
    for prefix in ["/api", "/api/v1"] {
        let creation = server.post(&format!("{prefix}/files/tus")).header("tus-resumable", "1.0.0").by("user_1");
        let answer = creation.header("upload-length", "5").send().await;
        assert_eq!((answer.status, answer.text().as_str()), (201, ""));
        assert!(answer.header("upload-expires").ends_with(" GMT"));
        let path = answer.header("location").to_owned();
        let handle = path.strip_prefix(&format!("{prefix}/files/tus/")).unwrap();
        assert_eq!(handle.len(), 43, "256 bits in base64url");
        paths.push(server.resumable(&answer));
    }
    assert_ne!(paths[0].path, paths[1].path);
    for upload in paths {
        let answer = upload.look().send().await;
        assert_eq!((answer.status, answer.header("upload-offset"), answer.header("upload-length")), (200, "0", "5"));
        assert!(answer.header("upload-expires").ends_with(" GMT") && answer.header("upload-file-id").is_empty());
    }
    assert!(server.signer.is_empty().await.unwrap(), "no file yet");
}

#[tokio::test]
async fn what_is_said_of_the_file_is_kept_and_told_again() {
    let server = Server::start().await;
    let metadata = [
        pair("filename", "été \"🎬\"\r\nx.mp4"),
        pair("filetype", "video/mp4"),
        pair("job_id", "j-1"),
        pair("expires_at", "2100-01-01T00:00:00Z"),
        pair("title", "A\r\nX-Evil: day"),
        "flag".into(),
    ]
    .join(",");
    let creation = server.creation().by("user_1").header("upload-length", "5").header("upload-metadata", &metadata);
    let upload = server.begun_by(creation).await;
    let answer = upload.look().send().await;
    assert_eq!(answer.header("upload-metadata"), metadata);
    assert!(answer.header("x-evil").is_empty());
    let file = server.file("user_1", &upload.finish(0, b"hello").await).await;
    for (field, value) in [
        ("user_id", json!("user_1")),
        ("filename", json!("été \"🎬\"\r\nx.mp4")),
        ("content_type", json!("video/mp4")),
        ("job_id", json!("j-1")),
        ("metadata", json!({"flag": "", "title": "A\r\nX-Evil: day"})),
        ("size", json!(5)),
    ] {
        assert_eq!(file[field], value, "{field}");
    }
}

#[tokio::test]
async fn bytes_that_contradict_the_declared_type_are_told_of() {
    let server = Server::start().await;
    let metadata = [pair("filename", "a.mp4"), pair("filetype", "video/mp4")].join(",");
    let creation = server.creation().by("user_1").header("upload-length", "16").header("upload-metadata", &metadata);
    let upload = server.begun_by(creation).await;
    let answer = upload.append(0, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").send().await;
    assert!(answer.header("upload-warning").contains("not video/mp4"), "{:?}", answer.headers);
    let file = server.file("user_1", answer.header("upload-file-id")).await;
    assert_eq!(file["content_type"], "application/octet-stream");
}

#[tokio::test]
async fn metadata_that_cannot_be_read_is_refused() {
    let server = Server::start().await;
    let creation = |metadata: &str| {
        server.creation().by("user_1").header("upload-length", "5").header("upload-metadata", metadata)
    };
    for bad in ["filename !", "a YQ,a YQ", ",", "filename /w", &pair("a", &"x".repeat(8193)), "a AA"] {
        creation(bad).send().await.names("Upload-Metadata");
    }
    creation(&pair("filename", &"n".repeat(1025))).send().await.names("filename");
    creation(&pair("expires_at", "tomorrow")).send().await.names("expires_at");
    let whole_head = creation(&pair("a", &"x".repeat(64 << 10))).send().await;
    assert!([400, 431].contains(&whole_head.status), "a head has a bound too: {}", whole_head.status);
    let traversal = server.begun_by(creation(&pair("filename", "../../etc/passwd"))).await;
    let id = traversal.finish(0, b"hello").await;
    assert_eq!(server.file("user_1", &id).await["filename"], "../../etc/passwd", "a label, never a path");
    eventually("nothing but the file is left", async || server.objects().await == [key_of(&id)]).await;
}

#[tokio::test]
async fn a_length_is_said_once_and_within_bounds() {
    let server = Server::given(&[("MAX_UPLOAD_BYTES", "1MiB")]).await;
    let creation = || server.creation().by("user_1");
    creation().send().await.names("Upload-Length");
    for bad in ["", "-1", "+1", "1.5", "x", "0x10", "1 000"] {
        creation().header("upload-length", bad).send().await.names("Upload-Length");
    }
    for too_large in ["1048577", "9223372036854775808", "99999999999999999999999"] {
        let answer = creation().header("upload-length", too_large).send().await;
        answer.refuses(413, "Payload too large", "too_large");
    }
    let both = creation().header("upload-length", "1").header("upload-defer-length", "1");
    both.send().await.names("Upload-Defer-Length");
    creation().header("upload-defer-length", "2").send().await.names("Upload-Defer-Length");
    creation().header("upload-length", "1").header("upload-concat", "partial").send().await.names("Upload-Concat");
    server.begun("user_1", 1 << 20).await;
}

#[tokio::test]
async fn an_empty_file_is_one_at_once() {
    let server = Server::start().await;
    let answer = server.creation().by("user_1").header("upload-length", "0").send().await;
    assert_eq!((answer.status, answer.header("upload-offset")), (201, "0"));
    let id = answer.header("upload-file-id").to_owned();
    assert_eq!(server.file("user_1", &id).await["size"], 0);
    assert_eq!(server.object(&key_of(&id)).await, b"");
    let look = server.resumable(&answer).look().send().await;
    assert_eq!((look.status, look.header("upload-offset"), look.header("upload-file-id")), (200, "0", id.as_str()));
}

#[tokio::test]
async fn a_creation_may_bring_the_first_bytes_or_all() {
    let server = Server::start().await;
    let bytes = noise(300_000);
    let creation = |sent: &[u8]| {
        let creation = server.creation().by("user_1").header("upload-length", "300000");
        creation.body("application/offset+octet-stream", sent)
    };
    let answer = creation(&bytes[..1000]).send().await;
    assert_eq!((answer.status, answer.header("upload-offset")), (201, "1000"));
    let id = server.resumable(&answer).finish(1000, &bytes[1000..]).await;
    assert!(server.object(&key_of(&id)).await == bytes);

    let answer = creation(&bytes).send().await;
    assert_eq!((answer.status, answer.header("upload-offset")), (201, "300000"));
    assert!(server.object(&key_of(answer.header("upload-file-id"))).await == bytes);

    creation(&[&bytes[..], b"x"].concat()).send().await.refuses(413, "Payload too large", "too_large");
    let other_type = server.creation().by("user_1").header("upload-length", "5").body("text/plain", "hello");
    other_type.send().await.refuses(415, "Unsupported media type", "unsupported_media_type");
    eventually("nothing is left of what was refused", async || server.objects().await.len() == 2).await;
}

#[tokio::test]
async fn only_a_creation_counts_in_the_rate_limit() {
    let server = Server::given(&[("RATE_LIMIT", "2/1h")]).await;
    let answer = server.creation().by("user_1").header("upload-length", "5").send().await;
    assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (201, "1"));
    let upload = server.resumable(&answer);
    for offset in 0..4 {
        assert_eq!(upload.append(offset, "x").by("user_1").send().await.status, 204);
        assert_eq!(upload.look().by("user_1").send().await.status, 200);
    }
    server.begun("user_1", 5).await;
    let refused = server.creation().by("user_1").header("upload-length", "5").send().await;
    refused.refuses(429, "Rate limit exceeded", "rate_limited");
    assert_eq!(upload.append(4, "x").send().await.status, 204, "what was begun can finish");
}
