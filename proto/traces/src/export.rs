//! Spans on their way to the collector. Whoever ends one hands it over and goes on: where there is no room it is lost,
//! and where the collector does not take it, it is lost too. Both are counted, and the log is told once a minute.

use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanExporter as _, SpanProcessor},
};
use prometheus::{IntCounter, IntCounterVec, Opts, Registry};
use proto::quiet::Quiet;
use std::{
    io, thread,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Builder,
    sync::mpsc::{self, Receiver, Sender},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Spans that may wait, some 500 bytes each.
const WAITING: usize = 4096;
/// Spans in one request to the collector.
const BATCH: usize = 512;
/// Between two batches of which the first was not full.
const PAUSE: Duration = Duration::from_secs(1);
/// For what is left at the end.
const LAST_MOMENT: Duration = Duration::from_secs(3);

/// What became of spans.
#[derive(Debug, Clone)]
pub struct Counts {
    exported: IntCounter,
    failed: IntCounter,
    dropped: IntCounter,
}

impl Counts {
    /// The series of the service of this name.
    ///
    /// # Errors
    /// There is such a series already.
    pub fn register(registry: &Registry, service: &str) -> prometheus::Result<Self> {
        let help = "Spans of requests, by what became of them: dropped for want of room, failed at the collector.";
        let spans = IntCounterVec::new(Opts::new(format!("{service}_spans_total"), help), &["result"])?;
        registry.register(Box::new(spans.clone()))?;
        let of = |result| spans.with_label_values(&[result]);
        Ok(Self { exported: of("exported"), failed: of("failed"), dropped: of("dropped") })
    }
}

/// Where spans are handed over.
#[derive(Debug)]
pub(crate) struct Queue {
    spans: Sender<SpanData>,
    dropped: IntCounter,
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.spans.try_send(span).is_err() {
            self.dropped.inc();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The thread that exports, as those see it who end it.
pub(crate) struct Exporting {
    end: CancellationToken,
    ended: CancellationToken,
}

impl Exporting {
    /// Exports what is left, if the collector takes it soon, and before `cut`.
    pub(crate) async fn end(&self, cut: &CancellationToken) {
        self.end.cancel();
        let ended = cut.run_until_cancelled(self.ended.cancelled());
        if timeout(LAST_MOMENT, ended).await.ok().flatten().is_none() {
            tracing::warn!("the last spans are not waited for any longer");
        }
    }
}

/// Begins to export.
///
/// # Errors
/// The system gives no thread, or no descriptors for its runtime.
pub(crate) fn start(exporter: SpanExporter, counts: Counts) -> io::Result<(Queue, Exporting)> {
    let (sender, spans) = mpsc::channel(WAITING);
    let (end, ended) = (CancellationToken::new(), CancellationToken::new());
    let queue = Queue { spans: sender, dropped: counts.dropped.clone() };
    let (stop, _ended) = (end.clone(), ended.clone().drop_guard());
    let export = Export { exporter, spans, counts, stop, quiet: Quiet::default(), _ended };
    // A runtime of its own: what it does for the collector takes no turn of those who serve.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("traces".into()).spawn(move || runtime.block_on(export.run()))?;
    Ok((queue, Exporting { end, ended }))
}

struct Export {
    exporter: SpanExporter,
    spans: Receiver<SpanData>,
    counts: Counts,
    stop: CancellationToken,
    quiet: Quiet,
    _ended: DropGuard,
}

impl Export {
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let stop = self.stop.clone();
            let taken = tokio::select! {
                biased;
                () = stop.cancelled(), if !self.spans.is_closed() => {
                    self.spans.close();
                    continue;
                }
                taken = self.spans.recv_many(&mut batch, BATCH) => taken,
            };
            if taken == 0 {
                return;
            }
            self.export(std::mem::take(&mut batch)).await;
            if taken < BATCH {
                // What comes meanwhile is one batch.
                let _ = timeout(PAUSE, stop.cancelled()).await;
            }
        }
    }

    async fn export(&mut self, batch: Vec<SpanData>) {
        let spans = batch.len() as u64;
        match self.exporter.export(batch).await {
            Ok(()) => self.counts.exported.inc_by(spans),
            Err(error) => {
                self.counts.failed.inc_by(spans);
                if self.quiet.is_over(Instant::now()) {
                    tracing::warn!(%error, "spans cannot be exported");
                }
            }
        }
    }
}
