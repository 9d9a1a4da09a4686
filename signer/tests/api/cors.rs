//! Which pages of other origins may read the API's answers.

use crate::harness::{Answer, Call, Server};

const APP: &str = "https://app.example";

async fn server() -> Server {
    Server::given(&[("ALLOWED_ORIGINS", APP), ("RATE_LIMIT", "1/1h")]).await
}

fn preflight(server: &Server, origin: &str) -> Call {
    let call = server.call("OPTIONS", "/api/files/upload").header("origin", origin);
    call.header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,x-request-id")
}

fn list(answer: &Answer, header: &str) -> Vec<String> {
    answer.header(header).split(", ").map(str::to_ascii_lowercase).collect()
}

#[track_caller]
fn holds(answer: &Answer, header: &str, wanted: &[&str]) {
    let list = list(answer, header);
    for name in wanted {
        assert!(list.contains(&name.to_ascii_lowercase()), "{name} is not in {list:?}");
    }
    assert!(!list.iter().any(|name| name.contains('*')), "with credentials `*` is no wildcard");
}

#[tokio::test]
async fn a_preflight_of_a_listed_page_is_answered_and_not_limited() {
    let server = server().await;
    for _ in 0..5 {
        let answer = preflight(&server, APP).send().await;
        assert_eq!((answer.status, answer.text().as_str()), (204, ""));
        assert_eq!(answer.header("access-control-allow-origin"), APP);
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert_eq!(answer.header("access-control-max-age"), "86400");
        assert_eq!(answer.header("vary"), "Origin");
        holds(&answer, "access-control-allow-methods", &["GET", "POST", "PUT", "PATCH", "DELETE"]);
        let headers =
            ["Authorization", "Content-Type", "X-Request-Id", "Upload-Length", "Upload-Offset", "Tus-Resumable"];
        holds(&answer, "access-control-allow-headers", &headers);
    }
}

#[tokio::test]
async fn a_preflight_of_any_other_page_is_given_nothing() {
    let server = server().await;
    for origin in ["https://evil.example", "https://app.example.evil", "http://app.example", "null", "*", ""] {
        let answer = preflight(&server, origin).send().await;
        assert_eq!((answer.status, answer.header("vary")), (204, "Origin"));
        assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{origin}");
    }
}

#[tokio::test]
async fn every_answer_to_a_listed_page_can_be_read_errors_too() {
    let server = server().await;
    let path = "/api/files/nothing/signed-url";
    for (call, status) in [
        (server.get("/api/files").by("user_1"), 200),
        (server.get("/api/auth/health"), 200),
        (server.get("/nowhere"), 404),
        (server.post(path), 401),
        (server.post(path).by("user_1"), 404),
        (server.post(path).by("user_1"), 429),
        (server.delete("/api/files/nothing").by("user_1"), 404),
        (server.call("PUT", "/api/files/upload").by("user_1"), 405),
    ] {
        let answer = call.header("origin", APP).send().await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), APP);
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert_eq!(answer.header("vary"), "Origin");
        let exposed =
            ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit", "RateLimit-Policy"];
        holds(&answer, "access-control-expose-headers", &exposed);
        let exposed = ["Retry-After", "X-Request-Id", "Location", "Upload-Offset", "Tus-Resumable"];
        holds(&answer, "access-control-expose-headers", &exposed);
    }
}

#[tokio::test]
async fn nobody_else_is_told_anything() {
    let server = server().await;
    for answer in [
        server.get("/api/files").by("user_1").send().await,
        server.get("/api/files").by("user_1").header("origin", "https://evil.example").send().await,
        server.get("/api/files").by("user_1").header("origin", "null").send().await,
        Server::start().await.get("/api/files").by("user_1").header("origin", APP).send().await,
    ] {
        assert_eq!((answer.status, answer.header("vary")), (200, "Origin"));
        assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control-")));
    }
}

#[tokio::test]
async fn an_options_that_is_no_preflight_is_a_method_like_any_other() {
    let server = server().await;
    let answer = server.call("OPTIONS", "/api/files/upload").header("origin", APP).send().await;
    answer.refuses(405, "Method not allowed", "method_not_allowed");
}
