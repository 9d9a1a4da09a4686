//! `signer token`, `health`, `completions` and `man`, as somebody at a terminal runs them.

use crate::harness::{Call, Process, Said, public_pem, signer};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, path::Path};

const ISSUER: &str = "https://development.invalid";

/// A token by the key in this folder.
async fn token(folder: &Path, arguments: &[&str]) -> Said {
    let key = folder.join("key.pem").display().to_string();
    signer(&[&["token", "--key", &key, "--user-id", "user_1"], arguments].concat()).await
}

fn claims(said: &Said) -> Value {
    let payload = said.out.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// The status of a call that every signed-in user may make.
async fn status(process: &Process, token: &str) -> u16 {
    let call = Call::new(process.api, "GET", "/api/files").header("authorization", &format!("Bearer {token}"));
    call.send().await.status
}

#[tokio::test]
async fn a_token_opens_a_signer_that_takes_development_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let said = token(folder.path(), &[]).await;
    assert_eq!((said.code, said.out.lines().count()), (0, 1), "{said:?}");
    assert!(said.err.contains("key.pub.pem CLERK_ISSUER=https://development.invalid"), "{}", said.err);
    let public = folder.path().join("key.pub.pem").display().to_string();
    let process = Process::given(&[("CLERK_JWT_KEY_FILE", &public), ("CLERK_ISSUER", ISSUER)]);
    assert_eq!(status(&process, said.out.trim()).await, 200);
    let again = token(folder.path(), &["--role", "admin"]).await;
    assert_eq!((again.code, again.err.as_str()), (0, ""), "the key is used again");
    assert_eq!(status(&process, again.out.trim()).await, 200);
}

#[tokio::test]
async fn a_token_opens_no_signer_by_accident() {
    let folder = tempfile::tempdir().unwrap();
    let said = token(folder.path(), &[]).await;
    let public = folder.path().join("key.pub.pem").display().to_string();
    for (why, variables) in [
        ("no issuer is asked for", &[("CLERK_JWT_KEY_FILE", public.as_str())][..]),
        ("another issuer", &[("CLERK_JWT_KEY_FILE", &public), ("CLERK_ISSUER", "https://clerk.example")]),
        ("another key", &[("CLERK_ISSUER", ISSUER)]),
    ] {
        assert_eq!(status(&Process::given(variables), said.out.trim()).await, 401, "{why}");
    }
}

/// `SIGNER_LISTEN` says nothing of a listener that is handed over.
#[test]
fn a_token_opens_no_signer_whose_listener_others_reach() {
    let [here, everywhere] = ["127.0.0.1:0", "0.0.0.0:0"].map(|at| TcpListener::bind(at).unwrap());
    let development = [("CLERK_ISSUER", ISSUER)];
    assert_eq!(Process::on(&here, &development).api, here.local_addr().unwrap());
    assert_eq!(Process::on(&everywhere, &[]).api, everywhere.local_addr().unwrap());
    let (code, log) = Process::ends_on(&everywhere, &development);
    assert_eq!(code, Some(64), "{log}");
    assert!(log.contains("must be a loopback address while CLERK_ISSUER"), "{log}");
}

#[tokio::test]
async fn a_token_says_what_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let wishes = ["--role", "admin", "--email", "a@example.com", "--subscription-tier", "pro", "--expires-in", "60"];
    let settings = ["--clerk-audience", "other", "--clerk-authorized-parties", "https://a.example, https://b.example"];
    let claims = claims(&token(folder.path(), &[&wishes[..], &settings].concat()).await);
    assert_eq!((&claims["sub"], &claims["iss"], &claims["aud"]), (&json!("user_1"), &json!(ISSUER), &json!("other")));
    assert_eq!((&claims["role"], &claims["email"]), (&json!("admin"), &json!("a@example.com")));
    assert_eq!((&claims["subscription_tier"], &claims["azp"]), (&json!("pro"), &json!("https://a.example")));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 60);
}

#[tokio::test]
async fn nothing_is_signed_with_a_key_that_was_not_made_for_it_or_that_others_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(token(folder.path(), &[]).await.code, 0);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    mode(0o640);
    let said = token(folder.path(), &[]).await;
    assert_eq!((said.code, said.out.as_str()), (69, ""));
    assert!(said.err.contains("chmod 600"), "{}", said.err);
    for other in [public_pem(), "", "no key at all"] {
        fs::write(&path, other).unwrap();
        mode(0o600);
        let said = token(folder.path(), &[]).await;
        assert_eq!((said.code, said.out.as_str()), (69, ""));
        assert!(said.err.contains("was not made by signer token"), "{}", said.err);
        assert_eq!(fs::read_to_string(&path).unwrap(), other, "it is left as it is");
    }
    assert_eq!(token(&folder.path().join("nowhere"), &[]).await.code, 69);
}

#[tokio::test]
async fn a_key_is_made_with_its_public_half_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = (folder.path().join("key.pem"), folder.path().join("key.pub.pem"));
    fs::write(&public, "of another key").unwrap();
    for _ in 0..2 {
        let said = token(folder.path(), &[]).await;
        assert_eq!((said.code, said.out.as_str()), (69, ""));
        assert!(said.err.contains("key.pub.pem"), "{}", said.err);
    }
    assert!(!private.exists());
    assert_eq!(fs::read_to_string(&public).unwrap(), "of another key");

    fs::remove_file(&public).unwrap();
    std::os::unix::fs::symlink("nowhere", &private).unwrap();
    assert_eq!(token(folder.path(), &[]).await.code, 69);
    assert!(!public.exists());
    fs::remove_file(&private).unwrap();
    assert_eq!(token(folder.path(), &[]).await.code, 0);
}

#[tokio::test]
async fn wrong_usage_of_token_makes_no_key() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in [&["--expires-in", "0"][..], &["--expires-in", "86401"], &["--user-id", "a:b"], &["--admin"]] {
        assert_eq!(token(folder.path(), wrong).await.code, 64, "{wrong:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn health_asks_the_internal_listener() {
    let process = Process::start();
    let ready = format!("http://{}/readyz", process.internal);
    let listen = process.internal.to_string();
    for arguments in [["health", "--url", &ready], ["health", "--signer-internal-listen", &listen]] {
        let said = signer(&arguments).await;
        assert_eq!((said.code, said.out.as_str()), (0, "ready\n"), "{said:?}");
    }
    let (internal, code) = (process.internal, 1);
    drop(process);
    let said = signer(&["health", "--url", &format!("http://{internal}/readyz")]).await;
    assert!(said.code == code && said.out.starts_with("not ready: http://"), "{said:?}");
}

#[tokio::test]
async fn every_tool_describes_itself() {
    for name in ["fsck", "import", "health", "token", "completions", "man"] {
        let help = signer(&[name, "--help"]).await;
        assert_eq!((help.code, help.err.as_str()), (0, ""));
        for part in ["Usage: signer ", "Examples:\n  ", "Exit codes:\n  0  "] {
            assert!(help.out.contains(part), "{part} is not in\n{}", help.out);
        }
        assert!(!help.out.contains("  gateway ") && !help.out.contains("(gateway "), "{}", help.out);
    }
    for arguments in [&["completions", "bash"][..], &["completions", "zsh"], &["completions", "fish"], &["man"]] {
        let said = signer(arguments).await;
        assert!(said.code == 0 && said.out.contains("fsck") && said.out.contains("token"), "{arguments:?}");
    }
    for name in ["fsck", "import", "health", "token"] {
        let page = signer(&["man", name]).await.out;
        assert!(page.contains(&format!(".TH signer-{name} 1")) && page.contains(".SH EXAMPLES"), "{page}");
    }
}

#[tokio::test]
async fn why_a_tool_could_not_be_done_is_said_to_people_whatever_becomes_of_the_log() {
    let urls = ["fsck", "--storage-url", "file:///proc/nowhere", "--database-url", "sqlite:///proc/nowhere/catalog.db"];
    for log in [&["--rust-log", "off"][..], &["--log-format", "json"]] {
        let said = signer(&[&urls, log].concat()).await;
        assert_eq!((said.code, said.out.as_str()), (69, ""));
        assert!(said.err.starts_with("signer: ") && said.err.lines().count() == 1, "{}", said.err);
    }
}
