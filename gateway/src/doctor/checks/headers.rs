//! What stands beside the bytes.

use super::{
    super::{
        answer::Answer,
        probe::Probe,
        record::{Flaw, Record, Verdict, must},
    },
    Check, Weight,
};
use http::{HeaderName, StatusCode, header};

const POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "head",
        name: "HEAD with the same link tells what GET tells",
        weight: Weight::Breaks,
        players: &["download managers", "Chromecast", "ffmpeg-based tools"],
        advice: "let a link that is good for GET be good for HEAD, with the same headers (S3 needs a link of its own for HEAD)",
        judge: head,
    },
    Check {
        id: "content-length",
        name: "the whole file comes with its Content-Length",
        weight: Weight::Breaks,
        players: &["ffmpeg", "aria2c", "wget -c"],
        advice: "send Content-Length, not chunks: the file's size is known",
        judge: content_length,
    },
    Check {
        id: "accept-ranges",
        name: "Accept-Ranges: bytes",
        weight: Weight::Costs,
        players: &["ffmpeg", "download managers"],
        advice: "send Accept-Ranges: bytes with 200 and 206",
        judge: accept_ranges,
    },
    Check {
        id: "content-type",
        name: "a Content-Type that the bytes agree with",
        weight: Weight::Breaks,
        players: &["Safari", "Firefox", "AVPlayer"],
        advice: "send the media type: video/mp4 for MP4, application/vnd.apple.mpegurl for playlists",
        judge: content_type,
    },
    Check {
        id: "no-encoding",
        name: "no Content-Encoding, whatever is accepted",
        weight: Weight::Breaks,
        players: &["Chrome", "hls.js", "Firefox"],
        advice: "turn compression off for this path (nginx: gzip off): ranges count the bytes of the file itself",
        judge: no_encoding,
    },
    Check {
        id: "cache-control",
        name: "the browser may keep what it has read",
        weight: Weight::Costs,
        players: &["Safari", "Chrome"],
        advice: "not no-store: a film is then read again at every seek; send private, max-age=<life of the link>",
        judge: cache_control,
    },
    Check {
        id: "embeddable",
        name: "a page of another site may embed it",
        weight: Weight::Breaks,
        players: &["Chrome", "Safari", "Firefox"],
        advice: "send Cross-Origin-Resource-Policy: cross-origin, or nothing of that name",
        judge: embeddable,
    },
];

fn whole(record: &Record) -> Result<&Answer, Flaw> {
    let answer = record.answer(Probe::Whole)?;
    if answer.status.is_success() { Ok(answer) } else { Err(Flaw::Unplayed(format!("GET is {}", answer.status))) }
}

fn head(record: &Record) -> Verdict {
    let (head, whole) = (record.answer(Probe::Head)?, whole(record)?);
    must(head.status == StatusCode::OK, || head.status.to_string())?;
    let names =
        [header::CONTENT_LENGTH, header::CONTENT_TYPE, header::ETAG, header::LAST_MODIFIED, header::ACCEPT_RANGES];
    names.iter().try_for_each(|name| {
        let (of_head, of_whole) = (head.field(name), whole.field(name));
        must(of_whole.is_none() || of_head == of_whole, || {
            format!("{name}: {} on HEAD, {} on GET", shown(of_head), shown(of_whole))
        })
    })
}

fn shown(field: Option<String>) -> String {
    field.unwrap_or_else(|| "nothing".to_owned())
}

fn content_length(record: &Record) -> Verdict {
    let answer = whole(record)?;
    must(answer.content_length().is_some(), || "no Content-Length".to_owned())
}

fn accept_ranges(record: &Record) -> Verdict {
    let answer = whole(record)?;
    must(answer.lists(&header::ACCEPT_RANGES, "bytes"), || shown(answer.field(&header::ACCEPT_RANGES)))
}

/// What the first bytes certainly are, as the beginnings of the types that may be given for them.
fn types_of(bytes: &[u8]) -> &'static [&'static str] {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    if bytes.get(4..8) == Some(b"ftyp") {
        &["video/", "audio/", "image/"]
    } else if starts(b"\x1a\x45\xdf\xa3") {
        &["video/", "audio/"]
    } else if starts(b"OggS") {
        &["audio/", "video/", "application/ogg"]
    } else if starts(b"ID3") || starts(b"fLaC") {
        &["audio/"]
    } else if starts(b"#EXTM3U") {
        &["application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl"]
    } else {
        &[""]
    }
}

fn content_type(record: &Record) -> Verdict {
    let answer = whole(record)?;
    let came = answer.field(&header::CONTENT_TYPE);
    let fits = |came: &String| {
        let came = came.to_ascii_lowercase();
        came.contains('/') && types_of(&answer.body).iter().any(|wanted| came.starts_with(wanted))
    };
    must(came.as_ref().is_some_and(fits), || shown(came))
}

fn no_encoding(record: &Record) -> Verdict {
    let mut encoded = record.with_bytes().filter_map(|answer| answer.field(&header::CONTENT_ENCODING));
    record.answer(Probe::Compressed).map(|_| ())?;
    let came = encoded.find(|encoding| !encoding.eq_ignore_ascii_case("identity"));
    came.map_or(Ok(()), |came| Err(Flaw::Wrong(format!("Content-Encoding: {came}"))))
}

fn cache_control(record: &Record) -> Verdict {
    let answer = whole(record)?;
    must(!answer.lists(&header::CACHE_CONTROL, "no-store"), || "no-store".to_owned())
}

fn embeddable(record: &Record) -> Verdict {
    let policy = whole(record)?.field(&POLICY);
    must(policy.as_deref().is_none_or(|policy| policy.eq_ignore_ascii_case("cross-origin")), || shown(policy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_from_the_first_bytes() {
        for (bytes, media_type, fits) in [
            (&b"\0\0\0\x20ftypisom"[..], "video/mp4", true),
            (b"\0\0\0\x20ftypM4A ", "audio/mp4", true),
            (b"\0\0\0\x20ftypisom", "application/octet-stream", false),
            (b"#EXTM3U\n", "application/vnd.apple.mpegurl", true),
            (b"#EXTM3U\n", "text/plain", false),
            (b"anything", "text/plain", true),
            (b"", "text/plain", true),
        ] {
            assert_eq!(types_of(bytes).iter().any(|wanted| media_type.starts_with(wanted)), fits, "{media_type}");
        }
    }
}
