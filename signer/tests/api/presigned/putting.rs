use super::*;
use crate::harness::{eventually, key_of, now};

#[tokio::test]
async fn what_was_put_becomes_a_file_like_any_other() {
    let Some(server) = on_s3().await else { return };
    let asked = json!({
        "filename": "clip ✂.txt", "size": 5, "contentType": "text/plain; charset=utf-8", "jobId": "job_1",
        "metadata": {"note": "é"}, "expiresAt": "2100-01-31T12:00:00Z", "expiresIn": 60,
    });
    let answer = presign(&server, &asked).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let data = answer.json()["data"].clone();
    assert_eq!((&data["method"], &data["headers"]), (&json!("PUT"), &json!({"Content-Length": "5"})));
    let expires: jiff::Timestamp = data["expires_at"].as_str().unwrap().parse().unwrap();
    assert!((now()..=now() + 61).contains(&expires.as_second().unsigned_abs()));

    let begun = Begun { id: data["id"].as_str().unwrap().into(), url: data["url"].as_str().unwrap().into() };
    assert_eq!(put(&begun.url, b"hello").await, StatusCode::OK);
    let stored = file(&begun.complete(&server).send().await);
    assert_eq!(
        (&stored["id"], &stored["filename"], &stored["size"], &stored["content_type"], &stored["job_id"]),
        (&json!(begun.id), &asked["filename"], &json!(5), &asked["contentType"], &json!("job_1"))
    );
    assert_eq!((&stored["metadata"], &stored["sha256"]), (&asked["metadata"], &json!(null)));
    assert_eq!(server.object(&key_of(&begun.id)).await, b"hello");
    let read = server.get(&format!("/api/files/{}", begun.id)).by("user_1").send().await;
    assert_eq!(file(&read), stored);
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let Some(server) = on_s3().await else { return };
    let begun = arrived(&server, "empty", b"").await;
    assert_eq!(file(&begun.complete(&server).send().await)["size"], 0);
}

#[tokio::test]
async fn storage_refuses_another_size_and_a_url_that_was_changed() {
    let Some(server) = on_s3().await else { return };
    let begun = begun(&server, &json!({"filename": "a", "size": 5})).await;
    for other in [&b"hell"[..], b"hello!", b""] {
        assert_eq!(put(&begun.url, other).await, StatusCode::FORBIDDEN);
    }
    let other_key = begun.url.replace(&begun.id, &"0".repeat(32));
    assert_eq!(put(&other_key, b"hello").await, StatusCode::FORBIDDEN);
    let longer = begun.url.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200");
    assert_ne!(longer, begun.url);
    assert_eq!(put(&longer, b"hello").await, StatusCode::FORBIDDEN);
    eventually("nothing is left", async || server.objects().await.is_empty()).await;
}

#[tokio::test]
async fn bytes_are_looked_at_here_too() {
    let Some(server) = on_s3().await else { return };
    let asked = json!({"filename": "a.mp4", "size": 12, "contentType": "video/mp4"});
    let begun = begun(&server, &asked).await;
    put(&begun.url, b"\x89PNG\r\n\x1a\n\0\0\0\0").await;
    let answer = begun.complete(&server).send().await;
    assert_eq!(file(&answer)["content_type"], "application/octet-stream");
    assert_eq!(answer.json()["data"]["warnings"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_page_of_others_begins_nothing() {
    let Some(server) = on_s3().await else { return };
    let foreign = presign(&server, &json!({"filename": "a", "size": 1})).header("origin", "https://evil.example");
    foreign.send().await.refuses(403, "CSRF protection: Invalid origin", "invalid_origin");
}
