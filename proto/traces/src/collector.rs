//! A collector for tests: takes what is exported to it, and keeps it as it came and decoded.

use crate::Endpoint;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// As a collector does.
    Takes,
    /// With this status.
    Refuses(u16),
    /// Not at all.
    Hangs,
}

/// A span as it arrived; ids are in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What its service calls itself.
    pub service: String,
    /// The span's name.
    pub name: String,
    /// The trace's id.
    pub trace: String,
    /// Its own id.
    pub span: String,
    /// Its parent's id; empty for the first of a trace.
    pub parent: String,
    /// The trace's state.
    pub state: String,
    /// Whether it is a server's.
    pub is_server: bool,
    /// Whether it says that something went wrong.
    pub is_error: bool,
    /// Whether it ended after it began, and not an hour later.
    pub has_duration: bool,
    /// Its attributes as texts.
    pub attributes: BTreeMap<String, String>,
}

/// A listening collector.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    mood: Mood,
    raw: Vec<u8>,
    spans: Vec<Seen>,
}

impl Collector {
    /// On a free port of this machine, for as long as the process runs.
    ///
    /// # Panics
    /// There is no port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a port is bound");
        let shared = Arc::new(Mutex::new(Shared { mood: Mood::Takes, raw: Vec::new(), spans: Vec::new() }));
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                thread::spawn(move || while serve(&stream, &shared).is_some() {});
            }
        });
        Self { address, shared }
    }

    /// As `OTEL_EXPORTER_OTLP_ENDPOINT` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same, read.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.url().parse().expect("its own URL is one")
    }

    /// Answers like this from now on.
    pub fn is_in(&self, mood: Mood) {
        lock(&self.shared).mood = mood;
    }

    /// What it took so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Seen> {
        lock(&self.shared).spans.clone()
    }

    /// Every byte that came.
    #[must_use]
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&lock(&self.shared).raw).into_owned()
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request; `None` ends the connection.
fn serve(stream: &TcpStream, shared: &Mutex<Shared>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        (reader.read_line(&mut head).ok()? > 0).then_some(())?;
    }
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length?];
    reader.read_exact(&mut body).ok()?;
    let mood = {
        let mut shared = lock(shared);
        shared.raw.extend([head.as_bytes(), &body].concat());
        if shared.mood == Mood::Takes {
            let is_right = head.starts_with("POST /v1/traces ") && head.contains("application/x-protobuf");
            let request = ExportTraceServiceRequest::decode(body.as_slice()).ok().filter(|_| is_right)?;
            shared.spans.extend(seen(request));
        }
        shared.mood
    };
    let status = match mood {
        Mood::Takes => 200,
        Mood::Refuses(status) => status,
        Mood::Hangs => loop {
            thread::park();
        },
    };
    let head = format!("HTTP/1.1 {status} Answer\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n");
    (&*stream).write_all(head.as_bytes()).ok()
}

fn seen(request: ExportTraceServiceRequest) -> Vec<Seen> {
    let of_resource = |resource: opentelemetry_proto::tonic::trace::v1::ResourceSpans| {
        let attributes = texts(resource.resource.unwrap_or_default().attributes);
        let service = attributes.get("service.name").cloned().unwrap_or_default();
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.map(|span| seen_span(service.clone(), span)).collect::<Vec<_>>()
    };
    request.resource_spans.into_iter().flat_map(of_resource).collect()
}

fn seen_span(service: String, span: Span) -> Seen {
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect();
    Seen {
        service,
        name: span.name,
        trace: hex(&span.trace_id),
        span: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        state: span.trace_state,
        is_server: span.kind == SpanKind::Server as i32,
        is_error: span.status.is_some_and(|status| status.code == StatusCode::Error as i32),
        has_duration: (1..3_600_000_000_000).contains(&span.end_time_unix_nano.wrapping_sub(span.start_time_unix_nano)),
        attributes: texts(span.attributes),
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |attribute: KeyValue| {
        let text = match attribute.value?.value? {
            Value::StringValue(text) => text,
            Value::IntValue(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        Some((attribute.key, text))
    };
    attributes.into_iter().filter_map(text).collect()
}
