//! `Content-Disposition` for names that people really give, and `Content-Type` for rows that say nothing.

use crate::{
    gateway_and_file,
    harness::{self, Answer, Gateway, percent},
};

/// The disposition's type, its plain name and its decoded `filename*`, as RFC 6266 and RFC 8187 write them.
#[track_caller]
fn disposition(answer: &Answer) -> (String, String, String) {
    let value = answer.sure_header("content-disposition");
    let (kind, rest) = value.split_once("; filename=\"").unwrap_or_else(|| panic!("no plain name: {value}"));
    let (plain, extended) = rest.split_once("\"; filename*=UTF-8''").unwrap_or_else(|| panic!("no filename*: {value}"));

    assert!(matches!(kind, "attachment" | "inline"), "{value}");
    assert!(plain.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "the plain name is ASCII: {value}");
    let mut escaped = false;
    for byte in plain.bytes() {
        assert!(escaped || byte != b'"', "an unescaped quote: {value}");
        escaped = byte == b'\\' && !escaped;
    }
    assert!(!escaped, "a backslash without anything to escape: {value}");

    let mut rest = extended.bytes();
    while let Some(byte) = rest.next() {
        let attribute = byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte);
        let hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        assert!(attribute || (byte == b'%' && hex(rest.next()) && hex(rest.next())), "not an attr-char: {value}");
    }
    let decoded = percent_encoding::percent_decode_str(extended).decode_utf8().expect("UTF-8").into_owned();
    (kind.to_owned(), plain.to_owned(), decoded)
}

#[track_caller]
fn disposition_of(gateway: &Gateway, filename: &str) -> (String, String, String) {
    let file = gateway.store(filename, b"bytes");
    disposition(gateway.get(&file.url()).send().assert_whole(b"bytes"))
}

#[test]
fn a_plain_name_stands_in_both_places() {
    let (gateway, _) = gateway_and_file();
    for name in ["clip.mp4", "My holiday film.mp4", "a-b_c.tar.gz", "README", "1"] {
        let (kind, plain, decoded) = disposition_of(&gateway, name);
        assert_eq!((kind.as_str(), plain.as_str(), decoded.as_str()), ("attachment", name, name));
    }
}

#[test]
fn every_name_without_control_characters_survives_in_filename_star() {
    let (gateway, _) = gateway_and_file();
    let long = "n".repeat(251) + ".mp4";
    for name in [
        "quoted \"name\".mp4",
        "back\\slash.mp4",
        "\\",
        "\"",
        "ends in a backslash\\",
        "percent %41 %zz %.mp4",
        "semi;colon, comma=equals.mp4",
        "it's (1) *new*.mp4",
        "été à Zürich.mp4",
        "e\u{301}te\u{301}.mp4",
        "фильм.mp4",
        "映画.mp4",
        "\u{1f3ac}\u{1f1eb}\u{1f1f7}.mp4",
        "\u{202e}4pm.exe",
        " leading and trailing ",
        "<script>alert(1)</script>.html",
        &long,
    ] {
        let (kind, plain, decoded) = disposition_of(&gateway, name);
        assert_eq!((kind.as_str(), decoded.as_str()), ("attachment", name));
        assert!(!plain.is_empty(), "{name}");
    }
}

#[test]
fn the_plain_name_gives_browsers_nothing_to_decode() {
    let (gateway, _) = gateway_and_file();
    for name in ["percent %41.mp4", "%2e%2e%2f.mp4", "été %C3%A9.mp4"] {
        let (_, plain, _) = disposition_of(&gateway, name);
        assert!(!plain.contains('%'), "some browsers decode a percent sign in a plain name: {plain}");
    }
    let (_, plain, _) = disposition_of(&gateway, "a \"b\" c\\d.mp4");
    assert!(!plain.contains('"') || plain.contains("\\\""), "{plain}");
}

#[test]
fn a_line_break_in_a_name_begins_no_header() {
    let (gateway, _) = gateway_and_file();
    for name in [
        "a\r\nX-Evil: yes\r\n\r\nbody.mp4",
        "a\nb.mp4",
        "a\rb.mp4",
        "nul\0.mp4",
        "tab\t.mp4",
        "\u{1b}[31m.mp4",
        "\u{7f}",
    ] {
        let file = gateway.store(name, b"bytes");
        let answer = gateway.get(&file.url()).send();
        answer.assert_whole(b"bytes");
        assert_eq!(answer.header("x-evil"), None);
        let (kind, _, _) = disposition(&answer);
        assert_eq!(kind, "attachment");
    }
    gateway.assert_unharmed();
}

#[test]
fn names_that_are_hardly_names_are_answered() {
    let (gateway, _) = gateway_and_file();
    let long = "\u{1f600}".repeat(1_000) + ".mp4";
    for name in ["", ".", "..", " ", "/", "../../etc/passwd", "a/b\\c.mp4", &long] {
        let (kind, _, _) = disposition_of(&gateway, name);
        assert_eq!(kind, "attachment", "{name}");
    }
}

#[test]
fn version_2_may_name_the_file_anew() {
    let (gateway, file) = gateway_and_file();
    for name in ["other.mp4", "été & co.mp4", "a\r\nX-Evil: yes.mp4", "\"\\\".mp4"] {
        let answer = gateway.get(&file.link_v2().with("filename", &percent(name)).url()).send();
        answer.assert_whole(&file.bytes);
        assert_eq!(answer.header("x-evil"), None);
        let (kind, _, decoded) = disposition(&answer);
        assert_eq!(kind, "attachment", "nothing else was signed");
        assert!(decoded == name || name.contains('\r'), "{decoded}");
    }
    let segment = gateway.get(&file.link_v2().segment("segment.mov").url()).send();
    assert_eq!(disposition(&segment).2, "clip.mp4", "the segment has no other effect");
    assert_eq!(segment.sure_header("content-type"), "video/mp4");
}

#[test]
fn version_2_may_be_shown_inline_where_the_type_runs_nothing() {
    let gateway = harness::start();
    for (content_type, awaited) in [
        ("video/mp4", "inline"),
        ("video/x-matroska", "inline"),
        ("audio/mpeg", "inline"),
        ("image/png", "inline"),
        ("image/jpeg", "inline"),
        ("image/gif", "inline"),
        ("image/webp", "inline"),
        ("image/avif", "inline"),
        ("text/plain", "inline"),
        ("text/plain; charset=utf-8", "inline"),
        ("application/vnd.apple.mpegurl", "inline"),
        ("image/svg+xml", "attachment"),
        ("image/bmp", "attachment"),
        ("text/html", "attachment"),
        ("text/html; x=video/mp4", "attachment"),
        ("application/xhtml+xml", "attachment"),
        ("application/pdf", "attachment"),
        ("application/javascript", "attachment"),
        ("application/octet-stream", "attachment"),
        ("", "attachment"),
    ] {
        let file = gateway.file("unnamed").content_type(content_type).store(b"bytes");
        let kind = |disposition: &str| {
            let answer = gateway.get(&file.link_v2().with("disposition", disposition).url()).send();
            answer.assert_whole(b"bytes").sure_header("content-disposition").split(';').next().map(str::to_owned)
        };
        assert_eq!(kind("inline").as_deref(), Some(awaited), "{content_type}");
        assert_eq!(kind("attachment").as_deref(), Some("attachment"), "{content_type}");
        for url in [file.url(), file.link_v2().url(), format!("{}&disposition=inline", file.url())] {
            let answer = gateway.get(&url).send();
            assert!(answer.sure_header("content-disposition").starts_with("attachment;"), "{content_type}");
        }
    }
}

#[test]
fn the_type_is_the_rows_and_else_goes_by_the_name() {
    let gateway = harness::start();
    for (filename, content_type, awaited) in [
        ("clip.mp4", "video/webm", "video/webm"),
        ("clip.mp4", "text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ("clip.mp4", "application/octet-stream", "application/octet-stream"),
        ("clip.mp4", "", "video/mp4"),
        ("CLIP.MP4", "", "video/mp4"),
        ("clip.mov", "", "video/quicktime"),
        ("clip.webm", "", "video/webm"),
        ("clip.mkv", "", "video/x-matroska"),
        ("song.mp3", "", "audio/mpeg"),
        ("song.m4a", "", "audio/mp4"),
        ("list.m3u8", "", "application/vnd.apple.mpegurl"),
        ("part.ts", "", "video/mp2t"),
        ("words.vtt", "", "text/vtt"),
        ("photo.jpeg", "", "image/jpeg"),
        ("noextension", "", "application/octet-stream"),
        ("strange.unheard-of", "", "application/octet-stream"),
        ("", "", "application/octet-stream"),
    ] {
        let file = gateway.file(filename).content_type(content_type).store(b"bytes");
        for request in
            [gateway.get(&file.url()), gateway.head(&file.url()), gateway.get(&file.url()).range("bytes=0-0")]
        {
            let answer = request.send();
            assert_eq!(answer.sure_header("content-type"), awaited, "{filename} {content_type}");
            assert_eq!(answer.sure_header("x-content-type-options"), "nosniff");
        }
    }
}

#[test]
fn a_row_with_a_type_that_is_none_injects_nothing() {
    let gateway = harness::start();
    for bad in ["a/b\r\nX-Evil: yes", "text/html\0", "é/é", "not a type"] {
        let file = gateway.file("strange").content_type(bad).store(b"bytes");
        let answer = gateway.get(&file.link_v2().with("disposition", "inline").url()).send();
        answer.assert_whole(b"bytes");
        assert_eq!(answer.header("x-evil"), None);
        // Postgres keeps no NUL: there this one is a type like any other.
        let is_kept = !bad.contains('\0') || gateway.catalog().is_sqlite();
        assert!(!is_kept || !answer.sure_header("content-type").contains("html"), "{bad:?}");
        assert!(answer.sure_header("content-disposition").starts_with("attachment;"), "{bad:?}");
    }
    gateway.assert_unharmed();
}
