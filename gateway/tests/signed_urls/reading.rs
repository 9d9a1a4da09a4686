//! What cannot be read is 400 `malformed`, before anything else is looked at (C1, C2, C6, C8, C9, C10, C12).

use crate::{
    assert_malformed, await_verdict,
    harness::{self, File, Gateway, LinkV1, SECRET, hmac_hex, now, percent},
    verdict,
};

fn gateway_and_file() -> (Gateway, File) {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"some bytes of a film");
    (gateway, file)
}

/// A URL whose signature is right for texts that need not be ids or numbers.
fn signed(file: &str, user: &str, expires: &str) -> String {
    let signature = hmac_hex(SECRET, &format!("{file}:{user}:{expires}"));
    format!("/files/secure/{}?user_id={}&expires={expires}&signature={signature}", percent(file), percent(user))
}

#[test]
fn a_signed_url_opens_its_file_under_every_mount_prefix() {
    let (gateway, file) = gateway_and_file();
    for mount in ["", "/api", "/api/v1"] {
        gateway.get(&file.link().below(mount).url()).send().assert_whole(&file.bytes);
        gateway.get(&file.link_v2().below(mount).url()).send().assert_whole(&file.bytes);
    }
    for other in ["/api/v2", "/v1", "/api/v1/api", "/API", "/api/v1/", "/."] {
        gateway.get(&file.link().below(other).url()).send().assert_error_shape(404);
    }
}

#[test]
fn each_parameter_is_given_exactly_once_and_is_not_empty() {
    let (gateway, file) = gateway_and_file();
    let url = file.url();
    for name in ["user_id", "expires", "signature"] {
        let (before, rest) = url.split_once(&format!("{name}=")).expect("the parameter");
        let value = rest.split('&').next().expect("a value");
        let after = &rest[value.len()..];
        let escaped = format!("%{:02x}{}", name.as_bytes()[0], &name[1..]);
        for bad in [
            format!("{before}x=1{after}"),
            format!("{before}{name}={after}"),
            format!("{before}{name}{after}"),
            format!("{url}&{name}={value}"),
            format!("{url}&{name}=other"),
            format!("{url}&{name}="),
            format!("{url}&{name}"),
            format!("{url}&{escaped}={value}"),
            url.replace(&format!("{name}="), &format!("{name}[]=")),
            url.replace(&format!("{name}="), &format!("{}=", name.to_uppercase())),
        ] {
            assert_malformed(&gateway.get(&bad).send(), &bad);
        }
    }
    for bad in [url.replace('&', ";"), url.replace('&', "&amp;"), url.split_once('?').expect("a query").0.to_owned()] {
        assert_malformed(&gateway.get(&bad).send(), &bad);
    }
}

#[test]
fn a_url_without_any_signature_is_refused_alike_for_get_and_head() {
    let (gateway, file) = gateway_and_file();
    let bare = format!("/files/secure/{}", file.id);
    assert_malformed(&gateway.get(&bare).send(), &bare);
    let head = gateway.head(&bare).send();
    assert_eq!((head.status(), head.body()), (400, &b""[..]));
    head.assert_error_headers();
}

#[test]
fn names_are_decoded_before_they_are_compared_and_values_before_they_are_signed() {
    let (gateway, file) = gateway_and_file();
    let url = file.url();
    for (what, spelled) in [
        ("a name", url.replace("user_id", "%75ser_id")),
        ("a name in lower-case hex", url.replace("expires", "e%78pires").replace("signature", "%73ignature")),
        ("a digit", url.replace("expires=1", "expires=%31")),
        ("a letter of the user", url.replace("user_id=u", "user_id=%75")),
        ("a letter of the file", url.replace("/file_", "/%66ile_")),
        ("the first digit of the signature", {
            let digit = url.split_once("signature=").expect("a signature").1.as_bytes()[0];
            url.replace(&format!("signature={}", digit as char), &format!("signature=%{digit:02x}"))
        }),
    ] {
        assert_eq!(verdict(&gateway, &spelled), "granted", "{what}: {spelled}");
    }
}

#[test]
fn an_expiry_is_1_to_15_ascii_digits() {
    let (gateway, file) = gateway_and_file();
    let digits = (now() + 60).to_string();
    for bad in [
        "12abc",
        "%2012",
        "12%20",
        "+12",
        "%2B12",
        "-1",
        "1e9",
        "0x10",
        "1_0",
        "1.0",
        "%EF%BC%91%EF%BC%92",
        "%D9%A1%D9%A2",
        "%C2%B2",
        "9223372036854775808",
        "18446744073709551616",
        "1234567890123456",
        &format!("0{digits}000000"),
        &"9".repeat(400),
        "%00",
        "NaN",
        "null",
        "true",
    ] {
        let url = signed(&file.id, &file.user, bad);
        assert_malformed(&gateway.get(&url).send(), bad);
    }
    for expired in ["0", "012", "000000000000001"] {
        assert_eq!(verdict(&gateway, &signed(&file.id, &file.user, expired)), "expired", "{expired}");
    }
    let padded = format!("00000{digits}");
    assert_eq!((padded.len(), verdict(&gateway, &signed(&file.id, &file.user, &padded)).as_str()), (15, "granted"));
}

#[test]
fn a_raw_expiry_outside_ascii_is_refused() {
    let (gateway, file) = gateway_and_file();
    for digits in ["１２", "١٢"] {
        let url = file.link().url().replace("expires=1", &format!("expires={digits}"));
        let request = format!("GET {url} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let raw = gateway.raw(request.as_bytes());
        assert_eq!(raw.only_answer().status(), 400, "{digits}");
    }
}

#[test]
fn an_id_outside_its_alphabet_never_reaches_the_signature() {
    let (gateway, file) = gateway_and_file();
    let expires = (now() + 60).to_string();
    let long = "u".repeat(129);
    let longest = "u".repeat(4096);
    for user in [
        "a+b",
        "a b",
        "a%b",
        "é",
        "e\u{301}",
        "\u{1f600}",
        "b:c",
        "u:9999999999",
        ".",
        "..",
        "a/b",
        "a\0",
        "a\r\nb",
        &long,
        &longest,
    ] {
        let url = signed(&file.id, user, &expires);
        assert_malformed(&gateway.get(&url).send(), user);
    }
    for id in ["a:b", "a b", "a.b", "é", "~tilde", "x#1", "a/b", "a\\b", "a;b", "upload", "tus", &"f".repeat(300)] {
        let url = signed(id, &file.user, &expires);
        assert_malformed(&gateway.get(&url).send(), id);
    }
}

#[test]
fn a_delimiter_does_not_move_between_file_and_user() {
    let gateway = harness::start();
    let expires = (now() + 60).to_string();
    let (left, right) = (signed("a", "b:c", &expires), signed("a:b", "c", &expires));
    let signature = |url: &str| url.split_once("signature=").expect("a signature").1.to_owned();
    assert_eq!(signature(&left), signature(&right), "one string to sign, if ids could hold a colon");
    assert_malformed(&gateway.get(&left).send(), &left);
    assert_malformed(&gateway.get(&right).send(), &right);
}

#[test]
fn a_path_that_does_not_end_in_a_file_id_is_malformed_before_storage_is_touched() {
    let (gateway, file) = gateway_and_file();
    for bad in [
        "..",
        ".",
        "%2e%2e",
        "%252e",
        "..%2f",
        "..%5c",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%5c",
        "%00",
        "",
        "a//",
        "a;b",
        "%c0%ae%c0%ae",
        "%ff",
        "%",
        "%zz",
        "FILE/",
        "FILE/.",
        "FILE/..",
        "FILE%00",
        "FILE%2F",
        "FILE/clip.mp4",
        "../secure/FILE",
        "./FILE",
        "/FILE",
        "x%231",
    ] {
        let url = file.url().replace(&format!("/{}?", file.id), &format!("/{}?", bad.replace("FILE", &file.id)));
        assert_malformed(&gateway.get(&url).send(), bad);
    }
    gateway.assert_unharmed();
}

#[test]
fn raw_bytes_that_no_path_may_hold_are_refused() {
    let (gateway, file) = gateway_and_file();
    let query = file.url().split_once('?').expect("a query").1.to_owned();
    for bad in ["..\\", "a\\b", "\u{e9}", "\u{7f}", "a\tb"] {
        let request = format!("GET /files/secure/{bad}?{query} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let raw = gateway.raw(request.as_bytes());
        assert_eq!(raw.only_answer().status(), 400, "{bad:?}");
    }
    gateway.assert_unharmed();
}

#[test]
fn a_path_that_is_not_the_route_is_not_made_into_it() {
    let (gateway, file) = gateway_and_file();
    let (path, query) =
        file.url().split_once('?').map(|(path, query)| (path.to_owned(), query.to_owned())).expect("both");
    for other in [
        path.replace("/files/secure/", "//files/secure/"),
        path.replace("/files/secure/", "/files//secure/"),
        path.replace("/files/secure/", "/files/%73ecure/"),
        path.replace("/files/secure/", "/files/Secure/"),
        path.replace("/files/secure/", "/files/./secure/"),
        path.replace("/files/secure/", "/x/../files/secure/"),
        path.replace("/files/secure/", "/files/"),
        "/files/secure".to_owned(),
    ] {
        gateway.get(&format!("{other}?{query}")).send().assert_error_shape(404);
    }
}

#[test]
fn parameters_that_version_1_does_not_know_have_no_effect() {
    let (gateway, file) = gateway_and_file();
    let plain = gateway.get(&file.url()).send();
    for more in [
        "&utm_source=mail",
        "&response-content-type=text/html",
        "&response-content-disposition=inline",
        "&download=x%0d%0aX-Evil:%20yes",
        "&disposition=inline&filename=evil.html",
        "&v=2",
        "&kid=default",
        "&v=1&kid=default",
        "&iat=1&nbf=99999999999",
        "&&",
        "&=",
        "&=x",
        "&a",
        "&%",
        "&%ff=%ff",
    ] {
        let answer = gateway.get(&format!("{}{more}", file.url())).send();
        answer.assert_whole(&file.bytes);
        for name in ["content-type", "content-disposition"] {
            assert_eq!(answer.sure_header(name), plain.sure_header(name), "{more}");
        }
        assert_eq!(answer.header("x-evil"), None, "{more}");
    }
    let first = file.url().replace('?', "?utm=1&");
    gateway.get(&first).send().assert_whole(&file.bytes);
}

#[test]
fn every_text_inside_the_alphabets_is_served() {
    let gateway = harness::start();
    for id in ["CON", "-leading", "_", "A-_z9", "0", "uploads2", &"f".repeat(128)] {
        for user in ["someone@example.com", "auth0|abc.def-1", "...", "-", &"u".repeat(128)] {
            let missing = LinkV1::new(id, user).url();
            gateway.get(&missing).send().assert_error(404, "File not found", "not_found");
        }
        let file = gateway.file("x.bin").id(id).owner("auth0|abc.def-1@x").store(id.as_bytes());
        gateway.get(&file.url()).send().assert_whole(id.as_bytes());
    }
}

#[test]
fn the_golden_vectors_of_other_issuers_are_good() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../proto/tests/vectors.json")).expect("the vectors");
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let setup = harness::setup().set("FILE_SIGNING_SECRET", &text(&vectors["secret"]));
    let gateway = setup.set("GATEWAY_MAX_URL_SECONDS", "0").start_without_canary();
    for vector in vectors["v1"].as_array().expect("a list") {
        let expires: u64 = text(&vector["expires"]).parse().expect("a number");
        let awaited = if expires < now() { "expired" } else { "not_found" };
        assert_eq!(verdict(&gateway, &text(&vector["target"])), awaited, "{vector}");
    }
    let file = gateway.file("clip.mp4").id("file_1").owner("user_2abcDEF").store(b"the first vector's file");
    await_verdict(&gateway, &text(&vectors["v1"][0]["target"]), "granted");
    gateway.get(&text(&vectors["v1"][0]["target"])).send().assert_whole(&file.bytes);
    let version_2 = text(&vectors["v2"][0]["target"]);
    assert_eq!(verdict(&gateway, &version_2), "unknown_key", "its key's secret holds a comma: no list can carry it");
}

#[test]
fn a_query_of_many_pairs_is_read_in_no_time() {
    let (gateway, file) = gateway_and_file();
    let url = format!("{}{}", file.url(), "&a".repeat(5_000));
    gateway.get(&url).send().assert_whole(&file.bytes);
    let repeated = format!("{}{}", file.url(), "&expires=1".repeat(1_000));
    assert_malformed(&gateway.get(&repeated).send(), "expires a thousand times");
    gateway.assert_unharmed();
}
