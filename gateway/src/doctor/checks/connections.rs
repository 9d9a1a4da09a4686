//! What happens when a viewer drags along the film.

use super::{
    super::{
        answer::Exchange,
        record::{Flaw, Record, Verdict, must},
    },
    Check, Weight,
    ranges::is_part,
};
use http::StatusCode;
use std::ops::Range;

/// One to begin with, and one more for a server that happened to close.
const FEW_CONNECTIONS: usize = 2;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "seeks",
        name: "seeks back and forth give the parts asked for",
        weight: Weight::Breaks,
        players: &["everybody who seeks"],
        advice: "answer each range by itself; a limit on the rate of requests must leave room for seeking",
        judge: |record| are_parts(&record.seeks.parts),
    },
    Check {
        id: "keep-alive",
        name: "one connection serves many seeks",
        weight: Weight::Costs,
        players: &["Chrome", "ffmpeg", "hls.js"],
        advice: "keep connections alive (nginx: keepalive_requests, keepalive_timeout): each new one costs round trips",
        judge: keep_alive,
    },
    Check {
        id: "leave",
        name: "downloads that are begun and dropped do no harm",
        weight: Weight::Breaks,
        players: &["Safari", "iOS", "AVPlayer"],
        advice: "Safari opens and drops hundreds in a film: limit bytes or connections, not the rate of requests",
        judge: leave,
    },
    Check {
        id: "together",
        name: "eight parts at once",
        weight: Weight::Breaks,
        players: &["aria2c -x8", "download managers", "Chrome"],
        advice: "allow several connections for a link (nginx: limit_conn)",
        judge: |record| are_parts(&record.together),
    },
];

fn are_parts(parts: &[(Range<u64>, Exchange)]) -> Verdict {
    if parts.is_empty() {
        return Err(Flaw::Unplayed("the file is empty, or its size unknown".to_owned()));
    }
    parts.iter().try_for_each(|(part, exchange)| {
        let answer = exchange.as_ref().map_err(Flaw::from)?;
        is_part(answer, (part.start, part.end - 1))
    })
}

fn keep_alive(record: &Record) -> Verdict {
    let walk = &record.seeks;
    if !walk.parts.iter().any(|(_, exchange)| exchange.is_ok()) {
        return Err(Flaw::Unplayed("no seek was answered".to_owned()));
    }
    must(walk.connections <= FEW_CONNECTIONS, || {
        format!("{} connections for {} seeks", walk.connections, walk.parts.len())
    })
}

/// Which bytes come is a matter of other rows.
fn leave(record: &Record) -> Verdict {
    let Some(after) = &record.after_left else {
        return Err(Flaw::Unplayed("the file is empty, or its size unknown".to_owned()));
    };
    record.left.iter().chain([after]).try_for_each(|exchange| {
        let answer = exchange.as_ref().map_err(Flaw::from)?;
        let came = answer.status;
        must(matches!(came, StatusCode::PARTIAL_CONTENT | StatusCode::OK), || came.to_string())
    })
}
