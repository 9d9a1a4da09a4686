//! A request's trace, and its span: what it is called and what it says are those of OpenTelemetry's conventions for
//! HTTP servers. No path, no query, no id and no header is ever in one.

use opentelemetry::{
    Context, KeyValue,
    trace::{
        Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId,
        TraceState, Tracer,
    },
};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use proto::trace_context::{self, TraceContext};
use std::sync::Arc;

/// Which trace a request belongs to, and its own span if that is recorded.
#[derive(Debug, Default)]
pub struct Trace {
    context: Option<Arc<TraceContext>>,
    span: Option<Box<Span>>,
}

/// What a span says of its request.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// One of a closed set.
    pub method: &'a str,
    /// The route's template.
    pub route: &'a str,
    /// Of the answer.
    pub status: u16,
    /// Of the answer's body, as far as it went out.
    pub bytes: u64,
    /// Of a refusal.
    pub code: Option<&'a str>,
    /// Why the body ended before its length, where that is the server's own failure.
    pub broken: Option<&'a str>,
}

impl Trace {
    /// Of a service that records nothing.
    pub(crate) fn passed_on(came: Option<TraceContext>) -> Self {
        Self { context: came.map(Arc::new), span: None }
    }

    pub(crate) fn begin(tracer: &SdkTracer, scheme: &'static str, came: Option<TraceContext>) -> Self {
        let parent =
            came.as_ref().map_or_else(Context::new, |came| Context::new().with_remote_span_context(span_context(came)));
        let builder = SpanBuilder::from_name("")
            .with_kind(SpanKind::Server)
            .with_attributes([KeyValue::new("url.scheme", scheme)]);
        let span = tracer.build_with_context(builder, &parent);
        let context = next_context(came, span.span_context());
        Self { context: Some(Arc::new(context)), span: span.is_recording().then(|| Box::new(span)) }
    }

    /// What is to be passed on.
    #[must_use]
    pub fn context(&self) -> Option<&Arc<TraceContext>> {
        self.context.as_ref()
    }

    /// For the log.
    #[must_use]
    pub fn id(&self) -> Option<trace_context::TraceId> {
        self.context.as_ref().map(|context| context.trace)
    }

    /// The request is over.
    pub fn end(&mut self, answered: &Answered<'_>) {
        let Some(mut span) = self.span.take() else { return };
        let Answered { method, route, status, bytes, .. } = *answered;
        // The conventions' word for a method that they do not list.
        let method = if method == "other" { "_OTHER" } else { method };
        span.update_name(format!("{} {route}", if method == "_OTHER" { "HTTP" } else { method }));
        span.set_attributes([
            KeyValue::new("http.request.method", method.to_owned()),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(status)),
            KeyValue::new("http.response.body.size", i64::try_from(bytes).unwrap_or(i64::MAX)),
        ]);
        if let Some(failure) = answered.failure() {
            span.set_attribute(KeyValue::new("error.type", failure));
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

impl Answered<'_> {
    /// As the conventions have it for servers: 5xx is an error whatever it is for, 4xx is the client's.
    fn failure(&self) -> Option<String> {
        match self.broken {
            Some(broken) => Some(broken.to_owned()),
            None if self.status >= 500 => Some(self.code.map_or_else(|| self.status.to_string(), str::to_owned)),
            None => None,
        }
    }
}

/// Of the request that came, as its span's parent.
fn span_context(came: &TraceContext) -> SpanContext {
    let flags = if came.is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let state = came.tracestate().and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
    let (trace, span) = (TraceId::from_bytes(came.trace.0), SpanId::from_bytes(came.span.0));
    SpanContext::new(trace, span, flags, true, state)
}

/// Of what is asked within a span.
fn next_context(came: Option<TraceContext>, own: &SpanContext) -> TraceContext {
    let span = trace_context::SpanId(own.span_id().to_bytes());
    match came {
        Some(came) => came.within(span, own.is_sampled()),
        None => TraceContext::begun(trace_context::TraceId(own.trace_id().to_bytes()), span, own.is_sampled()),
    }
}
