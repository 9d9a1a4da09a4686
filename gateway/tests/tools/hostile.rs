//! Whatever is pasted: an answer in bounded time, nothing that a terminal would obey, and nothing secret.

use crate::{harness, tool, tool_reading, tool_with};
use harness::{LinkV1, LinkV2, Random, SECRET};

const TOOLS: [&str; 2] = ["verify", "explain"];

#[test]
fn garbage_is_refused_in_words_and_never_repeated_raw() {
    let link = LinkV1::new("file_1", "user_1").url();
    let evil = "\u{1b}[31mred\u{7}\u{9b}2J\u{202e}\r\nforged line\0";
    let garbage = [
        String::new(),
        "\0".into(),
        evil.into(),
        format!("{link}&{evil}={evil}"),
        format!("/files/secure/{evil}?user_id={evil}&expires={evil}&signature={evil}"),
        link.replace("user_1", "%1b%5b31m"),
        format!("https://{evil}/files/secure/a?v=2&kid={evil}"),
        "/files/secure/?".into(),
        "?&&&===".into(),
        "-".repeat(300),
        "é".repeat(3_000),
        "%".repeat(9_000),
        "/files/secure/a?".to_owned() + &"user_id=b&".repeat(1_500),
        "/files/secure/a?".to_owned() + &"&amp;".repeat(3_000),
    ];
    for text in &garbage {
        for name in TOOLS {
            for arguments in [&[name, "-"][..], &[name, "--now", "1", "-"]] {
                let said = tool_reading(text.as_bytes(), arguments);
                assert_eq!(said.code, 1, "{text:?}: {said:?}");
                assert!(!said.assert_harmless().out.contains("forged line"), "{said:?}");
                assert!(said.out.len() < 8_000, "{} bytes", said.out.len());
            }
        }
    }
}

#[test]
fn a_mebibyte_is_neither_read_to_its_end_nor_printed() {
    for name in TOOLS {
        for text in
            [vec![b'a'; 1 << 20], [b"/files/secure/a?".to_vec(), vec![b'&'; 1 << 20]].concat(), vec![0xff; 1 << 20]]
        {
            let said = tool_reading(&text, &[name, "-"]);
            assert_eq!(said.code, 1, "{said:?}");
            assert!(said.assert_harmless().out.len() < 1_000 && said.out.contains("431"), "{said:?}");
        }
    }
}

#[test]
fn random_bytes_are_refused_like_any_other_link() {
    let mut random = Random::seeded(42);
    for _ in 0..30 {
        let mut text = b"/files/secure/a?user_id=b&expires=".to_vec();
        text.extend(random.bytes(200));
        for name in TOOLS {
            assert_eq!(tool_reading(&text, &[name, "-"]).assert_harmless().code, 1);
        }
    }
}

#[test]
fn neither_the_signature_of_a_link_nor_the_right_one_nor_the_secret_is_ever_printed() {
    let link = LinkV1::new("file_1", "user_1");
    let right = link.signature();
    let other = link.clone().secret("another secret, and quite long enough").signature();
    let v2 = LinkV2::new("file_1", "user_1");
    for url in [
        link.url(),
        link.signed(&other),
        link.signed(&right.to_uppercase()),
        link.signed(&right[..40]),
        format!("{}&signature={right}", link.url()),
        link.url().replace("signature", "Signature"),
        link.url().replace("signature", "%73ignature"),
        link.url().replace('&', "&amp;"),
        v2.url(),
        v2.clone().with("kid", "gone").url(),
        v2.signed(&other),
        format!("{}&token={right}", v2.url()),
    ] {
        for (name, options) in [("verify", &[][..]), ("explain", &[]), ("explain", &["--json"])] {
            tool(&[&[name], options, &[&url]].concat()).assert_harmless();
            tool_with(&[], b"", &[&[name], options, &[&url]].concat()).assert_harmless();
        }
    }
}

#[test]
fn a_mistake_on_the_command_line_repeats_no_link_and_no_secret() {
    let url = LinkV1::new("file_1", "user_1").url();
    let signature = url.rsplit('=').next().expect("a signature");
    for wrong in [
        &["verify", &url, &url][..],
        &["verify", &url, signature],
        &["explain", "--now", &url, &url],
        &["explian", &url],
        &[&url],
        &["sign", "--file-id", &url],
        &["sign", "--file-id", &format!("key {SECRET}")],
        &["explain", "--now", &format!("key {SECRET}"), &url],
        &["sign", "--secret", SECRET],
        &["health", "--url", &url],
        &["explain", "\u{1b}[31m", "\u{1b}[31m"],
        &["--\u{1b}[31m"],
    ] {
        let said = tool(wrong);
        assert_eq!((said.code, said.out.as_str()), (64, ""), "{said:?}");
        said.assert_harmless();
        assert!(!said.err.contains("signature="), "{}", said.err);
    }
}

#[test]
fn a_reader_that_has_gone_is_no_panic() {
    use std::process::{Command, Stdio};
    let script = format!("'{}' man | true; exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_gateway"));
    let output = Command::new("bash").args(["-c", &script]).stdin(Stdio::null()).output().expect("there is bash");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
