//! Which bytes come for a `Range`: RFC 9110 section 14, and what players make of it.

use super::{
    super::{
        answer::{Answer, Ended},
        probe::{PART, Probe},
        record::{Flaw, Record, Verdict, must},
    },
    Check, Weight,
};
use http::{StatusCode, header};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "first-two",
        name: "bytes=0-1 is 206 with the first two bytes",
        weight: Weight::Breaks,
        players: &["Safari", "iOS", "AVPlayer"],
        advice: "answer the probe as any other range; without that nothing of the file is asked for again",
        judge: |record| part(record, Probe::FirstTwo, |size| (0, 1.min(size - 1))),
    },
    Check {
        id: "open",
        name: "bytes=0- is 206, not 200",
        weight: Weight::Breaks,
        players: &["Safari", "Chrome", "ffmpeg", "mpv"],
        advice: "answer 206 to every range that can be satisfied, the whole file too: after 200 they do not seek",
        judge: |record| part(record, Probe::Open, |size| (0, size - 1)),
    },
    Check {
        id: "full-span",
        name: "the whole file, asked for as a range, is 206",
        weight: Weight::Breaks,
        players: &["Safari", "AVPlayer"],
        advice: "answer 206 to every range that can be satisfied, the whole file too",
        judge: |record| part(record, Probe::Span, |size| (0, size - 1)),
    },
    Check {
        id: "tail",
        name: "bytes=N- runs to the end of the file",
        weight: Weight::Breaks,
        players: &["Chrome", "ffmpeg", "mpv", "VLC", "curl -C -", "wget -c"],
        advice: "do not cap open ranges: who seeks, resumes or reads an index at the end needs all of the rest",
        judge: |record| part(record, Probe::Tail, |size| (size.saturating_sub(PART), size - 1)),
    },
    Check {
        id: "suffix",
        name: "bytes=-N is the last N bytes",
        weight: Weight::Breaks,
        players: &["scripts that read an index at the end", "zip and PDF readers"],
        advice: "support suffix ranges (RFC 9110 section 14.1.2)",
        judge: |record| part(record, Probe::Suffix, |size| (size - size.min(1000), size - 1)),
    },
    Check {
        id: "long-suffix",
        name: "a suffix longer than the file is the whole file, as 206",
        weight: Weight::Costs,
        players: &["scripts that read an index at the end"],
        advice: "clip the suffix to the file (RFC 9110 section 14.1.2)",
        judge: |record| part(record, Probe::LongSuffix, |size| (0, size - 1)),
    },
    Check {
        id: "past-end",
        name: "an end past the end is clipped",
        weight: Weight::Breaks,
        players: &["hls.js", "Shaka", "aria2c", "players that ask in blocks"],
        advice: "clip the range to the file: the last block of a file is hardly ever a whole one",
        judge: |record| part(record, Probe::PastEnd, |size| (size.saturating_sub(10), size - 1)),
    },
    Check {
        id: "beyond",
        name: "a start past the end is 416 with bytes */size",
        weight: Weight::Breaks,
        players: &["curl -C -", "wget -c"],
        advice: "answer 416 with Content-Range: bytes */<size>: who has the whole file learns so from it",
        judge: beyond,
    },
    Check {
        id: "several",
        name: "several ranges give all of them, or the whole file",
        weight: Weight::Costs,
        players: &["Chrome on Android", "PDF readers"],
        advice: "answer multipart/byteranges with every part, or ignore the header and answer 200",
        judge: several,
    },
    Check {
        id: "reversed",
        name: "a malformed range is ignored or refused",
        weight: Weight::Costs,
        players: &["clients with a bug of their own"],
        advice: "answer 200 with the whole file, or 416; never 206, never an error of the server",
        judge: |record| status_in(record, Probe::Reversed, &[200, 400, 416]),
    },
    Check {
        id: "other-unit",
        name: "an unknown range unit is ignored",
        weight: Weight::Costs,
        players: &["clients of other protocols"],
        advice: "answer 200 as if there were no Range (RFC 9110 section 14.2)",
        judge: |record| status_in(record, Probe::OtherUnit, &[200]),
    },
    Check {
        id: "whole",
        name: "without a range it is 200, without Content-Range",
        weight: Weight::Breaks,
        players: &["Safari", "curl", "wget"],
        advice: "send Content-Range with 206 and 416 only",
        judge: whole,
    },
    Check {
        id: "real-size",
        name: "every 206 names the file's real size, the same one",
        weight: Weight::Breaks,
        players: &["Safari", "ffmpeg", "aria2c"],
        advice: "write the size behind the slash of Content-Range, never *: without it there is no seek bar",
        judge: real_size,
    },
    Check {
        id: "exact-length",
        name: "every 206 has exactly the bytes that it announces",
        weight: Weight::Breaks,
        players: &["everybody"],
        advice: "let Content-Length, Content-Range and the body agree; look for a proxy that cuts or rewrites bodies",
        judge: exact_length,
    },
    Check {
        id: "bytes-agree",
        name: "the same bytes come whichever range they are asked in",
        weight: Weight::Breaks,
        players: &["everybody"],
        advice: "look for a cache that mixes versions, a slice boundary, or a proxy that changes bodies",
        judge: bytes_agree,
    },
];

fn status_in(record: &Record, probe: Probe, wanted: &[u16]) -> Verdict {
    let answer = record.answer(probe)?;
    must(wanted.contains(&answer.status.as_u16()), || answer.status.to_string())
}

/// 206 with these bytes, first and last, of a file of `size`.
fn part(record: &Record, probe: Probe, wanted: impl Fn(u64) -> (u64, u64)) -> Verdict {
    let answer = record.answer(probe)?;
    if record.facts.size == 0 {
        return Err(Flaw::Unplayed("the file is empty, or its size unknown".to_owned()));
    }
    is_part(answer, wanted(record.facts.size))
}

/// 206 with these bytes. That the size is right and the body as long as it says are rows of their own.
pub(super) fn is_part(answer: &Answer, (first, last): (u64, u64)) -> Verdict {
    must(answer.status == StatusCode::PARTIAL_CONTENT, || answer.status.to_string())?;
    let came = answer.content_range();
    must(came.is_some_and(|range| (range.first, range.last) == (first, last)), || {
        let came = answer.field(&header::CONTENT_RANGE);
        format!("206 with {} in place of bytes {first}-{last}", came.as_deref().unwrap_or("no Content-Range"))
    })
}

fn beyond(record: &Record) -> Verdict {
    let answer = record.answer(Probe::Beyond)?;
    must(answer.status == StatusCode::RANGE_NOT_SATISFIABLE, || answer.status.to_string())?;
    let (came, wanted) = (answer.field(&header::CONTENT_RANGE), format!("bytes */{}", record.facts.size));
    must(came.as_ref() == Some(&wanted), || {
        format!("416 with {} in place of {wanted}", came.as_deref().unwrap_or("no Content-Range"))
    })
}

/// Parts are told by their own Content-Range; how they are ordered and joined is the server's affair.
fn several(record: &Record) -> Verdict {
    let answer = record.answer(Probe::Several)?;
    if answer.status == StatusCode::OK {
        return Ok(());
    }
    must(answer.status == StatusCode::PARTIAL_CONTENT, || answer.status.to_string())?;
    let media_type = answer.field(&header::CONTENT_TYPE).unwrap_or_default();
    must(media_type.to_ascii_lowercase().starts_with("multipart/byteranges"), || format!("206 of {media_type}"))?;
    let text = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    let has = |part: &str| text.contains(&format!("content-range: bytes {part}/"));
    must(has("0-9") && has("100-109"), || "multipart/byteranges without both parts".to_owned())
}

fn whole(record: &Record) -> Verdict {
    let answer = record.answer(Probe::Whole)?;
    must(answer.status == StatusCode::OK, || answer.status.to_string())?;
    let with_range = record.with_bytes().filter(|answer| answer.status == StatusCode::OK);
    let mut with_range = with_range.filter_map(|answer| answer.field(&header::CONTENT_RANGE));
    with_range.next().map_or(Ok(()), |came| Err(Flaw::Wrong(format!("200 with Content-Range: {came}"))))
}

/// The rows that look at all parts have nothing to look at where there are none.
fn some_part(record: &Record) -> Verdict {
    match record.parts().next() {
        Some(_) => Ok(()),
        None => Err(Flaw::Unplayed("no 206 came".to_owned())),
    }
}

fn real_size(record: &Record) -> Verdict {
    some_part(record)?;
    let size = Some(record.facts.size);
    let mut others = record.parts().filter(|(_, range)| range.size != size).map(|(_, range)| range.size);
    others.next().map_or(Ok(()), |other| {
        let came = other.map_or_else(|| "*".to_owned(), |other| other.to_string());
        Err(Flaw::Wrong(format!("{came} in place of {}", record.facts.size)))
    })
}

fn exact_length(record: &Record) -> Verdict {
    some_part(record)?;
    record.parts().try_for_each(|(answer, range)| {
        let (announced, length) = (answer.content_length(), range.length());
        must(announced == Some(length), || match announced {
            Some(other) => format!("Content-Length {other} with a Content-Range of {length} bytes"),
            None => "no Content-Length".to_owned(),
        })?;
        let came = answer.body.len();
        must(answer.ended != Ended::Cut, || format!("the body broke off after {came} bytes"))
    })
}

fn bytes_agree(record: &Record) -> Verdict {
    some_part(record)?;
    let mut placed: Vec<(u64, &[u8])> =
        record.with_bytes().filter_map(|answer| Some((answer.place()?, answer.body.as_slice()))).collect();
    placed.sort_unstable();
    for (index, (place, bytes)) in placed.iter().enumerate() {
        let end = place.saturating_add(bytes.len() as u64);
        let neighbours = placed[index + 1..].iter().take_while(|(other, _)| *other < end);
        for (other, theirs) in neighbours {
            let behind = bytes.get(usize::try_from(other - place).unwrap_or(usize::MAX)..).unwrap_or_default();
            let differs = behind.iter().zip(*theirs).position(|(ours, theirs)| ours != theirs);
            must(differs.is_none(), || format!("two answers differ behind byte {other}"))?;
        }
    }
    Ok(())
}
