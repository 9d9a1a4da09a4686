//! Accepting, serving and stopping.

mod connection;
mod limits;

use crate::{Gateway, admin, handler};
use connection::{Phase, TimedStream};
use http::{Request, Response};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, error::Error, io, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A request's whole head must fit; hyper buffers no more than this of an answer either.
const MAX_HEAD: usize = 16 * 1024;
/// After a failed accept: for instance no file descriptor was left.
const FIRST_BACKOFF: Duration = Duration::from_millis(10);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);
const ADMIN_CONNECTIONS: usize = 64;

/// How a listener's connections end.
#[derive(Clone)]
struct Ending {
    /// No new connections, and the open ones finish what they are at.
    stop: CancellationToken,
    /// All connections end at once.
    cut: CancellationToken,
}

/// Serves files until `drain`, then as [`Gateway::run`] says.
pub(crate) async fn serve_files(
    gateway: Gateway,
    listener: TcpListener,
    drain: CancellationToken,
    cut: CancellationToken,
) {
    let config = &gateway.shared.config;
    let ending = Ending { stop: CancellationToken::new(), cut: cut.child_token() };
    let connections = Arc::new(Semaphore::new(limits::connections(config.max_connections)));
    let open = TaskTracker::new();
    let accepting = accept(&gateway, &listener, connections, &open, &ending);
    tokio::select! {
        () = accepting => {}
        () = drained(&gateway, &drain, &ending) => {}
    }
    drop(listener);
    open.close();
    if timeout(config.drain, open.wait()).await.is_err() {
        tracing::warn!(connections = open.len(), "the drain's deadline has passed, cutting");
    }
    ending.cut.cancel();
    open.wait().await;
}

/// Returns when it is time to accept no more.
async fn drained(gateway: &Gateway, drain: &CancellationToken, ending: &Ending) {
    tokio::select! {
        () = drain.cancelled() => {}
        () = ending.cut.cancelled() => {}
    }
    gateway.shared.draining.cancel();
    tokio::select! {
        () = sleep(gateway.shared.config.drain_delay) => {}
        () = ending.cut.cancelled() => {}
    }
    ending.stop.cancel();
}

/// Accepts for as long as it is polled. A permit is taken before each accept: past the bound, clients wait in the
/// kernel's queue instead of costing us a descriptor.
async fn accept(
    gateway: &Gateway,
    listener: &TcpListener,
    connections: Arc<Semaphore>,
    open: &TaskTracker,
    ending: &Ending,
) {
    let metrics = &gateway.shared.metrics;
    let mut backoff = FIRST_BACKOFF;
    while let Ok(permit) = Arc::clone(&connections).acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                metrics.accept_errors.inc();
                if !is_of_one_client(&error) {
                    tracing::warn!(%error, "cannot accept, waiting");
                    sleep(backoff).await;
                    backoff = LONGEST_BACKOFF.min(backoff * 2);
                }
                continue;
            }
        };
        backoff = FIRST_BACKOFF;
        metrics.accepted.inc();
        let (gateway, ending) = (gateway.clone(), ending.clone());
        open.spawn(async move {
            gateway.shared.metrics.connections.inc();
            serve_one(&gateway, stream, &ending).await;
            gateway.shared.metrics.connections.dec();
            drop(permit);
        });
    }
}

/// Errors that say nothing about our own state.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

async fn serve_one(gateway: &Gateway, stream: TcpStream, ending: &Ending) {
    let phase = Phase::default();
    let stream = TimedStream::new(stream, gateway.shared.config.patience, phase.clone());
    let service = service_fn(|request: Request<Incoming>| {
        let answering = phase.answering();
        async {
            let response = handler::handle(gateway, request).await;
            Ok::<_, Infallible>(response.map(|body| answering.with(body)))
        }
    });
    serve_http1(stream, service, ending).await;
}

/// One connection from its first byte to its end. Its errors are its client's affair.
async fn serve_http1<S, B>(stream: TimedStream, service: S, ending: &Ending)
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // hyper's own timeout counts a connection's idle time as part of the next head; `TimedStream` tells them apart.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD)
        // A client that has said all it wants to say still gets its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        () = ending.cut.cancelled() => return,
        ended = connection.as_mut() => return log_end(ended),
        () = ending.stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        biased;
        () = ending.cut.cancelled() => {}
        ended = connection.as_mut() => log_end(ended),
    }
}

fn log_end(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// Serves the admin routes until `cut`: they answer while the gateway drains.
pub(crate) async fn serve_admin(gateway: Gateway, listener: TcpListener, cut: CancellationToken) {
    let permits = Arc::new(Semaphore::new(ADMIN_CONNECTIONS));
    let ending = Ending { stop: cut.clone(), cut };
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(FIRST_BACKOFF).await;
            continue;
        };
        let (gateway, ending) = (gateway.clone(), ending.clone());
        tokio::spawn(async move {
            let phase = Phase::default();
            let stream = TimedStream::new(stream, gateway.shared.config.patience, phase.clone());
            let service = service_fn(|request: Request<Incoming>| {
                let answering = phase.answering();
                let gateway = &gateway;
                async move {
                    let response: Response<_> = admin::handle(gateway, request).await;
                    Ok::<_, Infallible>(response.map(|body| answering.with(body)))
                }
            });
            serve_http1(stream, service, &ending).await;
            drop(permit);
        });
    }
}
