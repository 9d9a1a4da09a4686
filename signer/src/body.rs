//! Request bodies: read at the client's pace, but not at any pace; and the small JSON ones.

use crate::error::Error;
use axum::{
    body::{Body, BodyDataStream, Bytes},
    http::{HeaderMap, header},
};
use futures_util::StreamExt;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, timeout_at};

/// Bytes of a JSON body at most.
const MAX_JSON: u64 = 64 << 10;

/// What a client must send for its body to count as arriving, in bytes. A byte now and then is no progress.
const PROGRESS: usize = 1 << 10;

/// A body that must make progress. Only time spent waiting for the client counts, not time spent storing.
pub(crate) struct Paced {
    pieces: BodyDataStream,
    patience: Duration,
    waited: Duration,
    arrived: usize,
    /// Since when the next piece is waited for: whoever stops waiting can go on.
    asked: Option<Instant>,
}

impl Paced {
    /// `patience` is how long the client may take for each [`PROGRESS`] bytes.
    pub(crate) fn new(body: Body, patience: Duration) -> Self {
        Self { pieces: body.into_data_stream(), patience, waited: Duration::ZERO, arrived: 0, asked: None }
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let asked = *self.asked.get_or_insert_with(Instant::now);
        let deadline = asked + self.patience.saturating_sub(self.waited);
        let piece = match timeout_at(deadline, self.pieces.next()).await {
            Err(_) => return Err(Error::Stalled),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(Error::invalid("body", "ended before it was complete")),
            Ok(Some(Ok(piece))) => piece,
        };
        self.asked = None;
        self.waited += asked.elapsed();
        self.arrived += piece.len();
        if self.arrived >= PROGRESS {
            (self.waited, self.arrived) = (Duration::ZERO, 0);
        }
        Ok(Some(piece))
    }
}

/// `Content-Length`, if there is one.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The media type of the body, lower case, without parameters.
pub(crate) fn essence(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// The fields of a JSON body. `null` counts as absent, and an empty body has none.
#[derive(Debug, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads the whole body.
    pub(crate) async fn read(headers: &HeaderMap, body: Body, patience: Duration) -> Result<Self, Error> {
        let bytes = whole(headers, body, MAX_JSON, patience).await?;
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        if essence(headers).as_deref() != Some("application/json") {
            return Err(Error::MediaType { expected: "application/json" });
        }
        let fields = serde_json::from_slice(&bytes).map_err(|_| Error::invalid("body", "must be a JSON object"))?;
        Ok(Self(fields))
    }

    /// A whole number.
    pub(crate) fn integer(&self, name: &'static str, why: &'static str) -> Result<Option<u64>, Error> {
        self.field(name, why, Value::as_u64)
    }

    /// A text.
    pub(crate) fn text(&self, name: &'static str, why: &'static str) -> Result<Option<&str>, Error> {
        self.field(name, why, Value::as_str)
    }

    /// A list of 1 to `most` texts, which must be there.
    pub(crate) fn texts(&self, name: &'static str, most: usize, why: &'static str) -> Result<Vec<String>, Error> {
        let list = self.field(name, why, Value::as_array)?.filter(|list| (1..=most).contains(&list.len()));
        let texts = list.and_then(|list| list.iter().map(|entry| entry.as_str().map(Into::into)).collect());
        texts.ok_or(Error::invalid(name, why))
    }

    /// An object of texts.
    pub(crate) fn text_map(
        &self,
        name: &'static str,
        why: &'static str,
    ) -> Result<Option<BTreeMap<String, String>>, Error> {
        let read = |object: &Map<String, Value>| {
            object.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect::<Option<_>>()
        };
        match self.field(name, why, Value::as_object)? {
            None => Ok(None),
            Some(object) => read(object).map(Some).ok_or(Error::invalid(name, why)),
        }
    }

    fn field<'a, T>(
        &'a self,
        name: &'static str,
        why: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or(Error::invalid(name, why)),
        }
    }
}

/// A body of at most `limit` bytes.
pub(crate) async fn whole(headers: &HeaderMap, body: Body, limit: u64, patience: Duration) -> Result<Vec<u8>, Error> {
    let too_large = Error::TooLarge { limit };
    if declared_length(headers).is_some_and(|length| length > limit) {
        return Err(too_large);
    }
    let (mut body, mut bytes) = (Paced::new(body, patience), Vec::new());
    while let Some(piece) = body.next().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > limit {
            return Err(too_large);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    fn dripping(bytes: usize, pause: Duration) -> Body {
        let pieces = stream::unfold((), move |()| async move {
            tokio::time::sleep(pause).await;
            Some((Ok::<_, std::io::Error>(Bytes::from(vec![0; bytes])), ()))
        });
        Body::from_stream(pieces.take(100))
    }

    async fn read(body: Body) -> Result<usize, Error> {
        let (mut body, mut read) = (Paced::new(body, Duration::from_secs(60)), 0);
        while let Some(piece) = body.next().await? {
            read += piece.len();
        }
        Ok(read)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_read_to_its_end() {
        assert_eq!(read(dripping(1024, Duration::from_secs(50))).await.unwrap(), 102_400);
    }

    #[tokio::test(start_paused = true)]
    async fn looking_away_meanwhile_gives_the_client_no_more_time() {
        let mut body = Paced::new(dripping(1 << 20, Duration::from_secs(61)), Duration::from_secs(60));
        let outcome = loop {
            if let Ok(outcome) = tokio::time::timeout(Duration::from_secs(7), body.next()).await {
                break outcome;
            }
        };
        assert!(matches!(outcome, Err(Error::Stalled)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_every_ten_seconds_is_no_progress() {
        assert!(matches!(read(dripping(1, Duration::from_secs(10))).await, Err(Error::Stalled)));
        assert!(matches!(read(dripping(1 << 20, Duration::from_secs(61))).await, Err(Error::Stalled)));
    }

    #[tokio::test(start_paused = true)]
    async fn time_spent_storing_is_not_held_against_the_client() {
        let mut body = Paced::new(dripping(1, Duration::from_secs(1)), Duration::from_secs(60));
        for _ in 0..50 {
            body.next().await.unwrap();
            tokio::time::sleep(Duration::from_secs(100)).await;
        }
    }
}
