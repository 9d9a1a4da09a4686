//! The limit on URLs and uploads: what counts, what does not, and what every answer says of it.

use crate::harness::{Answer, Link, Server, environment, form, now, token};
use serde_json::json;

/// A server of this rate and a file of `user_1`; the upload has counted already.
async fn limited(rate: &str) -> (Server, String) {
    let server = Server::given(&[("RATE_LIMIT", rate)]).await;
    let file = server.stored("user_1", "a.mp4", b"x").await;
    let path = format!("/api/files/{}/signed-url", file["id"].as_str().unwrap());
    (server, path)
}

fn number(answer: &Answer, header: &str) -> u64 {
    answer.header(header).parse().unwrap_or_else(|_| panic!("{header}: {:?}", answer.header(header)))
}

/// Checks all that an answer says of a window of 5 in an hour.
#[track_caller]
fn says(answer: &Answer, remaining: u64) {
    assert_eq!(number(answer, "x-ratelimit-limit"), 5);
    assert_eq!(number(answer, "x-ratelimit-remaining"), remaining);
    assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=5;w=3600");
    let (r, t) = answer.header("ratelimit").split_once(";t=").unwrap();
    assert_eq!(r, format!("\"default\";r={remaining}"));
    let seconds: u64 = t.parse().unwrap();
    assert!((3500..=3600).contains(&seconds), "{seconds}");
    let reset = number(answer, "x-ratelimit-reset");
    assert!(reset.abs_diff((now() + seconds) * 1000) < 10_000, "{reset} is in milliseconds");
}

#[tokio::test]
async fn past_the_limit_it_is_a_429_that_says_when_to_go_on() {
    let (server, path) = limited("5/1h").await;
    for remaining in (0..4).rev() {
        let answer = server.post(&path).by("user_1").send().await;
        assert_eq!(answer.status, 200);
        says(&answer, remaining);
        assert_eq!(answer.header("retry-after"), "");
    }
    for _ in 0..3 {
        let answer = server.post(&path).by("user_1").send().await;
        answer.refuses(429, "Rate limit exceeded", "rate_limited");
        says(&answer, 0);
        assert!((3500..=3600).contains(&number(&answer, "retry-after")));
    }
    let upload = server.upload("user_1", form().file("b", b"y")).send().await;
    upload.refuses(429, "Rate limit exceeded", "rate_limited");
    assert_eq!(server.objects().await.len(), 1);
    assert_eq!(server.get("/api/files").by("user_1").send().await.status, 200, "looking costs nothing");
    assert_eq!(server.upload("user_2", form().file("b", b"y")).send().await.status, 200, "another user has their own");
}

#[tokio::test]
async fn who_waits_as_told_is_served() {
    let server = Server::given(&[("RATE_LIMIT", "1/2s")]).await;
    let ask = || server.post("/api/files/nothing/signed-url").by("user_1").send();
    assert_eq!(ask().await.status, 404);
    let mut answer = ask().await;
    // On a machine that is too busy to ask twice in two seconds, it is asked again.
    while answer.status == 404 {
        answer = ask().await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(number(&answer, "retry-after"))).await;
    assert_eq!(ask().await.status, 404);
}

#[tokio::test]
async fn errors_count_and_refused_identities_do_not() {
    let server = Server::given(&[("RATE_LIMIT", "5/1h")]).await;
    let path = "/api/v1/files/nothing/signed-url";
    for refused in [
        server.post(path),
        server.post(path).bearer("nonsense"),
        server.post(path).bearer(&token("user_1").claim("exp", json!(1)).signed()),
    ] {
        let answer = refused.send().await;
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (401, ""));
    }
    let missing = server.post(path).by("user_1").send().await;
    missing.refuses(404, "File not found", "not_found");
    says(&missing, 4);
    let invalid = server.post(path).by("user_1").json(&json!({"expiresIn": "soon"})).send().await;
    invalid.names("expiresIn");
    says(&invalid, 3);
    let typeless = server.post("/api/files/upload").by("user_1").body("text/plain", "x").send().await;
    assert_eq!(typeless.status, 415);
    says(&typeless, 2);
}

#[tokio::test]
async fn a_blocked_user_costs_nothing() {
    let (server, path) = limited("5/1h").await;
    server.sql("INSERT INTO users (id, blocked_at) VALUES ('user_1', 1)").await;
    let answer = server.post(&path).by("user_1").send().await;
    answer.refuses(403, "User blocked", "user_blocked");
    assert_eq!(answer.header("x-ratelimit-limit"), "");
}

#[tokio::test]
async fn calls_in_parallel_never_pass_the_limit() {
    let (server, path) = limited("5/1h").await;
    let calls = (0..20).map(|_| server.post(&path).by("user_1").send());
    let answers = futures_util::future::join_all(calls).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 4, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 16, "{statuses:?}");
}

#[tokio::test]
async fn a_redis_that_is_away_leaves_the_limit_to_this_process() {
    // Nobody listens where the listener of a closed socket was.
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("redis://:a-password@{nowhere}");
    let server = Server::given(&[("RATE_LIMIT", "2/1h"), ("REDIS_URL", &url)]).await;
    let path = "/api/files/nothing/signed-url";
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(server.post(path).by("user_1").send().await.status);
    }
    assert_eq!(statuses, [404, 404, 429]);
    let metrics = server.ask("/metrics").send().await.text();
    assert!(metrics.contains("signer_rate_limit_counts_total{in=\"process\"} 3"), "{metrics}");
    assert!(metrics.contains("signer_rate_limited_total{of=\"user\"} 1") && !metrics.contains("user_1"));
}

/// The Redis to test with, if there is one.
fn redis() -> Option<String> {
    environment("TEST_REDIS_URL")
}

#[tokio::test]
async fn signers_that_share_a_redis_count_together() {
    let Some(url) = redis() else { return };
    let (one, other) = (sharing(&url).await, sharing(&url).await);
    let user = format!("user_{}", uuid::Uuid::now_v7());
    let mut statuses = Vec::new();
    for server in [&one, &other, &one, &other, &one, &other, &one] {
        statuses.push(server.post("/api/files/nothing/signed-url").by(&user).send().await.status);
    }
    assert_eq!(statuses, [404, 404, 404, 404, 404, 429, 429]);
    assert!(one.ask("/metrics").send().await.text().contains("signer_rate_limit_counts_total{in=\"redis\"} 4"));
}

/// With more patience than a busy machine takes.
async fn sharing(url: &str) -> Server {
    let variables = [("RATE_LIMIT", "5/1h"), ("REDIS_URL", url)];
    Server::given_and(&variables, |config| config.redis_patience = std::time::Duration::from_secs(30)).await
}

#[tokio::test]
async fn a_redis_that_went_away_is_used_again_once_it_is_back() {
    let Some(url) = redis() else { return };
    let there = url.strip_prefix("redis://").unwrap().trim_end_matches('/').parse().unwrap();
    let mut link = Link::to(there).await;
    let server = sharing(&format!("redis://{}", link.address)).await;
    let user = format!("user_{}", uuid::Uuid::now_v7());
    let ask = async || server.post("/api/files/nothing/signed-url").by(&user).send().await;
    let left = async || number(&ask().await, "x-ratelimit-remaining");
    assert_eq!((left().await, left().await), (4, 3));
    link.cut().await;
    // It may take a call or two to notice; from then on this process counts from nothing.
    assert!((left().await, left().await) > (2, 1));
    link.mend().await;
    let back = async || server.ask("/metrics").send().await.text();
    let in_redis = |text: &str| text.lines().find(|line| line.contains("in=\"redis\"")).unwrap().to_owned();
    let before = in_redis(&back().await);
    for _ in 0..600 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        ask().await;
        if in_redis(&back().await) != before {
            return;
        }
    }
    panic!("Redis is not used again");
}

#[tokio::test]
async fn a_redis_that_hangs_delays_the_first_calls_only() {
    let Some(url) = redis() else { return };
    let link = Link::to(url.strip_prefix("redis://").unwrap().trim_end_matches('/').parse().unwrap()).await;
    let url = format!("redis://{}", link.address);
    let server = Server::given(&[("RATE_LIMIT", "1000/1h"), ("REDIS_URL", &url)]).await;
    let user = format!("user_{}", uuid::Uuid::now_v7());
    let ask = async || server.post("/api/files/nothing/signed-url").by(&user).send().await.status;
    assert_eq!(ask().await, 404);
    link.stand_still();
    let began = std::time::Instant::now();
    for _ in 0..300 {
        assert_eq!(ask().await, 404);
    }
    // If each waited its tenth of a second it would take half a minute.
    assert!(began.elapsed() < std::time::Duration::from_secs(25), "{:?}", began.elapsed());
    let metrics = server.ask("/metrics").send().await.text();
    let line = metrics.lines().find(|line| line.contains("counts_total{in=\"process\"}")).unwrap();
    // On a busy machine the first one may have been late too.
    assert!(line.rsplit(' ').next().unwrap().parse::<u64>().unwrap() >= 300, "{line}");
}

#[tokio::test]
async fn a_redis_that_never_spoke_holds_up_nobody() {
    // It takes connections and never says a word.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let server = Server::given(&[("RATE_LIMIT", "1/1h"), ("REDIS_URL", &url)]).await;
    let ask = async || server.post("/api/files/nothing/signed-url").by("user_1").send().await.status;
    assert_eq!((ask().await, ask().await), (404, 429));
}
