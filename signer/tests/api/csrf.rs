//! Which pages may change something.

use crate::harness::{Answer, Server};

#[track_caller]
fn foreign(answer: &Answer) {
    answer.refuses(403, "CSRF protection: Invalid origin", "invalid_origin");
}

const PATH: &str = "/api/files/nothing/signed-url";

#[tokio::test]
async fn a_page_of_the_apis_own_origin_may() {
    let server = Server::start().await;
    // The harness says `Host: localhost`.
    for origin in ["http://localhost", "http://localhost:80", "HTTP://LOCALHOST"] {
        let answer = server.post(PATH).by("user_1").header("origin", origin).send().await;
        answer.refuses(404, "File not found", "not_found");
    }
}

#[tokio::test]
async fn a_page_of_any_other_origin_may_not_whatever_it_sends_along() {
    let server = Server::given(&[("ALLOWED_ORIGINS", "https://app.example")]).await;
    for origin in [
        "https://evil.example",
        "https://app.example.evil",
        "https://evilapp.example",
        "http://app.example",
        "https://app.example:8443",
        "https://localhost",
        "http://localhost:8081",
        "http://localhost.evil",
        "null",
        "",
        "https://app.example/",
        "https://app.example,https://app.example",
        "https://user@app.example",
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            for path in [PATH, "/api/v1/files/nothing", "/nowhere"] {
                foreign(&server.call(method, path).by("user_1").header("origin", origin).send().await);
            }
        }
        assert_eq!(server.get("/api/files").by("user_1").header("origin", origin).send().await.status, 200, "{origin}");
    }
    let cookie = server.post(PATH).header("cookie", "__session=x.y.z").header("origin", "https://evil.example");
    foreign(&cookie.send().await);
    let twice = server.post(PATH).by("user_1").header("origin", "https://app.example").header("origin", "null");
    foreign(&twice.send().await);
}

#[tokio::test]
async fn a_page_that_is_listed_may_and_a_client_that_is_no_page_too() {
    let server = Server::given(&[("ALLOWED_ORIGINS", "https://app.example, http://[::1]:3000")]).await;
    for origin in ["https://app.example", "https://APP.example:443", "http://[::1]:3000"] {
        assert_eq!(server.post(PATH).by("user_1").header("origin", origin).send().await.status, 404, "{origin}");
    }
    assert_eq!(server.post(PATH).by("user_1").send().await.status, 404);
    assert_eq!(server.post(PATH).by("user_1").header("referer", "https://evil.example/x").send().await.status, 404);
}

#[tokio::test]
async fn a_public_url_says_what_the_own_origin_is() {
    let server = Server::given(&[("SIGNER_PUBLIC_URL", "https://api.example.com/service/")]).await;
    assert_eq!(server.post(PATH).by("user_1").header("origin", "https://api.example.com").send().await.status, 404);
    foreign(&server.post(PATH).by("user_1").header("origin", "http://localhost").send().await);
}

#[tokio::test]
async fn only_a_trusted_proxy_says_that_the_page_came_by_tls() {
    let asked = async |server: &Server| {
        let call = server.post(PATH).by("user_1").header("origin", "https://localhost");
        call.header("x-forwarded-proto", "https").send().await
    };
    foreign(&asked(&Server::start().await).await);
    assert_eq!(asked(&Server::given(&[("TRUSTED_PROXIES", "127.0.0.0/8")]).await).await.status, 404);
}

#[tokio::test]
async fn a_refused_page_costs_its_victim_nothing() {
    let server = Server::given(&[("RATE_LIMIT", "1/1h")]).await;
    for _ in 0..3 {
        foreign(&server.post(PATH).by("user_1").header("origin", "https://evil.example").send().await);
    }
    assert_eq!(server.post(PATH).by("user_1").send().await.status, 404);
}
