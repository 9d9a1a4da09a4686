//! Uploads that end without a file: removed, expired, or never there.

use crate::harness::{Server, eventually};

#[tokio::test]
async fn an_upload_that_is_removed_is_gone_with_its_bytes() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 10).await;
    assert_eq!(upload.append(0, "hello").send().await.status, 204);
    assert!(!server.objects().await.is_empty());
    let answer = upload.remove().by("user_1").send().await;
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    eventually("nothing is left", async || server.objects().await.is_empty()).await;
    let none = |answer: crate::harness::Answer| answer.refuses(404, "Upload not found", "upload_not_found");
    none(upload.append(5, "world").send().await);
    none(upload.remove().by("user_1").send().await);
    assert_eq!(upload.look().send().await.status, 404);
}

#[tokio::test]
async fn one_that_was_left_for_too_long_is_gone() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 10).await;
    assert_eq!(upload.append(0, "hello").send().await.status, 204);
    server.sql("UPDATE uploads SET expires_at = 1000").await;
    upload.append(5, "world").send().await.refuses(410, "Upload expired", "upload_expired");
    upload.append(5, "world").by("user_1").send().await.refuses(410, "Upload expired", "upload_expired");
    let look = upload.look().send().await;
    assert_eq!((look.status, look.header("upload-offset")), (410, ""));
    upload.remove().by("user_1").send().await.refuses(410, "Upload expired", "upload_expired");
}

#[tokio::test]
async fn what_was_never_begun_is_not_there() {
    let server = Server::start().await;
    for handle in ["nothing", &"x".repeat(43), &"A".repeat(2000), "upload", "0"] {
        let answer = server.call("PATCH", &format!("/api/files/tus/{handle}")).header("tus-resumable", "1.0.0");
        let answer = answer.header("upload-offset", "0").body("application/offset+octet-stream", "x").send().await;
        answer.refuses(404, "Upload not found", "upload_not_found");
    }
    for bad in ["..%2F..%2Fetc%2Fpasswd", "%2e%2e", "a%00", "a%20b", "%ff", "a.b", "..%5cx"] {
        let path = format!("/api/files/tus/{bad}");
        let answer = server.call("PATCH", &path).header("tus-resumable", "1.0.0").send().await;
        answer.names("upload id");
        assert_eq!(server.call("HEAD", &path).header("tus-resumable", "1.0.0").send().await.status, 400);
        let removal = server.delete(&path).header("tus-resumable", "1.0.0").by("user_1").send().await;
        removal.names("upload id");
    }
}

#[tokio::test]
async fn the_id_of_the_file_to_be_names_no_upload() {
    let server = Server::start().await;
    let upload = server.begun("user_1", 5).await;
    let id = upload.finish(0, b"hello").await;
    for id in [id.as_str(), "%"] {
        let path = format!("/api/files/tus/{id}");
        assert!([400, 404].contains(&server.call("HEAD", &path).header("tus-resumable", "1.0.0").send().await.status));
    }
}
