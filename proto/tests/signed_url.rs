//! Signed URLs against the golden vectors, the table of refusals, and what must hold for every input.

use proptest::prelude::*;
use proto::{
    id::{FileId, UserId},
    keys::KeyRing,
    refusal::Refusal,
    signed_url::{Disposition, Grant, LinkV2, secure_path, sign_v1, sign_v2, verify},
};
use serde_json::Value;

const NOW: u64 = 1_800_000_000;
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const LIST: &str = "k2:second-0123456789abcdef0123456789,k1:first-0123456789abcdef0123456789ab";

fn ring() -> KeyRing {
    KeyRing::from_settings(Some(SECRET), Some(LIST), false).unwrap()
}

fn open(keys: &KeyRing, target: &str, now: u64) -> Result<Grant, Refusal> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    verify(secure_path(path).ok_or(Refusal::NotFound)?, query, keys, now, 0)
}

fn code(target: &str) -> &'static str {
    open(&ring(), target, NOW).map_or_else(|refusal| refusal.code(), |_| "granted")
}

fn file(text: &str) -> FileId {
    text.parse().unwrap()
}

fn user(text: &str) -> UserId {
    text.parse().unwrap()
}

fn v1() -> String {
    sign_v1(&ring(), &file("file_1"), &user("someone@example.com"), NOW + 60)
}

fn v2() -> String {
    let (file, user) = (file("file_1"), user("someone@example.com"));
    sign_v2(
        &ring(),
        &LinkV2 {
            file: &file,
            user: &user,
            expires: NOW + 60,
            issued_at: NOW,
            not_before: Some(NOW),
            disposition: Some(Disposition::Inline),
            filename: Some("été & co.mp4"),
            segment: Some("a b.mp4"),
        },
    )
}

mod vectors {
    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("vectors.json")).unwrap()
    }

    fn golden_ring(vectors: &Value) -> KeyRing {
        let k2 = ("k2".parse().unwrap(), vectors["keys"]["k2"].as_str().unwrap());
        KeyRing::new(vectors["secret"].as_str(), &[k2], false).unwrap()
    }

    #[test]
    fn version_1_is_signed_byte_for_byte_as_node_signs_it() {
        let vectors = vectors();
        for vector in vectors["v1"].as_array().unwrap() {
            let text = |name: &str| vector[name].as_str().unwrap();
            let expires = text("expires").parse().unwrap();
            let target = sign_v1(&golden_ring(&vectors), &file(text("file_id")), &user(text("user_id")), expires);
            assert_eq!(target, text("target"));

            let grant = open(&golden_ring(&vectors), &target, expires).unwrap();
            assert_eq!((grant.file().as_str(), grant.user().as_str()), (text("file_id"), text("user_id")));
        }
    }

    #[test]
    fn version_2_made_by_node_is_accepted() {
        let vectors = vectors();
        let grants: Vec<_> = vectors["v2"]
            .as_array()
            .unwrap()
            .iter()
            .map(|vector| open(&golden_ring(&vectors), vector["target"].as_str().unwrap(), 1_800_000_100).unwrap())
            .collect();
        assert_eq!(grants.len(), 2);
        assert_eq!(grants[0].issued_at(), Some(1_800_000_000));
        assert_eq!(grants[1].filename(), Some("holiday été.mp4"));
        assert_eq!(grants[1].disposition(), Some(Disposition::Inline));
    }

    #[test]
    fn version_2_is_signed_as_node_signs_it() {
        let vectors = vectors();
        let keys = golden_ring(&vectors);
        let (file, user) = (file("file_1"), user("user_1"));
        let link = LinkV2 {
            file: &file,
            user: &user,
            expires: 1_900_000_000,
            issued_at: 1_800_000_000,
            not_before: None,
            disposition: None,
            filename: None,
            segment: None,
        };
        assert_eq!(sign_v2(&keys, &link), vectors["v2"][0]["target"].as_str().unwrap());
    }
}

mod reading {
    use super::*;

    #[test]
    fn every_mount_prefix_leads_to_the_same_file() {
        for mount in ["", "/api", "/api/v1"] {
            assert_eq!(code(&format!("{mount}{}", v1())), "granted");
            assert_eq!(code(&format!("{mount}{}", v2())), "granted");
        }
        for other in ["/files/file_1", "/api/v2/files/secure/x", "//files/secure/x", "/files/secure", "/"] {
            assert_eq!(secure_path(other), None, "{other}");
        }
    }

    #[test]
    fn version_1_decodes_names_and_values_and_ignores_what_it_does_not_know() {
        let plain = v1();
        let spelled = plain
            .replace("file_1", "%66ile_1")
            .replace("expires=1", "e%78pires=%31")
            .replace("signature=", "%73ignature=");
        assert_eq!(code(&spelled), "granted");
        assert_eq!(code(&format!("{plain}&utm_source=x&download=%0d%0aX:%20y&v=2&&")), "granted");
        assert_eq!(code(&plain.replace("%40", "@")), "granted");
    }

    #[test]
    fn version_1_needs_each_parameter_exactly_once() {
        let plain = v1();
        for name in ["user_id", "expires", "signature"] {
            let (before, rest) = plain.split_once(&format!("{name}=")).unwrap();
            let value = rest.split('&').next().unwrap();
            let after = &rest[value.len()..];
            let escaped = format!("%{:02x}{}", name.as_bytes()[0], &name[1..]);
            for bad in [
                format!("{before}x=1{after}"),
                format!("{before}{name}={after}"),
                format!("{before}{name}{after}"),
                format!("{plain}&{name}={value}"),
                format!("{plain}&{name}=other"),
                format!("{plain}&{escaped}={value}"),
                plain.replace(&format!("{name}="), &format!("{name}[]=")),
            ] {
                assert_eq!(code(&bad), "malformed", "{bad}");
            }
        }
        assert_eq!(code(&plain.replace('&', ";")), "malformed");
    }

    #[test]
    fn an_expiry_is_1_to_15_ascii_digits() {
        let number = (NOW + 60).to_string();
        for bad in [
            "12abc",
            "%2012",
            "12%20",
            "+12",
            "-1",
            "1e9",
            "0x10",
            "1_0",
            "1.0",
            "１２",
            "١٢",
            "%EF%BC%91",
            "9223372036854775808",
            "18446744073709551616",
            "1234567890123456",
            &"9".repeat(400),
        ] {
            assert_eq!(code(&v1().replace(&number, bad)), "malformed", "{bad}");
        }
        for expired in ["0", "012"] {
            assert_eq!(code(&v1().replace(&number, expired)), "expired", "{expired}");
        }
    }

    #[test]
    fn a_path_that_is_not_a_file_id_is_malformed() {
        for bad in [
            "..",
            "%2e%2e",
            "%252e",
            "..%2f",
            "..\\",
            "%5c",
            "%00",
            "",
            "a//",
            "a;b",
            "%c0%ae",
            "%ff",
            "file_1/",
            "file_1/.",
            "x%23",
            "a%2Fb",
            "upload",
            "%7Etilde",
            "a:b",
            "file_1/x",
            &"f".repeat(300),
        ] {
            assert_eq!(code(&v1().replace("/file_1?", &format!("/{bad}?"))), "malformed", "{bad}");
        }
    }

    #[test]
    fn a_user_id_outside_its_alphabet_is_malformed() {
        for bad in [
            "a+b",
            "a%20b",
            "a%2520b",
            "e%CC%81",
            "%C3%A9",
            "%F0%9F%98%80",
            "b:c",
            "u:9999999999",
            "..",
            &"u".repeat(4096),
        ] {
            assert_eq!(code(&v1().replace("someone%40example.com", bad)), "malformed", "{bad}");
        }
    }

    #[test]
    fn version_2_refuses_what_it_does_not_know_or_a_browser_would_rewrite() {
        let plain = v2();
        for bad in [
            format!("{plain}&utm=1"),
            format!("{plain}&"),
            format!("{plain}&nbf={NOW}"),
            plain.replace("kid=", "%6bid="),
            plain.replace("%40", "@"),
            plain.replace("%C3", "%c3"),
            plain.replace("%20b.mp4", "+b.mp4"),
            plain.replace("disposition=inline", "disposition=popup"),
            plain.replace("disposition=inline", "disposition"),
            plain.replace("/a%20b.mp4", "/"),
            plain.replace("/a%20b.mp4", "/.."),
            plain.replace("/a%20b.mp4", "/%2E%2E"),
            plain.replace("/a%20b.mp4", "/a/b"),
            plain.replace("&iat=", "&iaa="),
            plain.replace("filename=%C3%A9", "filename=%C3"),
        ] {
            assert_eq!(code(&bad), "malformed", "{bad}");
        }
    }

    #[test]
    fn version_2_stripped_of_its_marks_is_judged_as_version_1_and_refused() {
        assert_eq!(code(&v2().replace("v=2&", "").replace("/a%20b.mp4", "")), "bad_signature");
        assert_eq!(code(&v2().replace("v=2", "v=3").replace("/a%20b.mp4", "")), "bad_signature");
    }
}

mod judging {
    use super::*;

    #[test]
    fn a_url_is_valid_through_its_last_second() {
        let target = sign_v1(&ring(), &file("f"), &user("u"), NOW);
        assert!(open(&ring(), &target, NOW - 1).is_ok());
        assert!(open(&ring(), &target, NOW).is_ok());
        assert_eq!(open(&ring(), &target, NOW + 7).unwrap_err(), Refusal::Expired { seconds_ago: 7 });
    }

    #[test]
    fn an_expired_url_says_so_whatever_its_signature() {
        let target = sign_v1(&ring(), &file("f"), &user("u"), NOW - 1).replace("signature=", "signature=0");
        assert_eq!(code(&target), "expired");
    }

    #[test]
    fn any_other_signature_is_simply_unequal() {
        let plain = v1();
        let (before, signature) = plain.split_once("signature=").unwrap();
        let upper = signature.to_uppercase();
        let other_user = sign_v1(&ring(), &file("file_1"), &user("u"), NOW + 60);
        let other_file = sign_v1(&ring(), &file("file_2"), &user("someone@example.com"), NOW + 60);
        for bad in [
            &signature[1..],
            &format!("{signature}0"),
            &upper,
            &signature[..8],
            &format!("v1,{signature}"),
            &format!("{signature}%00"),
            &format!("{signature}%20"),
            other_user.split_once("signature=").unwrap().1,
            other_file.split_once("signature=").unwrap().1,
        ] {
            assert_eq!(code(&format!("{before}signature={bad}")), "bad_signature", "{bad}");
        }
    }

    #[test]
    fn keys_rotate_without_breaking_a_url() {
        let old = KeyRing::from_settings(Some(LIST.split_once("k1:").unwrap().1), None, false).unwrap();
        let target = sign_v1(&old, &file("f"), &user("u"), NOW);
        assert!(open(&ring(), &target, NOW).is_ok(), "still on the ring");
        let removed = KeyRing::from_settings(Some(SECRET), None, false).unwrap();
        assert_eq!(open(&removed, &target, NOW).unwrap_err(), Refusal::BadSignature);
        assert_eq!(open(&removed, &v2(), NOW).unwrap_err(), Refusal::UnknownKey);
    }

    #[test]
    fn version_2_is_not_valid_more_than_a_minute_early() {
        assert!(open(&ring(), &v2(), NOW - 60).is_ok());
        assert_eq!(open(&ring(), &v2(), NOW - 61).unwrap_err(), Refusal::NotYetValid);
    }

    #[test]
    fn a_leaked_key_does_not_buy_eternity() {
        let judge = |target: &str, max| {
            let (path, query) = target.split_once('?').unwrap();
            verify(path, query, &ring(), NOW, max).map_err(|refusal| refusal.code()).map(|_| ())
        };
        let target = v1();
        assert_eq!(judge(&target, 60), Ok(()));
        assert_eq!(judge(&target, 59), Err("too_long"));
        let milliseconds = sign_v1(&ring(), &file("f"), &user("u"), NOW * 1000);
        assert_eq!(judge(&milliseconds, 2_678_400), Err("too_long"));
        assert_eq!(judge(&milliseconds, 0), Ok(()));
    }
}

mod properties {
    use super::*;

    /// The one flip that changes no meaning: the case of a hexadecimal digit in a percent-escape.
    fn is_escape_case(target: &str, at: usize, flipped: u8) -> bool {
        let bytes = target.as_bytes();
        let in_escape = (1..=2).any(|back| at >= back && bytes[at - back] == b'%');
        in_escape && bytes[at].eq_ignore_ascii_case(&flipped)
    }

    #[test]
    fn any_flipped_bit_is_refused() {
        for target in [v1(), v2()] {
            for at in 0..target.len() {
                for bit in 0..8 {
                    let mut bytes = target.clone().into_bytes();
                    bytes[at] ^= 1 << bit;
                    let flipped = bytes[at];
                    let Ok(text) = String::from_utf8(bytes) else { continue };
                    if target.starts_with("/files/secure/file_1?") && is_escape_case(&target, at, flipped) {
                        continue;
                    }
                    assert_ne!(code(&text), "granted", "{text}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn what_is_signed_verifies(
            f in "[A-Za-z0-9_-]{1,128}", u in "[A-Za-z0-9._@|-]{3,128}", life in 0u64..1_000_000, name in "\\PC{1,40}",
        ) {
            let (Ok(f), Ok(u)) = (f.parse::<FileId>(), u.parse::<UserId>()) else { return Ok(()) };
            let grant = open(&ring(), &sign_v1(&ring(), &f, &u, NOW + life), NOW).unwrap();
            prop_assert_eq!((grant.file(), grant.user(), grant.expires()), (&f, &u, NOW + life));

            let link = LinkV2 {
                file: &f, user: &u, expires: NOW + life, issued_at: NOW, not_before: None, disposition: None,
                filename: Some(&name), segment: Some("name.mp4"),
            };
            let grant = open(&ring(), &sign_v2(&ring(), &link), NOW).unwrap();
            prop_assert_eq!((grant.file(), grant.user(), grant.filename()), (&f, &u, Some(name.as_str())));
        }

        #[test]
        fn no_two_pairs_share_a_signature(
            a in ("[a-c:]{1,4}", "[a-c:]{1,4}"), b in ("[a-c:]{1,4}", "[a-c:]{1,4}"),
        ) {
            let parsed = |(f, u): &(String, String)| Some((f.parse().ok()?, u.parse().ok()?));
            let (Some((f1, u1)), Some((f2, u2))) = (parsed(&a), parsed(&b)) else { return Ok(()) };
            let signature = |f, u| sign_v1(&ring(), f, u, NOW).split_once("signature=").map(|(_, s)| s.to_owned());
            prop_assert_eq!(signature(&f1, &u1) == signature(&f2, &u2), (f1, u1) == (f2, u2));
        }

        #[test]
        fn no_input_panics_or_is_granted(path in "\\PC{0,80}", query in "\\PC{0,200}") {
            prop_assert!(verify(&path, &query, &ring(), NOW, 60).is_err());
        }
    }
}
