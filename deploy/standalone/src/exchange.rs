//! A request that is answered here instead of in the signer: it has an id and its one line in the log like any other.

use axum::{extract::Request, http::HeaderValue, response::Response};
use proto::trace_context::TraceId;
use signer::observe::{REQUEST_ID, body_bytes, method_label, request_id, trace_of};
use std::time::Instant;

/// One request, until it is answered.
pub(crate) struct Exchange {
    route: &'static str,
    method: &'static str,
    id: String,
    trace: Option<TraceId>,
    started: Instant,
}

impl Exchange {
    pub(crate) fn of(request: &Request, route: &'static str) -> Self {
        Self {
            route,
            method: method_label(request.method()),
            id: request_id(request.headers()),
            trace: trace_of(request.headers()).map(|context| context.trace),
            started: Instant::now(),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Marks the answer, and tells the log of it; `code` is of a refusal.
    pub(crate) fn answer(self, mut response: Response, code: Option<&'static str>) -> Response {
        response.headers_mut().extend(HeaderValue::try_from(&self.id).map(|id| (REQUEST_ID, id)));
        let Self { route, method, id: request_id, trace, started } = self;
        let (status, bytes) = (response.status().as_u16(), body_bytes(method, &response));
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let trace_id = trace.map(tracing::field::display);
        tracing::info!(method, route, status, bytes, ms, end = "answered", code, request_id, trace_id, "request");
        response
    }
}
