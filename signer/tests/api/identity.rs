//! Who is let in. The rows of claims are tested beside the rules; here is what a request can look like.

use crate::harness::{Answer, OTHER_KEY, Server, now, of_texts, pss, public_pem, token};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;
use signer::identity::{Key, PemError};
use std::time::{Duration, Instant};

/// A part of a token.
pub(crate) fn encoded(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

async fn with(server: &Server, bearer: &str) -> Answer {
    server.get("/api/files").bearer(bearer).send().await
}

#[track_caller]
fn is_unauthorized(answer: &Answer, code: &str, message: &str) {
    answer.refuses(401, "Unauthorized", code);
    assert_eq!(answer.json()["message"], message);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn a_good_token_is_taken_from_header_or_cookie() {
    let server = Server::start().await;
    let good = token("user_1").signed();
    for (name, value) in [
        ("authorization", format!("Bearer {good}")),
        ("authorization", format!("bEaReR {good}")),
        ("cookie", format!("a=b; __session={good}")),
    ] {
        assert_eq!(server.get("/api/files").header(name, &value).send().await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn without_a_token_every_route_of_a_user_is_closed() {
    let server = Server::start().await;
    for (method, path) in [
        ("POST", "/api/files/upload"),
        ("GET", "/api/v1/files"),
        ("GET", "/api/files/x"),
        ("DELETE", "/api/files/x"),
        ("POST", "/api/v1/files/x/signed-url"),
    ] {
        let answer = server.call(method, path).send().await;
        is_unauthorized(&answer, "token_missing", "No token provided");
    }
    let in_query = format!("/api/files?token={}", token("user_1").signed());
    is_unauthorized(&server.get(&in_query).send().await, "token_missing", "No token provided");
}

#[tokio::test]
async fn a_bad_header_does_not_fall_back_and_two_headers_are_none() {
    let server = Server::start().await;
    let good = token("user_1").signed();
    let cookie = format!("__session={good}");
    for bad in ["Basic x", "Bearer", "Bearer x", &good] {
        let answer = server.get("/api/files").header("authorization", bad).header("cookie", &cookie).send().await;
        is_unauthorized(&answer, "token_invalid", "Invalid token");
    }
    let twice = server.get("/api/files").bearer(&good).bearer(&good).send().await;
    is_unauthorized(&twice, "token_invalid", "Invalid token");
}

#[tokio::test]
async fn only_rs256_by_the_known_key_counts() {
    let server = Server::start().await;
    let hmac = EncodingKey::from_secret(public_pem().as_bytes());
    let unsigned = |alg: &str| {
        let signed = token("user_1").header("alg", json!(alg)).signed();
        format!("{}.", signed.rsplit_once('.').unwrap().0)
    };
    for bad in [
        unsigned("none"),
        unsigned("nOnE"),
        unsigned("RS256"),
        of_texts("{}", &token("user_1").claims.to_string()),
        token("user_1").header("alg", json!("none")).signed(),
        token("user_1").header("alg", json!("HS256")).signed_with(&hmac, Algorithm::HS256),
        token("user_1").signed_with(&hmac, Algorithm::HS256),
        pss(token("user_1").header("alg", json!("PS256"))),
        pss(token("user_1")),
        token("user_1").header("alg", json!("RS512")).signed(),
        token("user_1").signed_by(&OTHER_KEY),
    ] {
        is_unauthorized(&with(&server, &bad).await, "token_invalid", "Invalid token");
    }
}

#[tokio::test]
async fn keys_named_by_the_token_are_ignored() {
    let server = Server::start().await;
    for name in ["jku", "x5u", "x5c", "jwk", "kid"] {
        let hint = json!("http://127.0.0.1:9/keys");
        assert_eq!(with(&server, &token("user_1").header(name, hint.clone()).signed()).await.status, 200, "{name}");
        let forged = token("user_1").header(name, hint).signed_by(&OTHER_KEY);
        is_unauthorized(&with(&server, &forged).await, "token_invalid", "Invalid token");
    }
    for kid in ["__proto__", "../../x", "' OR 1=1 --"] {
        assert_eq!(with(&server, &token("user_1").header("kid", json!(kid)).signed()).await.status, 200);
    }
}

#[tokio::test]
async fn claims_are_judged_on_the_wire_too() {
    let server = Server::start().await;
    for (bad, code) in [
        (token("user_1").claim("exp", json!(now() - 60)), "token_expired"),
        (token("user_1").without("exp"), "token_invalid"),
        (token("user_1").claim("nbf", json!(now() + 60)), "token_invalid"),
        (token("user_1").claim("aud", json!("other")), "token_invalid"),
        (token("user_1").without("aud"), "token_invalid"),
        (token("user_1").claim("sts", json!("pending")), "token_invalid"),
        (token("mch_1"), "token_invalid"),
        (token("a:b"), "token_invalid"),
        (token("user_1").header("crit", json!(["b64"])), "token_invalid"),
        (token("user_1").header("typ", json!("at+jwt")), "token_invalid"),
    ] {
        is_unauthorized(&with(&server, &bad.signed()).await, code, "Invalid token");
    }
    let foreign = token("user_1").claim("exp", json!(now() - 60)).signed_by(&OTHER_KEY);
    is_unauthorized(&with(&server, &foreign).await, "token_invalid", "Invalid token");
}

#[tokio::test]
async fn a_token_has_one_spelling() {
    let server = Server::start().await;
    let good = token("user_1").signed();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let claims = token("user_1").claims.to_string();
    let header = r#"{"alg":"RS256"}"#;
    let twice = claims.replacen('{', r#"{"sub":"user_2","#, 1);
    let deep = format!(r#"{{"a":{}{},{}"#, "[".repeat(5_000), "]".repeat(5_000), &claims[1..]);
    for bad in [
        format!("{good}.{signature}"),
        signed.into(),
        format!("{good}=="),
        format!("{good}="),
        format!("{good}."),
        format!(" {good}"),
        good.replace('.', ". "),
        good.replace('-', "+").replace('_', "/") + "+/",
        "..".into(),
        of_texts(header, &twice),
        of_texts(r#"{"alg":"RS256","alg":"none"}"#, &claims),
        of_texts(header, &deep),
        of_texts(header, &format!("\u{feff}{claims}")),
        of_texts(header, &claims.replacen('{', r#"{"exp":1e400,"#, 1)),
        of_texts(header, "[]"),
        of_texts(header, &claims.replacen('{', &format!(r#"{{"pad":"{}","#, "x".repeat(20_000)), 1)),
    ] {
        let begun = Instant::now();
        is_unauthorized(&with(&server, &bad).await, "token_invalid", "Invalid token");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    let megabyte = with(&server, &URL_SAFE_NO_PAD.encode(vec![7; 1 << 20])).await;
    assert_eq!(megabyte.status, 431);
}

#[tokio::test]
async fn a_user_who_is_no_longer_welcome_is_stopped_at_once() {
    for column in ["blocked_at", "banned_at", "deleted_at"] {
        let server = Server::start().await;
        let file = server.stored("user_1", "a", b"x").await;
        let statement = format!("INSERT INTO users (id, {column}) VALUES ('user_1', 1)");
        server.sql(statement.leak()).await;
        for (method, path) in [
            ("GET", "/api/files".to_owned()),
            ("POST", "/api/files/upload".to_owned()),
            ("GET", format!("/api/files/{}", file["id"].as_str().unwrap())),
            ("DELETE", format!("/api/files/{}", file["id"].as_str().unwrap())),
            ("POST", format!("/api/files/{}/signed-url", file["id"].as_str().unwrap())),
        ] {
            server.call(method, &path).by("user_1").send().await.refuses(403, "User blocked", "user_blocked");
        }
        assert_eq!(server.get("/api/files").by("user_2").send().await.status, 200);
    }
}

#[test]
fn the_key_is_one_rsa_public_key_and_nothing_else() {
    let good = public_pem();
    let private = OTHER_KEY.serialize_pem();
    for text in [good.into(), good.replace('\n', "\\n"), good.replace('\n', "\r\n"), format!("\n{good}\n")] {
        assert!(Key::from_pem(&text).is_ok(), "{text}");
    }
    let ec = rcgen::KeyPair::generate().unwrap().public_key_pem();
    for (text, why) in [
        (good.replace("PUBLIC", "RSA PUBLIC"), PemError::Pkcs1),
        (private, PemError::Private),
        (good.replace("PUBLIC KEY", "CERTIFICATE"), PemError::Certificate),
        (format!("{good}{good}"), PemError::Several),
        (good.replace("MII", "AAA"), PemError::NotRsa),
        (ec, PemError::NotRsa),
        (SHORT.into(), PemError::Size),
        ("pk_test_abc".into(), PemError::NotPem),
        (String::new(), PemError::NotPem),
    ] {
        assert_eq!(Key::from_pem(&text).unwrap_err(), why, "{text}");
    }
}

/// 1,024 bits.
const SHORT: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDz3tdXTMBe2F0YqE2CvsbaB+V7
TkYszL0K+F1T514iueZ95ol1QqFnAR8QYfILiQXUZRrHNFQwWj9ZeuVNv1MtMEQ7
nCu72dYOSAEGJBQ+6UaZk8Vg3aB1JGFs1DtGE+ApNcqs+YU+lA55W4AN7F2vgHXD
xXdNLdRONQMPU7Dx8QIDAQAB
-----END PUBLIC KEY-----";
