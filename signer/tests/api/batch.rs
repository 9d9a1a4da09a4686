//! `POST /files/signed-urls` and `POST /videos/{jobId}/signed-url`.

use crate::harness::{Answer, BASE, Form, Server, form, now};
use proto::signed_url::verify;
use serde_json::{Value, json};

const PATH: &str = "/api/files/signed-urls";

async fn id(server: &Server, user: &str, form: Form) -> String {
    let answer = server.upload(user, form).send().await;
    answer.json()["data"]["file"]["id"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

/// Whose file a URL opens for whom, as a gateway reads it.
fn opens(server: &Server, link: &Value) -> (String, String) {
    let (path, query) = link["url"].as_str().unwrap().strip_prefix(BASE).unwrap().split_once('?').unwrap();
    let grant = verify(path, query, server.keys(), now(), 0).unwrap();
    (grant.file().to_string(), grant.user().to_string())
}

fn results(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"]["results"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_file_has_its_own_answer_in_the_order_asked() {
    let server = Server::start().await;
    let (a, b) =
        (id(&server, "user_1", form().file("a", b"a")).await, id(&server, "user_1", form().file("b", b"b")).await);
    let theirs = id(&server, "user_2", form().file("c", b"c")).await;
    let asked = json!({"fileIds": [b, "nothing", a, theirs, "not/an/id", b], "expiresIn": 60});
    let results = results(&server.post(PATH).by("user_1").json(&asked).send().await);
    let ids: Vec<_> = results.iter().map(|item| item["file_id"].clone()).collect();
    assert_eq!(json!(ids), asked["fileIds"]);
    for index in [0, 2, 5] {
        let item = &results[index];
        assert_eq!(opens(&server, item), (item["file_id"].as_str().unwrap().into(), "user_1".into()));
        assert!(item["expires_at"].as_str().unwrap().ends_with(".000Z") && item.get("error").is_none());
    }
    for index in [1, 3, 4] {
        let expected = json!({"file_id": ids[index], "error": "File not found", "code": "not_found"});
        assert_eq!(results[index], expected, "someone else's file is not told from none");
    }
}

#[tokio::test]
async fn a_batch_costs_as_many_as_it_asks_for() {
    let server = Server::given(&[("RATE_LIMIT", "10/1h")]).await;
    let ask = async |count: usize| {
        let ids: Vec<_> = (0..count).map(|number| format!("f{number}")).collect();
        server.post(PATH).by("user_1").json(&json!({"fileIds": ids})).send().await
    };
    for (count, status, left) in [(6, 200, "4"), (5, 429, "4"), (4, 200, "0"), (1, 429, "0")] {
        let answer = ask(count).await;
        assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (status, left), "{count}");
    }
    let other = server.post(PATH).by("user_2").json(&json!({"fileIds": "all"})).send().await;
    other.names("fileIds");
    assert_eq!(other.header("x-ratelimit-remaining"), "9", "what cannot be counted costs one");
    let never = server.post(PATH).by("user_3").json(&json!({"fileIds": vec!["f"; 11]})).send().await;
    never.refuses(429, "Rate limit exceeded", "rate_limited");
}

#[tokio::test]
async fn a_bad_batch_names_its_field() {
    let server = Server::start().await;
    for (body, field) in [
        (json!({}), "fileIds"),
        (json!({"fileIds": []}), "fileIds"),
        (json!({"fileIds": vec!["f"; 101]}), "fileIds"),
        (json!({"fileIds": ["a", 1]}), "fileIds"),
        (json!({"fileIds": ["a", null]}), "fileIds"),
        (json!({"fileIds": {"0": "a"}}), "fileIds"),
        (json!({"fileIds": ["a"], "expiresIn": 0}), "expiresIn"),
        (json!({"fileIds": ["a"], "expiresIn": 604_801}), "expiresIn"),
        (json!({"fileIds": ["a"], "version": 3}), "version"),
        (json!([]), "body"),
    ] {
        server.post(PATH).by("user_1").json(&body).send().await.names(field);
    }
    let typed = server.post(PATH).by("user_1").body("text/plain", "{}").send().await;
    typed.refuses(415, "Unsupported media type", "unsupported_media_type");
    server.post(PATH).send().await.refuses(401, "Unauthorized", "token_missing");
}

#[tokio::test]
async fn the_newest_video_of_a_job_is_the_callers_own() {
    let server = Server::start().await;
    let video = |name: &str| form().typed_file(name, "video/mp4", b"x").text("job_id", "job 1/é");
    let older = id(&server, "user_1", video("older")).await;
    let newer = id(&server, "user_1", video("newer")).await;
    id(&server, "user_1", form().typed_file("c", "text/plain", b"x").text("job_id", "job 1/é")).await;
    let theirs = id(&server, "user_2", video("theirs")).await;
    let path = "/api/v1/videos/job%201%2F%C3%A9/signed-url";
    let ask = async |user: &str| server.post(path).by(user).send().await;
    assert_eq!(opens(&server, &ask("user_1").await.json()["data"]), (newer.clone(), "user_1".into()));
    assert_eq!(opens(&server, &ask("user_2").await.json()["data"]).0, theirs);
    ask("user_3").await.refuses(404, "File not found", "not_found");
    server.delete(&format!("/api/files/{newer}")).by("user_1").send().await;
    assert_eq!(opens(&server, &ask("user_1").await.json()["data"]).0, older);
    let wished = server.post(path).by("user_1").json(&json!({"expiresIn": "x"})).send().await;
    wished.names("expiresIn");
    for odd in ["%00", "%ff", &"j".repeat(129), "other"] {
        let answer = server.post(&format!("/api/videos/{odd}/signed-url")).by("user_1").send().await;
        answer.refuses(404, "File not found", "not_found");
        assert_ne!(answer.header("x-ratelimit-limit"), "");
    }
}

#[tokio::test]
async fn with_audit_urls_each_one_that_is_issued_is_written_down() {
    let server = Server::given(&[("AUDIT_URLS", "true")]).await;
    let file = id(&server, "user_1", form().typed_file("a", "video/mp4", b"a").text("job_id", "j")).await;
    for (path, body) in [
        (format!("/api/files/{file}/signed-url"), json!({})),
        (PATH.into(), json!({"fileIds": [file, "nothing"]})),
        ("/api/videos/j/signed-url".into(), json!({})),
        ("/api/files/nothing/signed-url".into(), json!({})),
    ] {
        server.post(&path).by("user_1").json(&body).send().await;
    }
    let expected = ["user_1", "issue_url", &file].join(" ");
    assert_eq!(server.audit().await, [expected.clone(), expected.clone(), expected]);
}
