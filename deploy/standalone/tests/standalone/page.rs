//! The page at `/`.

use crate::{http::Request, process::Standalone};
use tempfile::tempdir;

#[test]
fn the_page_comes_with_a_policy_that_allows_only_itself_and_the_gateway() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[]);
    let page = Request::new(standalone.api, "GET", "/").send();
    assert_eq!((page.status, page.header("Content-Type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("Content-Security-Policy").unwrap();
    let files = format!("http://localhost:{}", standalone.files.port());
    for part in ["default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(
        policy.contains(&format!("connect-src 'self' {files};")) && policy.contains(&format!("media-src {files};"))
    );
    assert_eq!(page.header("Referrer-Policy"), Some("no-referrer"));
    let text = String::from_utf8(page.body).unwrap();
    assert!(!text.contains(standalone.token()), "the token comes from the address only");
    let (library, own) = text.split_once("<script>").and_then(|(_, rest)| rest.split_once("</script>")).unwrap();
    assert!(library.contains("Tus-Resumable"), "nothing is fetched from elsewhere");
    let handlers = own.split('<').filter(|tag| tag.split('>').next().unwrap_or_default().contains(" on"));
    assert_eq!(handlers.count(), 0, "no inline handler");
}

#[test]
fn another_method_is_refused_like_everywhere_else() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[]);
    let answer = Request::new(standalone.api, "POST", "/").body("text/plain", &vec![b'x'; 12 << 20]).send();
    assert_eq!(answer.refused(), (405, "Method not allowed".into(), "method_not_allowed".into()));
    assert_eq!((answer.header("Allow"), answer.took_all), (Some("GET,HEAD"), true));
    assert_eq!(Request::new(standalone.api, "HEAD", "/").send().status, 200);
}

#[test]
fn the_page_is_for_this_machine_only() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[]);
    assert_eq!(Request::new(standalone.api, "GET", "/").host("example.com").send().status, 403);
}

#[test]
fn with_users_of_ones_own_there_is_no_page_and_no_token() {
    let home = tempdir().unwrap();
    let standalone = Standalone::start(&home, &[("CLERK_JWT_KEY", &public_key())]);
    assert!(!standalone.banner.contains("access") && !standalone.banner.contains("curl"));
    let root = Request::new(standalone.api, "GET", "/").send();
    assert_eq!(root.refused().0, 404);
    let host =
        standalone.anonymous("GET", "/system/health").host("files.example.com").header("X-Forwarded-For", "192.0.2.1");
    assert_eq!(host.send().status, 200);
    assert!(!home.path().join("data/development-key.pem").exists());
}

/// Of some users of one's own.
pub(crate) fn public_key() -> String {
    rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap().public_key_pem()
}
