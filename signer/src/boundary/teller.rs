//! The one line that the log gets of a request, its place in the metrics, and its span.

use super::{Exchange, Facts};
use crate::{Signer, error::Error};
use proto::id::UserId;
use traces::{Answered, Trace};
use tracing::Level;

/// What the log, the metrics and the trace are told of an exchange, once: at the answer, or when its client leaves first.
pub(super) struct Teller<'a> {
    exchange: &'a Exchange,
    signer: &'a Signer,
    trace: Trace,
    has_told: bool,
}

/// How an exchange went.
pub(super) struct Outcome<'a> {
    pub(super) status: u16,
    /// Of the answer's body.
    pub(super) bytes: u64,
    pub(super) end: &'static str,
    pub(super) error: Option<&'a Error>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(exchange: &'a Exchange, signer: &'a Signer, trace: Trace) -> Self {
        Self { exchange, signer, trace, has_told: false }
    }

    pub(super) fn tell(&mut self, outcome: &Outcome<'_>) {
        let Facts { id: request_id, method, route, user, started, .. } = &*self.exchange.0;
        let Outcome { status, bytes, end, error } = *outcome;
        let answer = error.map(Error::answer);
        let is_ours = answer.as_ref().is_some_and(|answer| answer.level == Level::ERROR);
        let (code, cause) = (answer.map(|answer| answer.code), error.map(ToString::to_string));
        let (user, trace_id) = (user.get().map(UserId::as_str), self.trace.id().map(tracing::field::display));
        let elapsed = started.elapsed();
        let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    method, route, status, bytes, ms, end, code, cause, user, request_id, trace_id, "request"
                )
            };
        }
        if is_ours {
            line!(error);
        } else {
            line!(info);
        }
        self.signer.metrics().request(method, route, status, elapsed);
        self.trace.end(&Answered { method, route, status, bytes, code, broken: None });
        self.has_told = true;
    }
}

impl Drop for Teller<'_> {
    fn drop(&mut self) {
        if !self.has_told {
            // nginx's number for it; it never goes over a wire.
            self.tell(&Outcome { status: 499, bytes: 0, end: "client_gone", error: None });
        }
    }
}
