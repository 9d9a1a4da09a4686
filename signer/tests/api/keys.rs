//! Keys that are fetched: from one place, seldom, and kept when there is nothing better.

use crate::harness::{BRISK, KEY, ON_DEMAND, OTHER_KEY, Provider, Reply, Server, eventually, jwk, key_set, token};
use serde_json::json;
use signer::identity::{Identity, KeySource, Pace, Rules};
use std::time::{Duration, Instant};

/// A signer that fetches its keys, and has done so once.
async fn server(provider: &Provider, pace: Pace) -> Server {
    let server = unasked(provider, pace).await;
    eventually("keys", async || health(&server).await == 200).await;
    server
}

/// A signer that fetches its keys, or cannot.
async fn unasked(provider: &Provider, pace: Pace) -> Server {
    Server::start_with(|config| config.identity.keys = provider.source(pace)).await
}

async fn health(server: &Server) -> u16 {
    server.get("/api/auth/health").send().await.status
}

async fn status(server: &Server, token: &str) -> u16 {
    server.get("/api/files").bearer(token).send().await.status
}

/// By our key, under another name.
fn under(kid: &str) -> String {
    token("user_1").header("kid", json!(kid)).signed()
}

#[tokio::test]
async fn a_key_counts_under_its_own_name_only() {
    let provider = Provider::with(key_set(&[("ins_1", &KEY), ("ins_2", &OTHER_KEY)])).await;
    let server = server(&provider, Pace { rest: Duration::from_secs(3600), ..ON_DEMAND }).await;
    assert_eq!(status(&server, &token("user_1").signed()).await, 200);
    assert_eq!(status(&server, &token("user_1").header("kid", json!("ins_2")).signed_by(&OTHER_KEY)).await, 200);
    let mut nameless = token("user_1");
    nameless.header.as_object_mut().unwrap().remove("kid");
    for bad in [
        token("user_1").signed_by(&OTHER_KEY),
        under("ins_2"),
        under("ins_3"),
        under(""),
        under("__proto__"),
        under("../../x"),
        under("' OR 1=1 --"),
        under(&"k".repeat(8 << 10)),
        nameless.signed(),
        token("user_1").header("kid", json!(["ins_1"])).signed(),
    ] {
        let answer = server.get("/api/files").bearer(&bad).send().await;
        answer.refuses(401, "Unauthorized", "token_invalid");
    }
    assert_eq!(provider.fetches(), 1, "the first one has just ended");
}

#[tokio::test]
async fn a_new_key_is_taken_after_one_fetch() {
    let provider = Provider::with(key_set(&[("ins_1", &KEY)])).await;
    let server = server(&provider, ON_DEMAND).await;
    provider.says(key_set(&[("ins_1", &KEY), ("ins_2", &OTHER_KEY)]));
    let new = token("user_1").header("kid", json!("ins_2")).signed_by(&OTHER_KEY);
    eventually("the new key", async || status(&server, &new).await == 200).await;
    assert_eq!(provider.fetches(), 2);
    assert_eq!(status(&server, &token("user_1").signed()).await, 200, "the old one is still in the set");
}

#[tokio::test]
async fn a_key_that_was_taken_back_is_refused_also_for_tokens_seen_before() {
    let provider = Provider::with(key_set(&[("ins_1", &KEY)])).await;
    let server = server(&provider, BRISK).await;
    let seen = token("user_1").signed();
    assert_eq!(status(&server, &seen).await, 200);
    provider.says(key_set(&[("ins_2", &OTHER_KEY)]));
    eventually("the end of the old key", async || status(&server, &seen).await == 401).await;
    let new = token("user_1").header("kid", json!("ins_2")).signed_by(&OTHER_KEY);
    assert_eq!(status(&server, &new).await, 200);
}

#[tokio::test]
async fn a_name_that_goes_to_another_key_does_not_vouch_for_old_tokens() {
    let provider = Provider::with(key_set(&[("ins_1", &KEY)])).await;
    let server = server(&provider, BRISK).await;
    let seen = token("user_1").signed();
    assert_eq!(status(&server, &seen).await, 200);
    provider.says(key_set(&[("ins_1", &OTHER_KEY)]));
    eventually("the end of the old key", async || status(&server, &seen).await == 401).await;
    assert_eq!(status(&server, &token("user_1").signed_by(&OTHER_KEY)).await, 200);
}

#[tokio::test]
async fn known_keys_go_on_whatever_comes_in_place_of_a_set() {
    let elsewhere = Provider::with(key_set(&[("ins_2", &OTHER_KEY)])).await;
    let provider = Provider::with(key_set(&[("ins_1", &KEY)])).await;
    let server = server(&provider, BRISK).await;
    let set = json!({ "keys": [jwk("ins_2", &OTHER_KEY)] }).to_string().into_bytes();
    let padded = [&vec![b' '; 256 << 10][..], &set].concat();
    for reply in [
        Reply::Bytes(503, set.clone()),
        Reply::Bytes(204, Vec::new()),
        Reply::Bytes(200, b"<html><body>Sign in</body></html>".to_vec()),
        Reply::Bytes(200, padded),
        Reply::Bytes(200, vec![b' '; 10 << 20]),
        Reply::Bytes(200, set[..set.len() - 1].to_vec()),
        Reply::Keys(json!({ "keys": [] })),
        Reply::Keys(json!({ "keys": [{"kty": "EC", "crv": "P-256", "kid": "ins_2", "x": "AA", "y": "AA"}] })),
        Reply::Keys(json!({ "keys": [jwk("ins_2", &OTHER_KEY), jwk("ins_2", &KEY)] })),
        Reply::To(elsewhere.url()),
        Reply::Silence,
        Reply::Half,
        Reply::Reset,
    ] {
        provider.says(reply);
        provider.is_asked_again().await;
        assert_eq!(status(&server, &token("user_1").signed()).await, 200);
        let unknown = token("user_1").header("kid", json!("ins_2")).signed_by(&OTHER_KEY);
        let answer = server.get("/api/files").bearer(&unknown).send().await;
        answer.refuses(503, "Service unavailable", "keys_unavailable");
        assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
        assert_eq!((health(&server).await, server.ask("/readyz").send().await.status), (200, 200));
    }
    assert_eq!(elsewhere.fetches(), 0, "a redirect is not followed");
    provider.says(key_set(&[("ins_2", &OTHER_KEY)]));
    let new = token("user_1").header("kid", json!("ins_2")).signed_by(&OTHER_KEY);
    eventually("the end of the outage", async || status(&server, &new).await == 200).await;
}

#[tokio::test]
async fn a_signer_starts_before_its_provider_and_heals_alone() {
    let provider = Provider::with(Reply::Bytes(500, Vec::new())).await;
    let server = unasked(&provider, BRISK).await;
    let good = token("user_1").signed();
    let answer = server.get("/api/files").bearer(&good).send().await;
    answer.refuses(503, "Service unavailable", "keys_unavailable");
    let auth = server.get("/api/auth/health").send().await;
    auth.refuses(503, "Service unavailable", "keys_unavailable");
    assert_eq!(auth.json()["data"]["keys_loaded"], false);
    let ready = server.ask("/readyz").send().await;
    assert_eq!((ready.status, ready.text().trim()), (503, "keys unavailable"));
    assert_eq!(server.get("/api/files").send().await.status, 401, "no token is no matter of keys");

    provider.says(key_set(&[("ins_1", &KEY)]));
    eventually("keys", async || status(&server, &good).await == 200).await;
    let auth = server.get("/api/auth/health").send().await.json();
    assert_eq!((&auth["data"]["keys"], &auth["data"]["keys_loaded"]), (&json!("jwks"), &json!(true)));
    assert!(auth["data"]["keys_age_seconds"].is_u64());
    assert!(server.ask("/readyz").send().await.text().starts_with("ready\nkeys fetched "));
    let metrics = server.ask("/metrics").send().await.text();
    for line in [
        "signer_key_fetches_total{result=\"ok\"} ",
        "signer_key_fetches_total{result=\"status\"} ",
        "keys_unavailable",
        "signer_keys_fetched_timestamp_seconds 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

/// However many names are made up, fetches come no closer than a rest apart, and good tokens do not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_names_do_not_make_more_fetches() {
    const REST: Duration = Duration::from_millis(250);
    let provider = Provider::with(key_set(&[("ins_1", &KEY)])).await;
    let begun = Instant::now();
    let server = server(&provider, Pace { rest: REST, ..ON_DEMAND }).await;
    for reply in [key_set(&[("ins_1", &KEY)]), Reply::Bytes(503, Vec::new()), Reply::Reset] {
        provider.says(reply);
        let forged = token("user_1").signed_by(&OTHER_KEY);
        let (_, rest) = forged.split_once('.').unwrap();
        for round in 0..10 {
            let calls = (0..50).map(|n| {
                let header = json!({ "alg": "RS256", "kid": format!("forged-{round}-{n}") }).to_string();
                let forged = format!("{}.{rest}", super::identity::encoded(&header));
                server.get("/api/files").bearer(&forged).send()
            });
            for answer in futures_util::future::join_all(calls).await {
                assert!(matches!(answer.status, 401 | 503), "{}", answer.status);
            }
            assert_eq!(status(&server, &token("user_1").signed()).await, 200);
        }
    }
    let allowed = 2 + begun.elapsed().as_millis() / REST.as_millis();
    assert!(provider.fetches() as u128 <= allowed, "{} fetches where {allowed} may be", provider.fetches());
}

#[tokio::test]
async fn a_fetch_that_failed_is_not_asked_for_again_before_its_time() {
    let provider = Provider::with(Reply::Bytes(503, Vec::new())).await;
    let server = unasked(&provider, Pace { rest: Duration::from_secs(3600), ..ON_DEMAND }).await;
    for n in 0..500 {
        assert_eq!(status(&server, &under(&format!("forged-{}", n % 10))).await, 503);
    }
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn new_settings_keep_the_keys_of_the_same_place() {
    let provider = Provider::with(key_set(&[("ins_1", &KEY)])).await;
    let server = server(&provider, ON_DEMAND).await;
    let rules = Rules { audience: "t2m-api".into(), issuer: Some("https://clerk.example".into()), parties: vec![] };
    let seen = token("user_1").signed();
    assert_eq!(status(&server, &seen).await, 200);
    provider.says(Reply::Reset);
    server.signer.replace_identity(Identity { keys: provider.source(ON_DEMAND), rules: rules.clone(), webhooks: None });
    assert_eq!(status(&server, &seen).await, 401, "what was verified before is judged by the new rules");
    let good = token("user_1").claim("iss", json!("https://clerk.example")).signed();
    assert_eq!(status(&server, &good).await, 200, "the key is still known");

    let other = Provider::with(Reply::Reset).await;
    server.signer.replace_identity(Identity { keys: other.source(BRISK), rules, webhooks: None });
    assert_eq!(status(&server, &good).await, 503, "keys of another place are not known yet");
}

#[tokio::test]
async fn with_a_key_in_the_settings_none_is_ever_fetched() {
    let provider = Provider::with(key_set(&[("ins_2", &OTHER_KEY)])).await;
    let folder = tempfile::tempdir().unwrap();
    let mut variables = crate::harness::variables(&folder);
    variables.push(("CLERK_JWKS_URL", provider.url()));
    let identity = crate::harness::config(&variables).unwrap().identity;
    assert!(matches!(identity.keys, KeySource::Pem(_)));
    let server = Server::start_with(|config| config.identity = identity).await;
    for name in ["kid", "jku", "x5u"] {
        let forged = token("user_1").header(name, json!(provider.url())).signed_by(&OTHER_KEY);
        assert_eq!(status(&server, &forged).await, 401);
    }
    assert_eq!(provider.fetches(), 0);
}

#[tokio::test]
async fn a_place_that_a_token_names_is_never_asked() {
    let evil = Provider::with(key_set(&[("ins_1", &OTHER_KEY), ("ins_2", &OTHER_KEY)])).await;
    let provider = Provider::with(key_set(&[("ins_1", &KEY)])).await;
    let server = server(&provider, ON_DEMAND).await;
    for name in ["jku", "x5u", "x5c", "jwk", "iss"] {
        for kid in ["ins_1", "ins_2"] {
            let forged =
                token("user_1").header("kid", json!(kid)).header(name, json!(evil.url())).signed_by(&OTHER_KEY);
            assert_eq!(status(&server, &forged).await, 401, "{name}");
        }
    }
    assert_eq!(evil.fetches(), 0);
}
