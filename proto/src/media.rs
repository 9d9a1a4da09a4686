//! Media types: parsed at intake, guessed from names, and which of them a browser may show inline.

use mediatype::MediaType;

/// What is served when nothing better is known.
pub const OCTET_STREAM: &str = "application/octet-stream";

/// Where `mime_guess` says what players do not take.
const BY_EXTENSION: [(&str, &str); 12] = [
    ("aac", "audio/aac"),
    ("flac", "audio/flac"),
    ("m2ts", "video/mp2t"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4a", "audio/mp4"),
    ("m4s", "video/iso.segment"),
    ("m4v", "video/mp4"),
    ("mkv", "video/x-matroska"),
    ("mov", "video/quicktime"),
    ("opus", "audio/ogg"),
    ("ts", "video/mp2t"),
    ("vtt", "text/vtt"),
];

/// Types beside `video/*` and `audio/*` that may be shown inline. SVG and HTML run scripts and are not among them.
const INLINE: [&str; 7] =
    ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "text/plain", "application/vnd.apple.mpegurl"];

/// The declared type as it may be stored and sent, or [`OCTET_STREAM`] if it does not parse.
#[must_use]
pub fn parse(declared: &str) -> String {
    let writable = declared.len() <= 255 && declared.bytes().all(|b| (b' '..=b'~').contains(&b));
    match MediaType::parse(declared.trim()) {
        Ok(parsed) if writable => parsed.to_string(),
        _ => OCTET_STREAM.into(),
    }
}

/// The type that a file name's extension stands for, or [`OCTET_STREAM`].
#[must_use]
pub fn of_name(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let ours = BY_EXTENSION.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
    match ours {
        Some((_, media_type)) => media_type,
        None => mime_guess::from_ext(extension).first_raw().unwrap_or(OCTET_STREAM),
    }
}

/// Whether a browser may show this type in a page instead of saving it.
#[must_use]
pub fn may_be_inline(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("video/") || essence.starts_with("audio/") || INLINE.contains(&essence.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_extensions_have_the_type_that_players_take() {
        for (name, media_type) in [
            ("a.mp4", "video/mp4"),
            ("a.MOV", "video/quicktime"),
            ("a.ts", "video/mp2t"),
            ("a.webm", "video/webm"),
            ("a.mp3", "audio/mpeg"),
            ("a.m3u8", "application/vnd.apple.mpegurl"),
            ("noextension", OCTET_STREAM),
            ("a.unheard-of", OCTET_STREAM),
        ] {
            assert_eq!(of_name(name), media_type, "{name}");
        }
    }

    #[test]
    fn what_does_not_parse_is_opaque() {
        assert_eq!(parse("video/mp4"), "video/mp4");
        assert_eq!(parse("text/plain; charset=utf-8"), "text/plain; charset=utf-8");
        for bad in ["", "video", "video/", "a/b\r\nX: y", "a/b; c=\u{e9}", "../..", "text/html\0"] {
            assert_eq!(parse(bad), OCTET_STREAM, "{bad:?}");
        }
    }

    #[test]
    fn only_types_that_run_nothing_are_inline() {
        for inline in ["video/mp4", "audio/x-anything", "image/png", "Text/Plain; charset=utf-8"] {
            assert!(may_be_inline(inline), "{inline}");
        }
        for saved in ["image/svg+xml", "text/html", "application/pdf", OCTET_STREAM] {
            assert!(!may_be_inline(saved), "{saved}");
        }
    }
}
