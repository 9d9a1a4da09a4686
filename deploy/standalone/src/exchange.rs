//! A request that is answered here instead of in the signer: it has an id and its one line in the log like any other.

use axum::{
    body::HttpBody,
    extract::Request,
    http::{HeaderName, HeaderValue},
    response::Response,
};
use proto::{
    id::request_id_of,
    trace_context::{TRACEPARENT, TRACESTATE, TraceContext, TraceId},
};
use signer::observe::method_label;
use std::time::Instant;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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
        let headers = request.headers();
        let given = headers.get(REQUEST_ID).and_then(|id| request_id_of(id.as_bytes()));
        let lines = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
        Self {
            route,
            method: method_label(request.method()),
            id: given.map_or_else(|| uuid::Uuid::now_v7().to_string(), Into::into),
            trace: TraceContext::read(lines(TRACEPARENT), lines(TRACESTATE)).map(|context| context.trace),
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
        let status = response.status().as_u16();
        // The body of an answer to HEAD is taken off behind this.
        let bytes = if method == "HEAD" { 0 } else { response.body().size_hint().lower() };
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let trace_id = trace.map(tracing::field::display);
        tracing::info!(method, route, status, bytes, ms, end = "answered", code, request_id, trace_id, "request");
        response
    }
}
