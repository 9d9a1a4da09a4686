//! Puts the questions, in the order in which a player would, and records what comes.

use super::{
    answer::{Answer, Exchange, Trouble},
    client::Client,
    probe::{self, Ask, Facts, Probe},
    record::{Record, Walk},
};
use http::{Method, StatusCode, header};
use std::{ops::Range, sync::Arc, time::Instant};
use tokio::task::JoinSet;

/// Read of an answer at most.
const LIMIT: usize = 64 * 1024;
/// Downloads begun and left, as by a viewer who drags along the film in Safari.
const LEFT: u64 = 16;
/// Read of each of those.
const BEGINNING: usize = 4 * 1024;
/// As many as `aria2c -x8`.
const TOGETHER: u64 = 8;

/// Why there is nothing to judge.
#[derive(Debug, thiserror::Error)]
pub(super) enum Closed {
    #[error("{0}")]
    NoAnswer(Trouble),
    #[error("the server answers {0}, so there is no file to play{hint}", hint = hint(*.0))]
    Refused(StatusCode),
}

fn hint(status: StatusCode) -> &'static str {
    match status.as_u16() {
        300..=399 => ": examine the URL that it leads to",
        400 | 401 | 403 | 404 | 410 => ": the link itself is refused, or has expired",
        429 | 503 => ": it is busy; try again later",
        _ => "",
    }
}

/// Plays everything.
pub(super) async fn play(client: &Arc<Client>, origin: &str) -> Result<Record, Closed> {
    let mut record = Record { origin: origin.to_owned(), ..Record::default() };
    put(&mut record, client, &probe::FIRST).await;
    record.facts = learn(&record)?;
    put(&mut record, client, &probe::REST).await;
    record.seeks = seek(client, record.facts.size).await;
    if record.facts.size > 0 {
        leave(&mut record, client).await;
        record.together = ask_together(client, record.facts.size).await;
    }
    Ok(record)
}

async fn put(record: &mut Record, client: &Client, probes: &[Probe]) {
    let mut kept = client.keep();
    for probe in probes {
        let answer = match probe.ask(&record.facts, &record.origin) {
            Ok(ask) => Ok(kept.ask(&ask, LIMIT).await),
            Err(why) => Err(why),
        };
        record.answers.insert(*probe, answer);
    }
}

/// A file is there if anything opens it.
fn learn(record: &Record) -> Result<Facts, Closed> {
    let answered = |probe| record.answers.get(&probe).and_then(|asked| asked.as_ref().ok());
    let first = [Probe::Whole, Probe::FirstTwo].map(answered);
    let came: Vec<&Answer> = first.iter().flatten().filter_map(|exchange| exchange.as_ref().ok()).collect();
    if !came.iter().any(|answer| answer.status.is_success()) {
        let trouble = first.iter().flatten().find_map(|exchange| exchange.as_ref().err().cloned());
        let refused = came.first().map(|answer| Closed::Refused(answer.status));
        return Err(refused.unwrap_or_else(|| Closed::NoAnswer(trouble.unwrap_or(Trouble::OutOfTime))));
    }
    let field = |name| came.iter().find_map(|answer| answer.field(&name));
    let head = answered(Probe::Head).and_then(|exchange| exchange.as_ref().ok());
    let size = came.iter().copied().chain(head).find_map(Answer::size);
    Ok(Facts { size: size.unwrap_or_default(), etag: field(header::ETAG), modified: field(header::LAST_MODIFIED) })
}

/// Back and forth on one connection.
async fn seek(client: &Client, size: u64) -> Walk {
    let (mut kept, mut walk) = (client.keep(), Walk::default());
    for part in probe::seeks(size) {
        let began = Instant::now();
        let exchange = kept.ask(&Ask::part(&part), LIMIT).await;
        walk.times.push(began.elapsed());
        walk.parts.push((part, exchange));
    }
    walk.connections = kept.connections;
    walk
}

/// Downloads that are begun and dropped, then one question more.
async fn leave(record: &mut Record, client: &Client) {
    let size = record.facts.size;
    for start in shares(size, LEFT) {
        let ask = Ask::new(Method::GET).range(format!("bytes={start}-"));
        record.left.push(client.ask(&ask, BEGINNING).await);
    }
    record.after_left = Some(client.ask(&Ask::part(&(0..size.min(2))), LIMIT).await);
}

async fn ask_together(client: &Arc<Client>, size: u64) -> Vec<(Range<u64>, Exchange)> {
    let mut asked = JoinSet::new();
    for start in shares(size, TOGETHER) {
        let (client, part) = (Arc::clone(client), start..size.min(start.saturating_add(probe::PART)));
        asked.spawn(async move { (part.clone(), client.ask(&Ask::part(&part), LIMIT).await) });
    }
    asked.join_all().await
}

/// So many places in the file, evenly apart.
fn shares(size: u64, count: u64) -> impl Iterator<Item = u64> {
    let place = move |number: u64| u128::from(size) * u128::from(number) / u128::from(count);
    (0..count).map(move |number| u64::try_from(place(number)).unwrap_or_default())
}
