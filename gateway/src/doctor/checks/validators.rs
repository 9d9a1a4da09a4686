//! Which version of the file it is: RFC 9110 sections 8.8 and 13.

use super::{
    super::{
        probe::{Probe, is_strong},
        record::{Flaw, Record, Verdict, must},
    },
    Check, Weight,
};
use http::header;

const RESUMERS: &[&str] = &["Chrome", "Firefox", "download managers"];

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "etag",
        name: "a strong ETag, in quotes",
        weight: Weight::Breaks,
        players: &["Chrome", "Firefox", "download managers"],
        advice: "send ETag: \"...\", without W/: only then can parts of the file be put together",
        judge: etag,
    },
    Check {
        id: "etag-stable",
        name: "one ETag, whichever range is asked",
        weight: Weight::Breaks,
        players: &["Chrome", "aria2c", "players that pin a version"],
        advice: "derive it from the file, not from the answer or the machine: behind a balancer all must agree",
        judge: etag_stable,
    },
    Check {
        id: "last-modified",
        name: "a Last-Modified",
        weight: Weight::Costs,
        players: &["wget -N", "Safari"],
        advice: "send when the file was changed",
        judge: last_modified,
    },
    Check {
        id: "if-range",
        name: "If-Range with the file's ETag goes on where it stopped",
        weight: Weight::Breaks,
        players: RESUMERS,
        advice: "answer 206: else every resumed download begins anew",
        judge: |record| comes(record, Probe::IfRange, 206),
    },
    Check {
        id: "if-range-other",
        name: "If-Range with another ETag is the whole file",
        weight: Weight::Breaks,
        players: RESUMERS,
        advice: "answer 200: else halves of two versions are glued together",
        judge: |record| comes(record, Probe::IfRangeOther, 200),
    },
    Check {
        id: "if-range-weak",
        name: "If-Range with a weak ETag is the whole file",
        weight: Weight::Costs,
        players: RESUMERS,
        advice: "answer 200: a weak ETag says nothing of bytes (RFC 9110 section 13.1.5)",
        judge: |record| comes(record, Probe::IfRangeWeak, 200),
    },
    Check {
        id: "if-range-date",
        name: "If-Range with the file's date goes on where it stopped",
        weight: Weight::Costs,
        players: &["download managers"],
        advice: "answer 206 to exactly the date of Last-Modified",
        judge: |record| comes(record, Probe::IfRangeDate, 206),
    },
    Check {
        id: "if-none-match",
        name: "If-None-Match with the file's ETag is 304",
        weight: Weight::Costs,
        players: &["every browser's cache"],
        advice: "answer 304: what the browser has need not be sent again",
        judge: |record| comes(record, Probe::IfNoneMatch, 304),
    },
    Check {
        id: "if-none-match-part",
        name: "If-None-Match is looked at before Range",
        weight: Weight::Costs,
        players: &["every browser's cache"],
        advice: "answer 304 (RFC 9110 section 13.2.2)",
        judge: |record| comes(record, Probe::IfNoneMatchPart, 304),
    },
    Check {
        id: "if-modified-since",
        name: "If-Modified-Since with the file's date is 304",
        weight: Weight::Costs,
        players: &["wget -N", "proxies"],
        advice: "answer 304",
        judge: |record| comes(record, Probe::IfModifiedSince, 304),
    },
    Check {
        id: "if-match",
        name: "If-Match with another ETag is 412",
        weight: Weight::Costs,
        players: &["parallel downloaders", "players that pin a version"],
        advice: "answer 412: who reads in parts learns that the file was replaced",
        judge: |record| comes(record, Probe::IfMatchOther, 412),
    },
];

fn comes(record: &Record, probe: Probe, status: u16) -> Verdict {
    let answer = record.answer(probe)?;
    must(answer.status.as_u16() == status, || answer.status.to_string())
}

fn etag(record: &Record) -> Verdict {
    record.answer(Probe::Whole)?;
    let Some(etag) = &record.facts.etag else { return Err(Flaw::Wrong("no ETag".to_owned())) };
    must(is_strong(etag), || etag.clone())
}

fn etag_stable(record: &Record) -> Verdict {
    let Some(etag) = &record.facts.etag else {
        return Err(Flaw::Unplayed("the server gives no ETag".to_owned()));
    };
    let mut others = record.with_bytes().map(|answer| answer.field(&header::ETAG));
    let other = others.find(|other| other.as_ref() != Some(etag));
    other.map_or(Ok(()), |other| Err(Flaw::Wrong(format!("{etag}, then {}", other.as_deref().unwrap_or("none")))))
}

fn last_modified(record: &Record) -> Verdict {
    record.answer(Probe::Whole)?;
    must(record.facts.modified.is_some(), || "no Last-Modified".to_owned())
}
