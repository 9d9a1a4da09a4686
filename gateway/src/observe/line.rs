//! What is told of one request once it is over: the log's one line, and its span. Of a path both hold the route only.

use super::Exchange;
use crate::{reject::Reject, store::ReadError};
use std::time::Duration;
use traces::Answered;
use tracing::Level;

/// How a request went wrong.
#[derive(Default)]
pub(super) struct Trouble {
    /// Of a refusal.
    code: Option<&'static str>,
    cause: Option<String>,
    /// An operator may have to act.
    is_warning: bool,
}

impl Trouble {
    pub(super) fn of_refusal(reject: &Reject) -> Self {
        Self { code: Some(reject.code()), cause: reject.cause(), is_warning: reject.level() == Level::WARN }
    }

    pub(super) fn of_body(error: &ReadError) -> Self {
        Self { code: None, cause: Some(error.to_string()), is_warning: !matches!(error, ReadError::Revoked) }
    }
}

impl Exchange {
    pub(super) fn tell(&mut self, end: &'static str, elapsed: Duration) {
        let Self { method, route, bytes, .. } = *self;
        let Trouble { code, ref cause, is_warning } = self.trouble;
        let (status, cause, request_id) = (self.status.as_u16(), cause.as_deref(), self.request_id.as_str());
        let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let trace_id = self.trace.id().map(tracing::field::display);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(method, route, status, bytes, ms, end, code, cause, request_id, trace_id, "answered")
            };
        }
        if is_warning {
            line!(warn);
        } else {
            line!(info);
        }
        let broken = (is_warning && code.is_none()).then_some(end);
        self.trace.end(&Answered { method, route, status, bytes, code, broken });
    }
}
