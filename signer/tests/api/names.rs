//! Names that people and their attackers give: kept as they are, in a form and in a path, as a file's name and in its
//! metadata. `deploy/check` does the same with the big list of naughty strings, through the gateway too.

use crate::harness::{Answer, Server, form};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

const WORST: [&str; 22] = [
    "a\"b; filename=\"c.exe",
    "\\",
    "a\\\"; name=\"job_id",
    "<script>alert(1)</script>",
    "'; DROP TABLE files; --",
    "../../../etc/passwd",
    "..",
    ".",
    "/",
    " ",
    "%00%0d%0a",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{1}\u{8}\t\u{b}\u{7f}",
    "a;b,c=d&e=f?g#h",
    "{{7*7}}${7*7}",
    "undefined",
    "\u{202e}gpj.exe",
    "e\u{301} \u{e9}",
    "\u{feff}\u{200b}\u{2028}\u{85}",
    "Ṱ̺̺̕o͞ ̷i̲̬͇̪͙n̝̗͕v̟̜̘̦͟o̶̙̰̠kè͚̮̺̪̹̱̤",
    "👨‍👩‍👧🇫🇷",
    "社會科學院語學研究所",
];

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// As browsers write it between quotes.
fn quoted(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// What a browser's escapes of three characters make of a text.
fn as_browsers_mean(text: &str) -> String {
    text.replace("%0d", "\r").replace("%0a", "\n")
}

#[track_caller]
fn stored(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    for (name, value) in &answer.headers {
        assert!(value.as_bytes().iter().all(|byte| (b' '..=b'~').contains(byte)), "{name}");
    }
    answer.json()["data"]["file"].clone()
}

#[tokio::test]
async fn every_name_comes_back_as_it_was_given() {
    let server = Server::start().await;
    let mut expected = Vec::new();
    for text in WORST {
        let put = server.put("user_1", &format!("{0}?note={0}", encoded(text)), b"x").send().await;
        assert_eq!(stored(&put)["metadata"], json!({"note": text}));
        let upload = server.upload("user_1", form().text("note", text).file(&quoted(text), b"x")).send().await;
        assert_eq!(stored(&upload)["metadata"], json!({"note": text}));
        expected.extend([text.to_owned(), as_browsers_mean(text)]);
    }
    let listed = server.get("/api/files?limit=100").by("user_1").send().await.json()["data"]["files"].clone();
    let names = listed.as_array().unwrap().iter().rev().map(|file| file["filename"].as_str().unwrap().to_owned());
    assert_eq!(names.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn what_may_name_metadata_is_kept_and_the_rest_is_refused() {
    let server = Server::start().await;
    for text in WORST {
        let put = server.put("user_1", &format!("a?{}=x", encoded(text)), b"x").send().await;
        let upload = server.upload("user_1", form().text(&quoted(text), "x").file("a", b"x")).send().await;
        if text.chars().any(char::is_control) {
            put.names("parameter name");
            upload.names("part name");
            continue;
        }
        assert_eq!(stored(&put)["metadata"], json!({ text: "x" }));
        if as_browsers_mean(text) == text {
            assert_eq!(stored(&upload)["metadata"], json!({ text: "x" }));
        }
    }
}

#[tokio::test]
async fn a_line_break_in_a_name_begins_nothing() {
    let server = Server::start().await;
    let name = "a\r\nX-Evil: yes\r\n\r\n<b>";
    let put = server.put("user_1", &encoded(name), b"x").send().await;
    assert_eq!((&stored(&put)["filename"], put.header("x-evil")), (&json!(name), ""));
    let upload = server.upload("user_1", form().file(&quoted(name), b"x")).send().await;
    assert_eq!((&stored(&upload)["filename"], upload.header("x-evil")), (&json!(name), ""));
}
