//! `sign` and `verify`: what one makes the other takes, and so does a gateway.

use crate::{Said, harness, tool, tool_reading, tool_with};
use harness::{LinkV1, SECRET, now};

const FILE: [&str; 5] = ["sign", "--file-id", "file_1", "--user-id", "user_1"];
const SECOND: &str = "the-second-key-of-the-list-0123456789-k2";

fn sign(arguments: &[&str]) -> Said {
    tool(&[&FILE, arguments].concat())
}

#[test]
fn a_version_1_url_is_byte_for_byte_that_of_the_contract() {
    let settings = ["--gateway-max-url-seconds", "0", "--public-files-url", "https://files.example.com/"];
    let said = sign(&[&["--expires", "1900000000"][..], &settings].concat());
    let url = LinkV1::new("file_1", "user_1").expires(1_900_000_000).url();
    assert_eq!((said.code, said.out, said.err), (0, format!("https://files.example.com{url}\n"), String::new()));
}

#[test]
fn what_is_signed_opens_the_file_on_a_gateway() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    let listen = gateway.public().to_string();
    let file_and_user = ["sign", "--gateway-listen", &listen, "--file-id", &file.id, "--user-id", &file.user];
    for wishes in
        [&[][..], &["--v2"], &["--disposition", "attachment", "--filename", "é & co.mp4", "--not-before", "1"]]
    {
        let said = tool(&[&file_and_user[..], &["--expires-in", "600"], wishes].concat());
        let target = said.out.trim_end().strip_prefix(&format!("http://{listen}")).expect("where it listens");
        let answer = gateway.get(target).send();
        answer.assert_whole(&file.bytes);
        if wishes.len() > 1 {
            assert!(
                answer.header("Content-Disposition").is_some_and(|name| name.contains("%C3%A9%20&%20co.mp4")),
                "{answer:?}"
            );
        }
    }
}

#[test]
fn a_key_of_the_ring_can_be_chosen_and_another_cannot() {
    let keys = [("FILE_SIGNING_SECRET", SECRET), ("FILE_SIGNING_KEYS", &format!("k2:{SECOND}") as &str)];
    let sign = |kid: &str| tool_with(&keys, b"", &[&FILE, &["--expires-in", "60", "--kid", kid][..]].concat());
    for kid in ["default", "k2"] {
        let said = sign(kid);
        assert!(said.out.contains(&format!("v=2&kid={kid}&")), "{said:?}");
        assert_eq!(tool_with(&keys, said.out.as_bytes(), &["verify", "-"]).code, 0);
    }
    let said = sign("k9");
    assert_eq!((said.code, said.out.as_str()), (64, ""));
    assert!(said.err.contains("--kid names no key"), "{}", said.err);
}

#[test]
fn a_url_that_opens_nothing_as_things_are_is_printed_and_that_is_told() {
    for (wishes, code) in [
        (&["--expires", "1"][..], "410 expired"),
        (&["--expires-in", "99999999"], "403 too_long"),
        (&["--expires-in", "9999", "--not-before", &(now() + 999).to_string()], "403 not_yet_valid"),
    ] {
        let said = sign(wishes);
        assert_eq!(said.code, 0);
        assert!(said.out.contains("/files/secure/file_1?") && said.err.contains(code), "{said:?}");
    }
}

#[test]
fn wrong_usage_of_sign_prints_no_url() {
    for wrong in [
        &["--expires-in", "60", "--expires", "1900000000"][..],
        &[],
        &["--expires-in", "0"],
        &["--expires-in", "soon"],
        &["--expires-in", "60", "--filename", ""],
        &["--expires-in", "60", "--disposition", "show"],
        &["--expires-in", "60", "--public-files-url", "nonsense"],
        &["--expires-in", "60", "--public-files-url", "https://files.example.com/?a"],
        &["--expires-in", "60", "--kid", "a:b"],
        &["--expires-in", "60", "--file-signing-secret", SECRET],
        &["--expires-in", "60", "--user-id", "a:b"],
    ] {
        let said = sign(wrong);
        assert_eq!((said.code, said.out.as_str()), (64, ""), "{wrong:?}");
        said.assert_harmless();
    }
    for wrong in ["a:b", "upload", "..", "é", ""] {
        assert_eq!(tool(&["sign", "--file-id", wrong, "--user-id", "u", "--expires-in", "1"]).code, 64, "{wrong}");
    }
    let before = tool(&[&["--file-signing-secret", SECRET][..], &FILE, &["--expires-in", "60"]].concat());
    assert_eq!(before.code, 64);
    assert!(before.assert_harmless().err.contains("is no flag of a tool"), "{}", before.err);
    assert_eq!(tool_with(&[], b"", &[&FILE, &["--expires-in", "60"][..]].concat()).code, 64, "there is no secret");
}

#[test]
fn verify_says_in_one_line_what_a_gateway_answers() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    let link = file.link();
    for url in [
        link.url(),
        file.link_v2().url(),
        link.clone().below("/api/v1").url(),
        link.clone().expires(1).url(),
        link.clone().secret("another secret, and quite long enough").url(),
        link.clone().expires(now() + 99_999_999).url(),
        link.signed("short"),
        file.link_v2().with("kid", "gone").url(),
        file.link_v2().with("nbf", &(now() + 999).to_string()).url(),
        file.link_v2().with("speed", "2").url(),
        link.url().replace("&expires", "&expired"),
        link.url().replace("/secure/", "/public/"),
    ] {
        let answer = gateway.get(&url).send();
        let now = now().to_string();
        let said = tool(&["verify", "--now", &now, &format!("https://files.example.com{url}")]);
        assert_eq!(said.out.lines().count(), 1, "{said:?}");
        if answer.status() == 200 {
            assert_eq!(said.code, 0, "{said:?}");
            assert!(
                said.out.starts_with(&format!("valid: file {} for user {}, expires in ", file.id, file.user)),
                "{said:?}"
            );
        } else {
            assert_eq!(said.code, 1, "{said:?}");
            assert!(
                said.out.starts_with(&format!("refused: {} {}: ", answer.status(), answer.code())),
                "{said:?} {answer:?}"
            );
        }
        said.assert_harmless();
        assert_eq!(tool_reading(url.as_bytes(), &["verify", "--now", &now, "-"]).out, said.out, "from standard input");
    }
}

#[test]
fn the_time_can_be_given() {
    let url = LinkV1::new("file_1", "user_1").expires(1_900_000_000).url();
    for (now, code) in [("1899999999", 0), ("1900000000", 0), ("1900000001", 1), ("1800000000", 1)] {
        assert_eq!(tool(&["verify", "--now", now, &url]).code, code, "{now}");
    }
    assert_eq!(tool(&["verify", "--now", "soon", &url]).code, 64);
}
