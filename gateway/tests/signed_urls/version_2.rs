//! Version 2: the path and every parameter signed.

use crate::{
    assert_malformed,
    harness::{self, File, Gateway, KEY_ID, LinkV2, SECRET, now, within_one_second},
    verdict,
};

fn gateway_and_file() -> (Gateway, File) {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    (gateway, file)
}

fn full(file: &File) -> LinkV2 {
    let link = file.link_v2().with("nbf", &now().to_string()).with("disposition", "inline");
    link.with("filename", "%C3%A9t%C3%A9%20%26%20co.mp4").segment("a%20b.mp4")
}

#[test]
fn a_url_with_every_parameter_in_any_order_is_good() {
    let (gateway, file) = gateway_and_file();
    let url = full(&file).url();
    assert_eq!(verdict(&gateway, &url), "granted");
    let (path, query) = url.split_once('?').expect("a query");
    let mut pairs: Vec<_> = query.split('&').collect();
    pairs.reverse();
    assert_eq!(verdict(&gateway, &format!("{path}?{}", pairs.join("&"))), "granted");
    pairs.rotate_left(3);
    assert_eq!(verdict(&gateway, &format!("{path}?{}", pairs.join("&"))), "granted");
}

#[test]
fn every_required_parameter_is_required_and_none_may_be_empty_or_given_twice() {
    let (gateway, file) = gateway_and_file();
    for name in ["user_id", "expires", "iat"] {
        let without = full(&file).without(name).url();
        assert_malformed(&gateway.get(&without).send(), &format!("without {name}"));
    }
    for name in ["user_id", "expires", "iat", "kid", "nbf", "disposition", "filename"] {
        let empty = full(&file).with(name, "").url();
        assert_malformed(&gateway.get(&empty).send(), &format!("empty {name}"));
    }
    for name in ["v", "kid", "user_id", "expires", "iat", "nbf", "disposition", "filename"] {
        let twice = full(&file).also(name, "1").url();
        assert_malformed(&gateway.get(&twice).send(), &format!("{name} twice"));
    }
    let unsigned = full(&file).url().split_once("&signature=").expect("a signature").0.to_owned();
    for bad in [unsigned.clone(), format!("{unsigned}&signature="), format!("{unsigned}&signature=a&signature=b")] {
        assert_malformed(&gateway.get(&bad).send(), &bad);
    }
}

#[test]
fn a_parameter_that_is_not_known_is_refused_though_signed() {
    let (gateway, file) = gateway_and_file();
    for name in ["ip", "utm_source", "Filename", "x", ""] {
        let url = file.link_v2().with(name, "1").url();
        assert_malformed(&gateway.get(&url).send(), &format!("{name:?} signed along"));
        let url = format!("{}&{name}=1", file.link_v2().url());
        assert_malformed(&gateway.get(&url).send(), &format!("{name:?} appended"));
    }
    assert_malformed(&gateway.get(&format!("{}&", file.link_v2().url())).send(), "an empty pair");
}

#[test]
fn what_a_browser_would_rewrite_is_refused_though_signed() {
    let (gateway, file) = gateway_and_file();
    for (name, value) in [
        ("user_id", "someone@example.com"),
        ("filename", "a+b.mp4"),
        ("filename", "%c3%a9.mp4"),
        ("filename", "a(b).mp4"),
        ("filename", "a'b.mp4"),
        ("filename", "a*b.mp4"),
        ("filename", "a/b.mp4"),
        ("filename", "a%2.mp4"),
        ("filename", "a=b.mp4"),
        ("filename", "%FF.mp4"),
        ("disposition", "popup"),
        ("disposition", "Inline"),
        ("expires", "%2B12"),
        ("expires", "1e9"),
        ("iat", "-1"),
        ("iat", "1234567890123456"),
        ("nbf", "1.5"),
    ] {
        let url = file.link_v2().with(name, value).url();
        assert_malformed(&gateway.get(&url).send(), &format!("{name}={value}"));
    }
    for segment in ["", ".", "..", "%2E%2E", "a/b", "a%2fb", "a+b", "a@b"] {
        let url = file.link_v2().segment(segment).url();
        assert_malformed(&gateway.get(&url).send(), &format!("/{segment}"));
    }
    let escaped = file.link_v2().url().replace("kid=", "%6Bid=");
    assert_malformed(&gateway.get(&escaped).send(), "an escaped name");
}

#[test]
fn the_checks_have_their_order() {
    let gateway = harness::setup().set("GATEWAY_MAX_URL_SECONDS", "7200").start();
    let file = gateway.store("clip.mp4", b"bytes");
    gateway.catalog().block("user_blocked");
    let link = || file.link_v2();
    let (past, soon, far) = ((now() - 10).to_string(), (now() + 3000).to_string(), (now() + 100_000).to_string());
    for (what, url, code) in [
        ("unknown parameter and expired", link().with("expires", &past).with("x", "1").url(), "malformed"),
        ("expired and of no key", link().with("expires", &past).with("kid", "gone").url(), "expired"),
        ("of no key, and unsigned", link().with("kid", "gone").signed("0"), "unknown_key"),
        ("unsigned and early", link().with("iat", &soon).signed("0"), "bad_signature"),
        ("early and too long", link().with("iat", &soon).with("expires", &far).url(), "not_yet_valid"),
        ("too long and blocked", link().with("expires", &far).with("user_id", "user_blocked").url(), "too_long"),
        ("blocked and not there", link().with("user_id", "user_blocked").url(), "revoked"),
        ("not there", link().with("user_id", "user_nobody").url(), "not_found"),
    ] {
        assert_eq!(verdict(&gateway, &url), code, "{what}: {url}");
    }
}

#[test]
fn each_refusal_of_its_own_has_its_exact_words() {
    let (gateway, file) = gateway_and_file();
    let early = file.link_v2().with("nbf", &(now() + 600).to_string()).url();
    gateway.get(&early).send().assert_error(403, "Invalid signed URL", "not_yet_valid");
    let gateway_answer = gateway.get(&file.link_v2().with("kid", "gone").url()).send();
    assert_eq!(gateway_answer.status(), 403);
    gateway_answer.assert_error_code(403, "unknown_key");
}

#[test]
fn a_url_is_good_a_minute_early_and_no_earlier() {
    let (gateway, file) = gateway_and_file();
    for name in ["iat", "nbf"] {
        let ahead = |seconds: u64| {
            within_one_second(|second| {
                verdict(&gateway, &file.link_v2().with(name, &(second + seconds).to_string()).url())
            })
        };
        assert_eq!(ahead(60), "granted", "{name}");
        assert_eq!(ahead(61), "not_yet_valid", "{name}");
    }
}

#[test]
fn any_other_signature_is_simply_unequal() {
    let (gateway, file) = gateway_and_file();
    let link = full(&file);
    let url = link.url();
    let signature = url.split_once("signature=").expect("a signature").1.to_owned();
    for other in [
        signature[1..].to_owned(),
        format!("{signature}0"),
        signature.to_uppercase(),
        file.link().signature(),
        link.clone()
            .with("disposition", "attachment")
            .url()
            .split_once("signature=")
            .expect("a signature")
            .1
            .to_owned(),
        link.clone().without("nbf").url().split_once("signature=").expect("a signature").1.to_owned(),
    ] {
        gateway.get(&link.signed(&other)).send().assert_error(403, "Invalid signature", "bad_signature");
    }
    for changed in [url.replace("disposition=inline", "disposition=attachment"), url.replace("a%20b.mp4?", "b.mp4?")] {
        gateway.get(&changed).send().assert_error(403, "Invalid signature", "bad_signature");
    }
}

#[test]
fn the_segment_behind_the_id_is_signed() {
    let (gateway, file) = gateway_and_file();
    for segment in ["clip.mp4", "a%20b.mp4", "%C3%A9.mp4", "..a", "~"] {
        assert_eq!(verdict(&gateway, &file.link_v2().segment(segment).url()), "granted", "{segment}");
    }
    let without = file.link_v2().segment("clip.mp4").url().replace("/clip.mp4", "");
    assert_eq!(verdict(&gateway, &without), "bad_signature");
    let with = file.link_v2().url().replace('?', "/clip.mp4?");
    assert_eq!(verdict(&gateway, &with), "bad_signature");
}

#[test]
fn stripped_of_its_marks_it_is_judged_as_version_1_and_refused() {
    let (gateway, file) = gateway_and_file();
    let url = file.link_v2().url();
    for stripped in [
        url.replace("v=2&", ""),
        url.replace("v=2", "v=3"),
        url.replace("v=2", "v=02"),
        url.replace("kid=default&", ""),
        url.replace("kid=", "key="),
    ] {
        assert_eq!(verdict(&gateway, &stripped), "bad_signature", "{stripped}");
    }
}

#[test]
fn a_version_1_url_made_into_version_2_is_refused() {
    let (gateway, file) = gateway_and_file();
    let marked = format!("{}&v=2&kid=default", file.url());
    assert_malformed(&gateway.get(&marked).send(), "no `iat`");
    let marked = format!("{}&v=2&kid=default&iat={}", file.url(), now());
    assert_eq!(verdict(&gateway, &marked), "bad_signature");
}

#[test]
fn a_kid_names_the_one_key_that_may_have_signed() {
    let other = "another-secret-that-is-on-the-ring-too-7";
    let gateway = harness::setup().set("FILE_SIGNING_KEYS", &format!("k2:{other}")).start();
    let file = gateway.store("clip.mp4", b"bytes");
    assert_eq!(verdict(&gateway, &file.link_v2().key("k2", other).url()), "granted");
    assert_eq!(verdict(&gateway, &file.link_v2().key(KEY_ID, SECRET).url()), "granted");
    assert_eq!(verdict(&gateway, &file.link_v2().key("k2", SECRET).url()), "bad_signature");
    assert_eq!(verdict(&gateway, &file.link_v2().key(KEY_ID, other).url()), "bad_signature");
    assert_eq!(verdict(&gateway, &file.link_v2().key("k3", other).url()), "unknown_key");
    assert_eq!(verdict(&gateway, &file.link_v2().key("K2", other).url()), "unknown_key");
}
