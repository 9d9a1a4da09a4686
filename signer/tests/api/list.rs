//! `GET /files`.

use crate::harness::{Answer, Server, form};
use serde_json::Value;

fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let files = answer.json()["data"]["files"].as_array().unwrap().clone();
    files.iter().map(|file| file["filename"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_go_from_new_to_old_without_gap_or_repeat() {
    let server = Server::start().await;
    for index in 0..7 {
        server.stored("user_1", &index.to_string(), b"x").await;
    }
    server.stored("user_2", "foreign", b"x").await;
    // Several in one millisecond: the id decides.
    server.sql("UPDATE files SET created_at = 1000 WHERE filename IN ('1', '2', '3', '4')").await;
    let (mut seen, mut path) = (Vec::new(), "/api/files?limit=2".to_owned());
    loop {
        let answer = server.get(&path).by("user_1").send().await;
        seen.extend(names(&answer));
        // What is added meanwhile is newer, and disturbs nothing.
        server.stored("user_1", "new", b"x").await;
        match &answer.json()["data"]["next_cursor"] {
            Value::String(cursor) => path = format!("/api/files?limit=2&cursor={cursor}"),
            end => break assert_eq!(end, &Value::Null),
        }
    }
    assert_eq!(seen, ["6", "5", "0", "4", "3", "2", "1"]);
}

#[tokio::test]
async fn a_page_that_ends_with_the_last_file_has_no_next() {
    let server = Server::start().await;
    assert_eq!(names(&server.get("/api/files").by("user_1").send().await), [""; 0]);
    server.stored("user_1", "a", b"x").await;
    let answer = server.get("/api/files?limit=1").by("user_1").send().await;
    assert_eq!((names(&answer), &answer.json()["data"]["next_cursor"]), (vec!["a".into()], &Value::Null));
}

#[tokio::test]
async fn filters_match_exactly_what_they_say() {
    let server = Server::start().await;
    for (name, media_type, job) in
        [("video", "video/mp4", "j1"), ("image", "image/png", "j1"), ("odd", "x_y/z", "j2"), ("even", "xzy/z", "j2")]
    {
        let upload = form().typed_file(name, media_type, b"x").text("job_id", job);
        assert_eq!(server.upload("user_1", upload).send().await.status, 200);
    }
    for (query, found) in [
        ("content_type=video/", vec!["video"]),
        ("content_type=VIDEO%2Fmp4", vec!["video"]),
        ("content_type=x_y", vec!["odd"]),
        ("content_type=%25", vec![]),
        ("job_id=j1", vec!["image", "video"]),
        ("job_id=j", vec![]),
        ("job_id=j1&content_type=image", vec!["image"]),
        ("job_id=' OR 1=1 --", vec![]),
    ] {
        let query = query.replace(' ', "+");
        assert_eq!(names(&server.get(&format!("/api/files?{query}")).by("user_1").send().await), found, "{query}");
    }
}

#[tokio::test]
async fn files_that_are_deleted_or_outlived_are_not_listed() {
    let server = Server::start().await;
    for name in ["kept", "deleted", "outlived"] {
        server.stored("user_1", name, b"x").await;
    }
    server.sql("UPDATE files SET state = 'deleted' WHERE filename = 'deleted'").await;
    server.sql("UPDATE files SET expires_at_seconds = 1000 WHERE filename = 'outlived'").await;
    assert_eq!(names(&server.get("/api/files").by("user_1").send().await), ["kept"]);
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let server = Server::start().await;
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=MTAwMC4uLg", "cursor"),
        ("job_id=%00", "job_id"),
    ] {
        server.get(&format!("/api/files?{query}")).by("user_1").send().await.names(name);
    }
}

#[tokio::test]
async fn a_job_id_that_can_be_given_can_be_asked_for() {
    let server = Server::start().await;
    // 512 bytes, 128 characters.
    let job = "\u{1f3ac}".repeat(128);
    assert_eq!(server.upload("user_1", form().text("job_id", &job).file("a", b"x")).send().await.status, 200);
    let asked = |job: &str| {
        let query: String = url::form_urlencoded::byte_serialize(job.as_bytes()).collect();
        server.get(&format!("/api/files?job_id={query}")).by("user_1").send()
    };
    assert_eq!(names(&asked(&job).await), ["a"]);
    asked(&format!("{job}x")).await.names("job_id");
}
