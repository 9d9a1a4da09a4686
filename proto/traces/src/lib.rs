//! Traces of requests, in both services alike: which trace a request belongs to, its own span, and the span's way to a
//! collector.
//!
//! | module | holds |
//! |---|---|
//! | [`Endpoint`] | where the collector is, if there is one |
//! | `span` | a request's trace, and its span |
//! | `export` | spans on their way out: bounded, in batches, on a thread of their own |
//! | `forward` | what is asked of storage for a request carries its trace |
//!
//! Without a collector a request's trace is the one that it came with, and is passed on as it came. With one, each
//! request is a span of its caller's trace, or begins a trace; whether it is recorded is the caller's to say, and where
//! there is none, the usual `OTEL_TRACES_SAMPLER`'s.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

#[cfg(feature = "collector")]
pub mod collector;
mod endpoint;
mod export;
mod forward;
mod span;

pub use endpoint::Endpoint;
pub use export::Counts;
pub use forward::{Forwarding, carried, on_behalf, write};
pub use span::{Answered, Trace};

use export::Exporting;
use opentelemetry::{InstrumentationScope, Key, trace::TracerProvider};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider, SpanExporter as _},
};
use proto::trace_context::TraceContext;
use std::io;
use tokio_util::sync::CancellationToken;

/// Why spans cannot be exported at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Settings of OpenTelemetry's own that do not fit together.
    #[error(transparent)]
    Exporter(#[from] ExporterBuildError),
    /// No client to send them with.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
    /// No thread to send them from.
    #[error(transparent)]
    Thread(#[from] io::Error),
}

/// Whose spans they are.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Unless `OTEL_SERVICE_NAME` says otherwise.
    pub name: &'static str,
    /// Of the build.
    pub version: &'static str,
    /// `http` or `https`: what it speaks to its clients.
    pub scheme: &'static str,
}

/// The traces of one service.
pub struct Traces(Option<Box<Recording>>);

struct Recording {
    tracer: SdkTracer,
    scheme: &'static str,
    exporting: Exporting,
}

impl Traces {
    /// To a collector, if there is one.
    ///
    /// # Errors
    /// Spans could not be exported, whatever the collector does.
    pub fn open(endpoint: Option<&Endpoint>, service: Service, counts: &Counts) -> Result<Self, OpenError> {
        let Some(endpoint) = endpoint else { return Ok(Self(None)) };
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(endpoint.client()?)
            .with_endpoint(endpoint.traces())
            .build()?;
        let resource = resource(service);
        exporter.set_resource(&resource);
        let (queue, exporting) = export::start(exporter, counts.clone())?;
        let provider = SdkTracerProvider::builder().with_span_processor(queue).with_resource(resource).build();
        let scope = InstrumentationScope::builder(service.name).with_version(service.version).build();
        let tracer = provider.tracer_with_scope(scope);
        Ok(Self(Some(Box::new(Recording { tracer, scheme: service.scheme, exporting }))))
    }

    /// The trace of a request, which `came` with this one.
    pub fn begin(&self, came: Option<TraceContext>) -> Trace {
        match &self.0 {
            None => Trace::passed_on(came),
            Some(recording) => Trace::begin(&recording.tracer, recording.scheme, came),
        }
    }

    /// Exports what is left, for a few seconds at most, and no longer than until `cut`. Nothing is exported after it.
    pub async fn flush(&self, cut: &CancellationToken) {
        if let Some(recording) = &self.0 {
            recording.exporting.end(cut).await;
        }
    }
}

fn resource(service: Service) -> Resource {
    let given = Resource::builder().build();
    let name = given.get(&Key::from_static_str("service.name")).map(|name| name.to_string());
    let version = opentelemetry::KeyValue::new("service.version", service.version);
    let resource = Resource::builder().with_attribute(version);
    match name {
        // What the library says where nobody has named the service.
        Some(name) if !name.starts_with("unknown_service") => resource.with_service_name(name).build(),
        _ => resource.with_service_name(service.name).build(),
    }
}
