//! CORS: the URL is the credential, so any page may use it, unless a setting names the pages that may.

use crate::{
    gateway_and_file,
    harness::{self, Answer, EXPOSED, File, Gateway, Request},
};

const HERE: &str = "https://app.example.com";
const THERE: &str = "https://evil.example.net";

/// A request for each kind of answer, with the status it gives.
fn of_every_kind(gateway: &Gateway, file: &File) -> Vec<(u16, Request)> {
    let url = file.url();
    vec![
        (200, gateway.get(&url)),
        (200, gateway.head(&url)),
        (206, gateway.get(&url).range("bytes=0-1")),
        (206, gateway.get(&url).range("bytes=0-1,3-4")),
        (304, gateway.get(&url).header("If-None-Match", "*")),
        (412, gateway.get(&url).header("If-Match", "\"x\"")),
        (416, gateway.get(&url).range("bytes=5000-")),
        (400, gateway.get(&format!("{url}&expires=1"))),
        (410, gateway.get(&file.link().expires(1).url())),
        (403, gateway.get(&file.link().signed("x"))),
        (404, gateway.get(&file.link().user("user_nobody").url())),
        (404, gateway.get("/nowhere")),
        (405, gateway.request("POST", &url)),
        (405, gateway.request("DELETE", &url)),
        (204, preflight(gateway, &url)),
    ]
}

fn preflight(gateway: &Gateway, url: &str) -> Request {
    let request = gateway.request("OPTIONS", url).header("Access-Control-Request-Method", "GET");
    request.header("Access-Control-Request-Headers", "range, if-range")
}

#[track_caller]
fn assert_open_to_all(answer: &Answer, what: u16) {
    assert_eq!(answer.sure_header("access-control-allow-origin"), "*", "{what}");
    assert_eq!(answer.sure_header("access-control-expose-headers"), EXPOSED, "{what}");
    assert_eq!(answer.header("vary"), None, "{what}");
    assert_eq!(answer.header("access-control-allow-credentials"), None, "{what}");
}

#[test]
fn every_answer_is_open_to_all_pages() {
    let (gateway, file) = gateway_and_file();
    for (status, request) in of_every_kind(&gateway, &file) {
        for request in [request.clone(), request.clone().header("Origin", THERE), request.header("Origin", "null")] {
            let answer = request.send();
            assert_eq!(answer.status(), status, "{answer:?}");
            assert_open_to_all(&answer, status);
        }
    }
}

#[test]
fn a_preflight_allows_what_players_send() {
    let (gateway, file) = gateway_and_file();
    for url in [file.url(), file.link_v2().url(), format!("/files/secure/{}", file.id), file.link().expires(1).url()] {
        let answer = preflight(&gateway, &url).header("Origin", HERE).send();
        assert_eq!((answer.status(), answer.body()), (204, &b""[..]));
        assert_open_to_all(&answer, 204);
        assert_eq!(answer.sure_header("access-control-allow-methods"), "GET, HEAD, OPTIONS");
        assert_eq!(
            answer.sure_header("access-control-allow-headers"),
            "Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since"
        );
        assert_eq!(answer.sure_header("access-control-max-age"), "86400");
        assert_eq!(answer.header("content-length"), None, "RFC 9110 section 8.6");
    }
    let plain = gateway.request("OPTIONS", &file.url()).send();
    assert_eq!(plain.status(), 204);
}

#[test]
fn a_list_of_origins_narrows_it_and_every_answer_varies() {
    let list = format!("{HERE},https://other.example.com:8443");
    let gateway = harness::setup().set("GATEWAY_ALLOWED_ORIGINS", &list).start();
    let file = gateway.store("clip.mp4", &harness::bytes(1000));
    for (status, request) in of_every_kind(&gateway, &file) {
        for (origin, allowed) in [
            (Some(HERE), Some(HERE)),
            (Some("https://other.example.com:8443"), Some("https://other.example.com:8443")),
            (Some(THERE), None),
            (Some("https://other.example.com"), None),
            (Some("http://app.example.com"), None),
            (Some("https://app.example.com.evil.net"), None),
            (Some("null"), None),
            (None, None),
        ] {
            let answer = match origin {
                Some(origin) => request.clone().header("Origin", origin).send(),
                None => request.clone().send(),
            };
            assert_eq!(answer.status(), status, "CORS is the browser's to enforce");
            assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin:?} {status}");
            let vary = answer.sure_header("vary");
            assert!(
                vary.split(',').any(|name| name.trim().eq_ignore_ascii_case("origin")),
                "{origin:?} {status}: {vary}"
            );
            assert_eq!(answer.header("access-control-allow-credentials"), None);
        }
    }
    gateway.assert_unharmed();
}
