//! Requests that prove no identity are bounded by address; those that do are not held up by others there.

use crate::harness::{Answer, Call, Server};

async fn bounded(proxies: &str) -> Server {
    let variables = [("TRUSTED_PROXIES", proxies)];
    Server::given_and(&variables, |config| config.unproven_rate = "3/1h".parse().unwrap()).await
}

#[track_caller]
fn limited(answer: &Answer) {
    answer.refuses(429, "Rate limit exceeded", "rate_limited");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 3000);
}

#[tokio::test]
async fn past_the_bound_only_a_proven_identity_is_served() {
    let server = bounded("").await;
    for (path, status) in [("/api/files", 401), ("/nowhere", 404), ("/api/files/x", 401)] {
        assert_eq!(server.get(path).send().await.status, status);
    }
    for _ in 0..2 {
        limited(&server.get("/api/files").send().await);
        limited(&server.get("/nowhere").send().await);
        limited(&server.get("/api/files").bearer("nonsense").send().await);
        limited(&server.get("/api/files").header("cookie", "other=1").send().await);
        assert_eq!(server.get("/api/files").by("user_1").send().await.status, 200);
    }
    let metrics = server.ask("/metrics").send().await.text();
    assert!(metrics.contains("signer_rate_limited_total{of=\"address\"} 8") && !metrics.contains("127.0.0.1"));
}

#[tokio::test]
async fn bad_tokens_count_too() {
    let server = bounded("").await;
    for _ in 0..3 {
        assert_eq!(server.get("/api/files").bearer("nonsense").send().await.status, 401);
    }
    limited(&server.get("/api/files").bearer("nonsense").send().await);
}

#[tokio::test]
async fn health_and_proven_identities_cost_an_address_nothing() {
    let server = bounded("").await;
    for _ in 0..10 {
        assert_eq!(server.get("/api/auth/health").send().await.status, 200);
        assert_eq!(server.get("/api/v1/system/health").send().await.status, 200);
        assert_eq!(server.get("/api/files").by("user_1").send().await.status, 200);
    }
    assert_eq!(server.get("/api/files").send().await.status, 401);
}

fn from(server: &Server, list: &str) -> Call {
    server.get("/api/files").header("x-forwarded-for", list)
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own() {
    let server = bounded("127.0.0.1").await;
    for _ in 0..3 {
        assert_eq!(from(&server, "203.0.113.1").send().await.status, 401);
    }
    limited(&from(&server, "203.0.113.1").send().await);
    limited(&from(&server, "198.51.100.7, 203.0.113.1").send().await);
    assert_eq!(from(&server, "203.0.113.2").send().await.status, 401);
    for address in ["2001:db8::1", "2001:db8::ffff", "[2001:db8::2]:1"] {
        assert_eq!(from(&server, address).send().await.status, 401, "{address}");
    }
    limited(&from(&server, "2001:db8::3").send().await);
    assert_eq!(from(&server, "2001:db8:0:1::3").send().await.status, 401, "another network of 64 bits");
}

#[tokio::test]
async fn nobody_else_can_choose_an_address() {
    let server = bounded("10.0.0.0/8").await;
    for last in 1..=3 {
        assert_eq!(from(&server, &format!("203.0.113.{last}")).send().await.status, 401);
    }
    limited(&from(&server, "203.0.113.9").send().await);
}
