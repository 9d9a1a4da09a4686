use super::{
    super::{LinkV2, sign_v1, sign_v2},
    *,
};
use crate::keys::KeyRing;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const LIST: &str = "k2:c2Vjb25kLTAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5,k1:first-0123456789abcdef0123456789ab";
const FILE: &str = "file_1";
const USER: &str = "auth0|abc";
const EXPIRES: &str = "1800000000";

/// Lower-case hexadecimal HMAC-SHA256 of a text with a key of any bytes.
fn hmac(secret: &[u8], text: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret).unwrap();
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn explained(query: &str, mount: &str) -> Option<(String, Vec<Slip>)> {
    let claims = Claims::read("/files/secure/file_1", query).unwrap();
    let found = likely(&claims, mount, Some(SECRET), Some(LIST));
    found.map(|found| (found.key.to_string(), found.slips))
}

/// What explains a version 1 URL with this signature.
fn of_v1(signature: &str) -> Option<(String, Vec<Slip>)> {
    explained(&format!("user_id={USER}&expires={EXPIRES}&signature={signature}"), "/api")
}

fn right() -> String {
    format!("{FILE}:{USER}:{EXPIRES}")
}

#[test]
fn a_misread_secret_is_found() {
    let right = right();
    let second = "c2Vjb25kLTAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5";
    for (secret, key, slip) in [
        (format!("{SECRET}\n").into_bytes(), "default", Slip::SecretLineEnd),
        (format!("{SECRET}\r\n").into_bytes(), "default", Slip::SecretLineEnd),
        (format!("{second}\n").into_bytes(), "k2", Slip::SecretLineEnd),
        (format!("\"{SECRET}\"").into_bytes(), "default", Slip::SecretQuoted),
        (hex::decode(SECRET).unwrap(), "default", Slip::SecretFromHex),
        (b"second-0123456789abcdef0123456789".to_vec(), "k2", Slip::SecretFromBase64),
        (hex::encode(SECRET).into_bytes(), "default", Slip::SecretEncoded),
        (format!("k2:{second}").into_bytes(), "k2", Slip::SecretWithId),
        (LIST.into(), "k2", Slip::SecretWithId),
        (b"undefined".to_vec(), "default", Slip::SecretMissing),
        (vec![], "default", Slip::SecretMissing),
    ] {
        assert_eq!(of_v1(&hmac(&secret, &right)), Some((key.into(), vec![slip])), "{slip:?}");
    }
}

#[test]
fn a_secret_with_white_space_or_quotation_marks_around_it_here_is_found() {
    for (here, slip) in [(format!(" {SECRET}\n"), Slip::SecretTrimmed), (format!("'{SECRET}'"), Slip::SecretUnquoted)] {
        let query = format!("user_id={USER}&expires={EXPIRES}&signature={}", hmac(SECRET.as_bytes(), &right()));
        let claims = Claims::read("/files/secure/file_1", &query).unwrap();
        let found = likely(&claims, "", Some(&here), None).unwrap();
        assert_eq!(found.slips, [slip]);
    }
}

#[test]
fn another_text_of_version_1_is_found() {
    let secret = SECRET.as_bytes();
    for (text, slip) in [
        (format!("{FILE}:{USER}:{EXPIRES}000"), Slip::ExpiresMilliseconds),
        (format!("{FILE}:{USER}:{EXPIRES}.0"), Slip::ExpiresFraction),
        (format!("{USER}:{FILE}:{EXPIRES}"), Slip::Order),
        (format!("{FILE}:{EXPIRES}:{USER}"), Slip::Order),
        (format!("{FILE}|{USER}|{EXPIRES}"), Slip::Separator),
        (format!("{FILE}{USER}{EXPIRES}"), Slip::Separator),
        (format!("{FILE}:auth0%7Cabc:{EXPIRES}"), Slip::UserEscaped),
        (format!("{FILE}:auth0%7cabc:{EXPIRES}"), Slip::UserEscaped),
        (format!("/files/secure/{FILE}:{USER}:{EXPIRES}"), Slip::PathSigned),
        (format!("/api/files/secure/{FILE}:{USER}:{EXPIRES}"), Slip::PathSigned),
    ] {
        assert_eq!(of_v1(&hmac(secret, &text)), Some(("default".into(), vec![slip])), "{text}");
    }
    let signature = hmac(secret, &right());
    let milliseconds = format!("user_id={USER}&expires={EXPIRES}000&signature={signature}");
    assert_eq!(explained(&milliseconds, ""), Some(("default".into(), vec![Slip::ExpiresSeconds])));
}

#[test]
fn two_mistakes_at_once_are_found_and_the_fewest_are_told() {
    let secret = format!("{SECRET}\n");
    let text = format!("{USER}:{FILE}:{EXPIRES}");
    let signature = hmac(secret.as_bytes(), &text);
    assert_eq!(of_v1(&signature).unwrap().1, [Slip::SecretLineEnd, Slip::Order]);
    assert_eq!(of_v1(&signature.to_uppercase()), None, "three are not thought of");
    assert_eq!(of_v1(&hmac(SECRET.as_bytes(), &right()).to_uppercase()).unwrap().1, [Slip::UpperCase]);
}

#[test]
fn what_is_no_known_mistake_is_not_explained() {
    for signature in
        [hmac(b"a secret of somebody else, quite long", &right()), "00".repeat(32), "x".into(), "%ff".into()]
    {
        assert_eq!(of_v1(&signature), None);
    }
    let ring = KeyRing::from_settings(Some(SECRET), Some(LIST), false).unwrap();
    let url = sign_v1(&ring, &FILE.parse().unwrap(), &USER.parse().unwrap(), 1_800_000_000);
    assert_eq!(explained(url.split_once('?').unwrap().1, ""), None, "there is nothing to explain");
}

/// A version 2 URL with the signature of these lines, joined.
fn of_v2(text: impl Fn(&str, &[&str]) -> String) -> Option<(String, Vec<Slip>)> {
    let query = "v=2&kid=k1&user_id=auth0%7Cabc&expires=1800000000&iat=1700000000&filename=a%20b.mp4";
    let mut pairs: Vec<_> = query.split('&').collect();
    pairs.sort_unstable();
    let signature = hmac(b"first-0123456789abcdef0123456789ab", &text(query, &pairs));
    explained(&format!("{query}&signature={signature}"), "/api")
}

#[test]
fn another_text_of_version_2_is_found() {
    let lines = |pairs: &[&str]| format!("t2m-files-v2\n/files/secure/{FILE}\n{}\n", pairs.join("\n"));
    let found = |slip| Some(("k1".to_owned(), vec![slip]));
    assert_eq!(of_v2(|_, pairs| lines(pairs)), None);
    assert_eq!(of_v2(|query, _| lines(&query.split('&').collect::<Vec<_>>())), found(Slip::Unsorted));
    assert_eq!(of_v2(|_, pairs| lines(pairs).replace("%20", " ").replace("%7C", "|")), found(Slip::Unescaped));
    assert_eq!(of_v2(|_, pairs| lines(pairs).replace("\n/files", "\n/api/files")), found(Slip::MountSigned));
    assert_eq!(of_v2(|_, pairs| lines(pairs).replace("t2m-files-v2\n", "")), found(Slip::NoFirstLine));
    assert_eq!(of_v2(|_, pairs| lines(pairs).trim_end().into()), found(Slip::NoLastLineEnd));
    assert_eq!(of_v2(|query, _| format!("/files/secure/{FILE}?{query}")), found(Slip::UrlSigned));
    assert_eq!(of_v2(|_, _| right()), found(Slip::Version1));
}

#[test]
fn a_kid_that_names_another_key_than_the_one_that_signed_is_found() {
    let ring = KeyRing::from_settings(Some(SECRET), Some(LIST), false).unwrap();
    let (file, user) = (FILE.parse().unwrap(), USER.parse().unwrap());
    let url = sign_v2(
        &ring,
        &LinkV2 {
            file: &file,
            user: &user,
            expires: 1_800_000_000,
            issued_at: 1_700_000_000,
            not_before: None,
            disposition: None,
            filename: None,
            segment: None,
        },
    );
    let query = url.split_once('?').unwrap().1;
    assert_eq!(explained(query, ""), None);
    // The name is signed too, so this one was never right.
    let lines =
        "t2m-files-v2\n/files/secure/file_1\nexpires=1800000000\niat=1700000000\nkid=k2\nuser_id=auth0%7Cabc\nv=2\n";
    let signature = hmac(SECRET.as_bytes(), lines);
    let query = format!("v=2&kid=k2&user_id=auth0%7Cabc&expires=1800000000&iat=1700000000&signature={signature}");
    assert_eq!(explained(&query, ""), Some(("default".into(), vec![Slip::OtherKey])));
}
