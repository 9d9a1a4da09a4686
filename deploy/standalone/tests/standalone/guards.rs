//! The development identity serves the person at this machine, and nobody else.

use crate::{
    http::{Answer, Request},
    process::Standalone,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use tempfile::tempdir;

fn forbidden(answer: &Answer) -> bool {
    answer.refused() == (403, "Forbidden".into(), "development_identity".into())
}

#[test]
fn only_this_machine_by_its_own_name_is_answered() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[]);
    for host in ["localhost", "127.0.0.1:8081", "127.3.2.1", "[::1]", "LOCALHOST:1"] {
        assert_eq!(standalone.request("GET", "/files").host(host).send().status, 200, "{host}");
    }
    for host in ["example.com", "localhost.example.com", "192.168.0.1:8081", "0.0.0.0"] {
        for path in ["/files", "/system/health", "/auth/health", "/no-such-route"] {
            assert!(forbidden(&standalone.request("GET", path).host(host).send()), "{host} {path}");
        }
    }
    assert!(forbidden(&standalone.request("GET", "/files").header("Host", "example.com").send()));
    let absolute = |host| format!("http://{host}/api/v1/system/health");
    assert_eq!(Request::new(standalone.api, "GET", &absolute("localhost")).send().status, 200);
    assert!(forbidden(&Request::new(standalone.api, "GET", &absolute("example.com")).send()));
}

#[test]
fn a_proxy_in_between_is_refused() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[]);
    for (name, value) in [
        ("Forwarded", "for=192.0.2.1"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("x-forwarded-host", "localhost"),
        ("X-Forwarded-Anything", ""),
    ] {
        assert!(forbidden(&standalone.request("GET", "/files").header(name, value).send()), "{name}");
    }
}

#[test]
fn any_other_credential_is_refused_as_the_signer_refuses_it() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[]);
    let token = standalone.token();
    let nearly = format!("Bearer {}", &token[..token.len() - 1]);
    let key = std::fs::read(home.path().join("data/development-key.pem")).unwrap();
    let now = jsonwebtoken::get_current_timestamp();
    let claims = json!({"sub": "user_demo", "aud": "t2m-api", "iat": now, "exp": now + 60});
    let genuine = EncodingKey::from_rsa_pem(&key).unwrap();
    let jwt = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &genuine).unwrap();
    for credential in [&nearly, &format!("Bearer {jwt}"), &format!("Basic {token}"), token, "Bearer ", "x"] {
        let answer = standalone.anonymous("GET", "/files").header("Authorization", credential).send();
        assert_eq!(answer.refused(), (401, "Unauthorized".into(), "token_invalid".into()), "{credential}");
        assert_eq!(answer.header("WWW-Authenticate"), Some("Bearer"));
    }
    let twice = standalone.request("GET", "/files").header("Authorization", &format!("Bearer {token}")).send();
    assert_eq!(twice.status, 401);
    let session = standalone.anonymous("GET", "/files").header("Cookie", &format!("__session={jwt}")).send();
    assert_eq!(session.refused(), (401, "Unauthorized".into(), "token_missing".into()));
}

#[test]
fn no_credential_is_the_signers_own_refusal_and_health_needs_none() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[]);
    let answer = standalone.anonymous("GET", "/files").send();
    assert_eq!(answer.refused(), (401, "Unauthorized".into(), "token_missing".into()));
    assert_eq!(answer.json()["message"], "No token provided");
    assert_eq!(standalone.anonymous("GET", "/system/health").send().status, 200);
    let any_case =
        standalone.anonymous("GET", "/files").header("authorization", &format!("bEARER {}", standalone.token()));
    assert_eq!(any_case.send().status, 200);
}

#[test]
fn the_demo_user_meets_whatever_a_jwt_must_say() {
    let home = tempdir().unwrap();
    let rules = [("CLERK_AUDIENCE", "another"), ("CLERK_AUTHORIZED_PARTIES", "https://a.test, https://b.test")];
    let standalone = Standalone::start(&home, &rules);
    assert_eq!(standalone.request("GET", "/files").send().status, 200);
}

#[test]
fn a_refusal_reaches_a_client_in_the_middle_of_an_upload() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[]);
    let body = vec![b'x'; 12 << 20];
    for (host, credential, status) in [("example.com", "", 403), ("localhost", "Bearer x", 401)] {
        let upload = standalone.anonymous("POST", "/files/upload").body("multipart/form-data; boundary=b", &body);
        let answer = upload.host(host).header("Authorization", credential).send();
        assert_eq!((answer.refused().0, answer.took_all), (status, true));
    }
}

#[test]
fn only_the_page_itself_may_change_something() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[]);
    let post = |origin: &str| {
        let call = standalone.request("POST", "/files/nothing/signed-url").host("localhost:8081");
        call.header("Origin", origin).send().refused()
    };
    assert_eq!(post("http://localhost:8081"), (404, "File not found".into(), "not_found".into()));
    for origin in
        ["http://localhost:3000", "https://localhost:8081", "http://127.0.0.1:8081", "null", "http://evil.test"]
    {
        assert_eq!(post(origin), (403, "CSRF protection: Invalid origin".into(), "invalid_origin".into()), "{origin}");
    }
}

#[test]
fn a_preflight_is_answered_to_this_machine_only_and_allows_nothing_that_was_not_listed() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[("ALLOWED_ORIGINS", "http://localhost:3000")]);
    let preflight = |host: &str, origin: &str| {
        let call = standalone.anonymous("OPTIONS", "/files/upload").host(host).header("Origin", origin);
        call.header("Access-Control-Request-Method", "POST").send()
    };
    let allowed = preflight("localhost", "http://localhost:3000");
    let origin = allowed.header("Access-Control-Allow-Origin");
    assert_eq!((allowed.status, origin), (204, Some("http://localhost:3000")));
    assert_eq!(preflight("localhost", "http://evil.test").header("Access-Control-Allow-Origin"), None);
    assert!(forbidden(&preflight("example.com", "http://localhost:3000")));
}
