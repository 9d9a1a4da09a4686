//! The order of the checks, expiry to the second, signatures that are nearly right, links that live too long (C3, C4, C5, C7).

use crate::{
    await_verdict,
    harness::{self, PATIENCE, eventually, now, within_one_second},
    verdict,
};

const FOREIGN_SECRET: &str = "a-secret-that-is-on-no-ring-0123456789";

#[test]
fn the_first_check_that_fails_answers() {
    let gateway = harness::setup().set("GATEWAY_MAX_URL_SECONDS", "7200").start();
    let file = gateway.store("clip.mp4", b"bytes");
    gateway.catalog().block("user_blocked");
    let link = || file.link();
    let (past, far) = (now() - 10, now() + 100_000);

    for (what, url, code) in [
        ("unreadable and expired", link().expires(past).url().replace("user_id=", "user_id=%3A"), "malformed"),
        ("unreadable and unsigned", link().user("a:b").secret(FOREIGN_SECRET).url(), "malformed"),
        ("expired and unsigned", link().expires(past).secret(FOREIGN_SECRET).url(), "expired"),
        ("expired and blocked", link().expires(past).user("user_blocked").url(), "expired"),
        ("unsigned and too long", link().expires(far).secret(FOREIGN_SECRET).url(), "bad_signature"),
        ("unsigned and blocked", link().user("user_blocked").secret(FOREIGN_SECRET).url(), "bad_signature"),
        ("too long and blocked", link().expires(far).user("user_blocked").url(), "too_long"),
        ("too long and not there", link().expires(far).user("user_nobody").url(), "too_long"),
        ("blocked and not there", link().user("user_blocked").url(), "revoked"),
        ("not there", link().user("user_nobody").url(), "not_found"),
        ("nothing wrong", link().url(), "granted"),
    ] {
        assert_eq!(verdict(&gateway, &url), code, "{what}: {url}");
    }
}

#[test]
fn each_refusal_has_its_exact_words() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    gateway.catalog().block("user_blocked");
    let link = || file.link();
    for (url, status, error, code) in [
        (link().url().replace("expires=", "expires=x"), 400, "Invalid signed URL", "malformed"),
        (link().expires(now() - 1).url(), 410, "Signed URL expired", "expired"),
        (link().secret(FOREIGN_SECRET).url(), 403, "Invalid signature", "bad_signature"),
        (link().expires(now() * 1000).url(), 403, "Invalid signed URL", "too_long"),
        (link().user("user_blocked").url(), 403, "Signed URL revoked", "revoked"),
        (link().user("user_nobody").url(), 404, "File not found", "not_found"),
    ] {
        gateway.get(&url).send().assert_error(status, error, code);
        let head = gateway.head(&url).send();
        assert_eq!((head.status(), head.body()), (status, &b""[..]), "HEAD {url}");
        head.assert_error_headers();
    }
}

#[test]
fn no_error_tells_the_signature_that_would_have_been_right() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    let link = file.link();
    for wrong in ["0".repeat(64), "x".into()] {
        let answer = gateway.get(&link.signed(&wrong)).send();
        answer.assert_error(403, "Invalid signature", "bad_signature");
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(!text.contains(&link.signature()) && !answer.head().contains(&link.signature()));
    }
}

#[test]
fn a_url_is_good_through_its_last_second_and_not_a_second_longer() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    let at = |offset: i64| {
        within_one_second(|second| verdict(&gateway, &file.link().expires(second.saturating_add_signed(offset)).url()))
    };
    assert_eq!(at(1), "granted");
    assert_eq!(at(0), "granted");
    assert_eq!(at(-1), "expired");

    let (url, first) = within_one_second(|second| {
        let url = file.link().expires(second + 1).url();
        let first = verdict(&gateway, &url);
        (url, first)
    });
    assert_eq!(first, "granted");
    eventually("a URL that was good expires", PATIENCE, || (verdict(&gateway, &url) == "expired").then_some(()));
}

#[test]
fn an_expired_url_says_how_late_it_is_and_what_the_time_is() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    for late in [1, 7, 86_400] {
        let (second, answer) =
            within_one_second(|second| (second, gateway.get(&file.link().expires(second - late).url()).send()));
        answer.assert_error(410, "Signed URL expired", "expired");
        assert_eq!(answer.json()["expired_seconds_ago"], late);
        assert_eq!(answer.json()["server_time"], second);
    }
    let long_ago = gateway.get(&file.link().expires(0).url()).send();
    assert_eq!(long_ago.json()["expired_seconds_ago"], long_ago.json()["server_time"]);
}

#[test]
fn only_the_one_signature_fits() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    let link = file.link();
    let signature = link.signature();
    let last = if signature.ends_with('0') { "1" } else { "0" };
    for (what, other) in [
        ("63 digits", signature[1..].to_owned()),
        ("65 digits", format!("{signature}0")),
        ("twice", format!("{signature}{signature}")),
        ("another last digit", format!("{}{last}", &signature[..63])),
        ("upper case", signature.to_uppercase()),
        ("base64", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU".to_owned()),
        ("a prefix", signature[..8].to_owned()),
        ("a version in front", format!("v1,{signature}")),
        ("a NUL behind", format!("{signature}%00")),
        ("a space behind", format!("{signature}%20")),
        ("a line break behind", format!("{signature}%0A")),
        ("0x in front", format!("0x{signature}")),
        ("not text", "%ff".repeat(64)),
        ("4 KiB", "a".repeat(4096)),
        ("another user's", link.clone().user("user_other").signature()),
        ("another second's", link.clone().expires(now() + 7200).signature()),
        ("another key's", link.clone().secret(FOREIGN_SECRET).signature()),
        ("another file's", gateway.store("other.mp4", b"other").link().signature()),
        ("version 2's", file.link_v2().url().split_once("signature=").expect("a signature").1.to_owned()),
    ] {
        let answer = gateway.get(&link.signed(&other)).send();
        assert_eq!(answer.status(), 403, "{what}");
        answer.assert_error(403, "Invalid signature", "bad_signature");
    }
    assert_eq!(verdict(&gateway, &link.signed(&signature)), "granted");
}

#[test]
fn a_bad_signature_is_403_even_for_a_file_that_never_was() {
    let gateway = harness::start();
    let url = harness::LinkV1::new("never_was", "user_nobody");
    gateway.get(&url.signed(&"0".repeat(64))).send().assert_error(403, "Invalid signature", "bad_signature");
    gateway.get(&url.url()).send().assert_error(404, "File not found", "not_found");
}

#[test]
fn a_leaked_key_does_not_buy_eternity() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    let until = |second| verdict(&gateway, &file.link().expires(second).url());
    assert_eq!(until(now() + 2_678_400), "granted");
    assert_eq!(until(now() + 2_678_400 + 60), "too_long");
    assert_eq!(until(now() * 1000), "too_long", "milliseconds by mistake");
    assert_eq!(until(999_999_999_999_999), "too_long");
    let far = (now() + 2_678_400 + 60).to_string();
    assert_eq!(verdict(&gateway, &file.link_v2().with("expires", &far).url()), "too_long");
}

#[test]
fn how_far_away_an_expiry_may_be_is_a_setting() {
    let minute = harness::setup().set("GATEWAY_MAX_URL_SECONDS", "60").start_without_canary();
    let file = minute.store("clip.mp4", b"bytes");
    assert_eq!(within_one_second(|second| verdict(&minute, &file.link().expires(second + 60).url())), "granted");
    assert_eq!(within_one_second(|second| verdict(&minute, &file.link().expires(second + 61).url())), "too_long");

    let unbounded = harness::setup().set("GATEWAY_MAX_URL_SECONDS", "0").start();
    let file = unbounded.store("clip.mp4", b"bytes");
    assert_eq!(verdict(&unbounded, &file.link().expires(999_999_999_999_999).url()), "granted");
}

#[test]
fn no_flipped_bit_opens_a_file() {
    let gateway = harness::start();
    let file = gateway.file("clip.mp4").owner("someone@example.com").store(b"bytes");
    for (version, url) in [(1, file.url()), (2, file.link_v2().with("filename", "a%20b.mp4").segment("x.mp4").url())] {
        assert_eq!(verdict(&gateway, &url), "granted");
        for at in 0..url.len() {
            for bit in 0..8 {
                let mut bytes = url.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let is_escape = (1..=2).any(|back| at >= back && url.as_bytes()[at - back] == b'%');
                if version == 1 && is_escape && bytes[at].eq_ignore_ascii_case(&url.as_bytes()[at]) {
                    continue; // the case of a hexadecimal digit is the same byte in version 1
                }
                let request =
                    [b"GET ", bytes.as_slice(), b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"].concat();
                let answer = gateway.raw(&request).only_answer();
                let status = answer.status();
                assert!(matches!(status, 400 | 403 | 404 | 410), "bit {bit} at {at}: {status} for {answer:?}");
            }
        }
    }
    gateway.assert_unharmed();
}

#[test]
fn the_same_url_is_granted_again_after_it_was_refused_for_a_while() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    let url = file.url();
    assert_eq!(verdict(&gateway, &url), "granted");
    gateway.catalog().block(&file.user);
    await_verdict(&gateway, &url, "revoked");
    gateway.catalog().unblock(&file.user);
    await_verdict(&gateway, &url, "granted");
}
