//! `explain`: the gateway's own verdict, and in words what is behind it.

use crate::{Said, harness, tool, tool_reading, tool_with};
use harness::{LinkV1, LinkV2, SECRET, hmac_hex};
use serde_json::Value;

const NOW: &str = "1800000000";
const SECOND: &str = "the-second-key-of-the-list-0123456789-k2";

fn link() -> LinkV1 {
    LinkV1::new("file_1", "auth0|abc").expires(1_800_003_600)
}

fn link_v2() -> LinkV2 {
    LinkV2::new("file_1", "auth0|abc").with("expires", "1800003600").with("iat", "1800000000")
}

#[track_caller]
fn explain(url: &str) -> Said {
    let said = tool(&["explain", "--now", NOW, url]);
    said.assert_harmless();
    said
}

fn json(url: &str) -> Value {
    let said = tool(&["explain", "--now", NOW, "--json", url]);
    said.assert_harmless();
    serde_json::from_str(&said.out).expect("it is JSON")
}

#[test]
fn a_good_link_passes_every_check_and_its_string_is_shown() {
    let said = explain(&link().url());
    assert_eq!(said.code, 0);
    said.assert_says(&[
        "opens: ",
        "version     1\n",
        "file        file_1\n",
        "user        auth0|abc\n",
        "expires     1800003600 (Fri, 15 Jan 2027 09:00:00 GMT, in 1 h)",
        "ok signature: made with key `default`",
        ">>>\n  file_1:auth0|abc:1800003600\n  <<<",
    ]);
    let said = explain(&link_v2().with("filename", "a%20b.mp4").url());
    assert_eq!(said.code, 0);
    said.assert_says(&[
        "version     2\n",
        ">>>\n  t2m-files-v2\n  /files/secure/file_1\n  expires=1800003600\n  filename=a%20b.mp4\n  iat=1800000000\n",
        "  v=2\n  \n  <<<",
    ]);
}

#[test]
fn what_is_expired_is_told_with_the_time_and_with_the_checks_behind_it() {
    let said = explain(&link().expires(1_799_999_808).url());
    assert_eq!(said.code, 1);
    said.assert_says(&[
        "refused with 410 expired: This link has expired; ask for a fresh one.",
        "NO not expired: expires 3 min 12 s ago",
        "ok signature: made with key `default`",
    ]);
    let json = json(&link().expires(1_799_999_808).url());
    assert_eq!((&json["status"], &json["code"]), (&410.into(), &"expired".into()));
    assert_eq!((&json["opens"], &json["expired_seconds_ago"]), (&false.into(), &192.into()));
    assert_eq!(json["checks"][2]["ended"], "passed");
    assert_eq!(json["says"]["user_id"], "auth0|abc");
    assert_eq!(json["string_to_sign"], "file_1:auth0|abc:1799999808");
}

#[test]
fn the_mistake_that_explains_a_signature_is_named() {
    let right = "file_1:auth0|abc:1800003600";
    let signed = |text: &str| link().signed(&hmac_hex(SECRET, text));
    for (url, words) in [
        (link().signed(&hmac_hex(&format!("{SECRET}\n"), right)), "a line end behind it"),
        (link().signed(&hmac_hex(&format!("\"{SECRET}\""), right)), "quotation marks around it"),
        (signed("file_1:auth0|abc:1800003600000"), "in milliseconds"),
        (signed("auth0|abc:file_1:1800003600"), "in another order"),
        (signed("file_1:auth0%7Cabc:1800003600"), "as it is escaped in the URL"),
        (signed("/files/secure/file_1:auth0|abc:1800003600"), "signs the path in place of the file id"),
        (link().signed(&link().signature().to_uppercase()), "upper-case hexadecimal"),
        (link().signed(&format!("sha256={}", link().signature())), "in front of the signature's 64 digits"),
        (link_v2().key("gone", SECRET).url(), "`kid` names another key than the one that signed"),
    ] {
        let said = explain(&url);
        assert_eq!(said.code, 1, "{words}");
        said.assert_says(&["explained, by key `default`: ", words]);
    }
}

#[test]
fn another_key_of_the_ring_is_named_and_an_unknown_one() {
    let variables = [("FILE_SIGNING_SECRET", SECRET), ("FILE_SIGNING_KEYS", &format!("k2:{SECOND}") as &str)];
    let explain = |url: &str| tool_with(&variables, b"", &["explain", "--now", NOW, url]);
    explain(&link().secret(SECOND).url()).assert_says(&["opens", "made with key `k2`"]);
    explain(&link_v2().key("default", SECOND).url()).assert_says(&[
        "refused with 403 bad_signature",
        "NO signature: made with key `k2`, and `kid` names `default`",
    ]);
    explain(&link_v2().with("kid", "k9").url())
        .assert_says(&["refused with 403 unknown_key", "`kid` names `k9`, and the keys here are `default`, `k2`"]);
    explain(&link().secret("somebody else's secret, quite long too").url()).assert_says(&[
        "none of the keys here made it: `default`, `k2`",
        "no known mistake explains the signature: another secret made it, or the link was changed since",
    ]);
}

#[test]
fn what_happened_to_a_link_on_its_way_is_named() {
    let good = format!("https://files.example.com{}", link().url());
    let escaped: String = good
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { (b as char).into() } else { format!("%{b:02X}") })
        .collect();
    for (pasted, words) in [
        (good.replace('&', "&amp;"), "escaped for HTML"),
        (good.replace('&', "\\u0026"), "escaped for JSON"),
        (good.replace('&', "\\&").replace('?', "\\?"), "a shell's backslashes"),
        (good.replace("&sig", "&\n sig"), "broken into lines"),
        (format!("<{good}>."), "something around it"),
        (escaped, "escaped as a whole"),
        (good.replace("%7C", "%257C"), "escapes were escaped"),
        (good.replace('=', "=3D"), "from a mail's source"),
        (good.replace("secure/", "secure//"), "two slashes"),
        (good.replace('?', "/?"), "a slash stands behind the path"),
    ] {
        let said = explain(&pasted);
        assert_eq!(said.code, 1, "{pasted}");
        said.assert_says(&["explained: ", words]);
    }
    explain(good.split('&').next().expect("a first part")).assert_says(&["put the link in quotation marks"]);
    explain(&good.replace("/files/", "/media/files/")).assert_says(&["404 unknown_route", "a proxy has to cut it off"]);
}

#[test]
fn clocks_and_units_that_are_wrong_are_told_of() {
    explain(&link().expires(1_800_003_600_000).url()).assert_says(&["403 too_long", "looks like milliseconds"]);
    explain(&link_v2().with("iat", "1800000200").url()).assert_says(&[
        "403 not_yet_valid",
        "NO already valid: begins in 3 min 20 s; 60 s ahead are allowed",
        "the issuer's clock is 3 min 20 s ahead of this one",
    ]);
    explain(&format!("{}&iat=1800000000", link().url())).assert_says(&["opens", "parameters of version 2"]);
}

#[test]
fn without_a_secret_the_signature_alone_stays_open() {
    let explain = |url: &str| tool_with(&[], b"", &["explain", "--now", NOW, url]);
    let said = explain(&link().url());
    assert_eq!(said.code, 1);
    said.assert_says(&["not proven", "?  signature: there is no secret here", "file_1:auth0|abc:1800003600"]);
    explain(&link().expires(1).url()).assert_says(&["refused with 410 expired"]);
    explain(&link_v2().with("iat", "1800000200").url()).assert_says(&["refused with 403 not_yet_valid"]);
    explain(&link().expires(1_900_000_000).url()).assert_says(&["refused with 403 too_long"]);
    explain(&link().url().replace('&', "&amp;")).assert_says(&["400 malformed", "escaped for HTML"]);
}

/// The words of a refusal are made here, the refusal is not.
#[test]
fn the_verdict_is_that_of_a_gateway() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    let now = harness::now();
    let (link, v2) = (file.link(), file.link_v2());
    let mut urls = vec![
        link.url(),
        v2.url(),
        link.clone().expires(now - 5).url(),
        link.clone().expires(now + 99_999_999).url(),
        link.signed("x"),
        link.signed(&link.signature().to_uppercase()),
        v2.clone().with("kid", "gone").url(),
        v2.clone().with("iat", &(now + 600).to_string()).url(),
        v2.clone().with("filename", "a b").url(),
        v2.clone().with("speed", "2").url(),
        v2.clone().also("expires", "1").url(),
        v2.segment("name.mp4").url(),
        link.url().replace("/secure/", "/public/"),
        link.url() + "&utm=x",
        link.url() + "&signature=x",
    ];
    // Whatever is cut off a link, or doubled in it.
    let whole = link.url();
    urls.extend((1..whole.len()).step_by(7).map(|at| whole[..at].to_owned()));
    urls.extend((8..whole.len()).step_by(7).map(|at| format!("{}{}", &whole[..at], &whole[at - 1..])));
    for url in urls {
        let answer = gateway.get(&url).send();
        let said = tool(&["explain", "--json", &url]);
        let json: Value = serde_json::from_str(&said.assert_harmless().out).expect("it is JSON");
        let code = match answer.status() {
            200 => "granted".to_owned(),
            // What the parser refuses is bare.
            400 if answer.body().is_empty() => "bad_request".to_owned(),
            _ => answer.code(),
        };
        assert_eq!(
            (json["status"].as_u64(), json["code"].as_str()),
            (Some(answer.status().into()), Some(code.as_str())),
            "{url}"
        );
        assert_eq!(said.code, i32::from(answer.status() != 200));
    }
}

#[test]
fn a_link_from_standard_input_is_the_same_link() {
    let url = link().url();
    let given = tool(&["explain", "--now", NOW, &url]);
    for input in [url.clone(), format!("{url}\n"), format!("  {url}\r\n")] {
        assert_eq!(tool_reading(input.as_bytes(), &["explain", "--now", NOW, "-"]).out, given.out);
    }
}
