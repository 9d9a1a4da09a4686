//! What a page of another origin may read. A `<video>` alone needs none of it; scripts, captions and canvases do.

use super::{
    super::{
        answer::Answer,
        probe::Probe,
        record::{Flaw, Record, Verdict, must},
    },
    Check, Weight,
};
use http::header;

const SCRIPTS: &[&str] = &["hls.js", "Shaka", "video with crossorigin", "Chromecast"];

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "cors-origin",
        name: "a page of another origin may read it",
        weight: Weight::Breaks,
        players: SCRIPTS,
        advice: "send Access-Control-Allow-Origin: * (the link is the credential), or the page's origin (--origin)",
        judge: |record| allowed(record, Probe::Foreign),
    },
    Check {
        id: "cors-expose",
        name: "its scripts see size, range and version",
        weight: Weight::Breaks,
        players: SCRIPTS,
        advice: "list Accept-Ranges, Content-Range, Content-Length, ETag in Access-Control-Expose-Headers",
        judge: exposed,
    },
    Check {
        id: "cors-preflight",
        name: "a preflight allows Range and If-Range",
        weight: Weight::Breaks,
        players: SCRIPTS,
        advice: "answer OPTIONS with 204 and Access-Control-Allow-Headers: Range, If-Range, without asking who it is",
        judge: preflight,
    },
    Check {
        id: "cors-errors",
        name: "errors can be read as well",
        weight: Weight::Costs,
        players: SCRIPTS,
        advice: "send the CORS headers on 4xx and 5xx too (nginx: add_header ... always): else a script sees a network error",
        judge: errors,
    },
    Check {
        id: "cors-vary",
        name: "Vary: Origin exactly where the answer depends on it",
        weight: Weight::Costs,
        players: &["Chrome", "shared caches"],
        advice: "* needs no Vary: Origin, with which Chrome keeps no parts; a single origin needs it on every answer",
        judge: vary,
    },
];

/// The origin that is allowed, if it is ours.
fn allowed_origin(record: &Record, answer: &Answer) -> Option<String> {
    let allowed = answer.field(&header::ACCESS_CONTROL_ALLOW_ORIGIN);
    allowed.filter(|allowed| allowed == "*" || *allowed == record.origin)
}

fn allowed(record: &Record, probe: Probe) -> Verdict {
    let answer = record.answer(probe)?;
    must(allowed_origin(record, answer).is_some(), || {
        let came = answer.field(&header::ACCESS_CONTROL_ALLOW_ORIGIN);
        format!(
            "{} without a fitting Access-Control-Allow-Origin ({})",
            answer.status,
            came.as_deref().unwrap_or("none")
        )
    })
}

/// Where nobody may read the answer, what else is said of that has no effect.
fn readable(record: &Record) -> Result<&Answer, Flaw> {
    let answer = record.answer(Probe::Foreign)?;
    match allowed_origin(record, answer) {
        Some(_) => Ok(answer),
        None => Err(Flaw::Unplayed("no page of another origin may read it".to_owned())),
    }
}

fn exposed(record: &Record) -> Verdict {
    let answer = readable(record)?;
    let name = header::ACCESS_CONTROL_EXPOSE_HEADERS;
    let wanted = ["Accept-Ranges", "Content-Range", "Content-Length", "ETag"];
    let hidden: Vec<_> = wanted.into_iter().filter(|wanted| !answer.lists(&name, wanted)).collect();
    must(hidden.is_empty() || answer.lists(&name, "*"), || format!("hidden: {}", hidden.join(", ")))
}

fn preflight(record: &Record) -> Verdict {
    readable(record)?;
    let answer = record.answer(Probe::Preflight)?;
    must(answer.status.is_success(), || answer.status.to_string())?;
    allowed(record, Probe::Preflight)?;
    let name = header::ACCESS_CONTROL_ALLOW_HEADERS;
    let refused: Vec<_> = ["Range", "If-Range"].into_iter().filter(|wanted| !answer.lists(&name, wanted)).collect();
    must(refused.is_empty() || answer.lists(&name, "*"), || format!("not allowed: {}", refused.join(", ")))
}

fn errors(record: &Record) -> Verdict {
    readable(record)?;
    let answer = record.answer(Probe::ForeignBeyond)?;
    match answer.status.is_client_error() {
        true => allowed(record, Probe::ForeignBeyond),
        false => Err(Flaw::Unplayed(format!("no error came, but {}", answer.status))),
    }
}

fn vary(record: &Record) -> Verdict {
    let answer = readable(record)?;
    let is_any = allowed_origin(record, answer).is_some_and(|allowed| allowed == "*");
    let varies = answer.lists(&header::VARY, "Origin");
    must(is_any != varies, || if varies { "Vary: Origin with *" } else { "no Vary: Origin" }.to_owned())
}
