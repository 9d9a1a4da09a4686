//! Accepting, serving and stopping.

mod connection;
mod limits;
mod room;
mod workers;

use crate::{Gateway, admin, handler, zero_copy::Socket};
use connection::{Phase, TimedStream};
use http::{Request, Response};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
pub(crate) use room::Room;
use room::Seat;
use std::{convert::Infallible, error::Error, io, num::NonZero, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use workers::Workers;

/// A request's whole head must fit; hyper buffers no more than this of an answer either.
const MAX_HEAD: usize = 16 * 1024;
/// After a failed accept: for instance no file descriptor was left.
const FIRST_BACKOFF: Duration = Duration::from_millis(10);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);
/// Between two attempts to make room for a new connection.
const ROOM_PAUSE: Duration = Duration::from_millis(100);
const ADMIN_CONNECTIONS: usize = 64;

/// How a listener's connections end.
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
) -> io::Result<()> {
    let config = &gateway.shared.config;
    let workers = Workers::start(config.threads.unwrap_or_else(cores))?;
    let ending = Ending { stop: CancellationToken::new(), cut: cut.child_token() };
    let connections = Arc::new(Semaphore::new(limits::connections(config.max_connections)));
    let open = TaskTracker::new();
    let accepting = accept(&gateway, &listener, connections, &workers, &open, &ending);
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
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
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

/// Accepts for as long as it is polled. Past the bound, the client accepted last waits for room while the others
/// wait in the kernel's queue.
async fn accept(
    gateway: &Gateway,
    listener: &TcpListener,
    connections: Arc<Semaphore>,
    workers: &Workers,
    open: &TaskTracker,
    ending: &Ending,
) {
    let metrics = &gateway.shared.metrics;
    let room = &gateway.shared.room;
    let mut backoff = FIRST_BACKOFF;
    loop {
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
        let permit = permit(&connections, room).await;
        let seated = room.seat(ending.cut.child_token());
        let (gateway, stop) = (gateway.clone(), ending.stop.clone());
        // The socket leaves this thread's runtime for its worker's.
        let Ok(stream) = stream.into_std() else { continue };
        workers.spawn(open.track_future(async move {
            gateway.shared.metrics.connections.inc();
            if let Ok(stream) = TcpStream::from_std(stream) {
                serve_one(&gateway, stream, &seated.seat, &stop).await;
            }
            gateway.shared.metrics.connections.dec();
            drop((seated, permit));
        }));
    }
}

/// A place among the connections, for which others may have to go.
async fn permit(connections: &Arc<Semaphore>, room: &Room) -> OwnedSemaphorePermit {
    loop {
        if let Ok(permit) = Arc::clone(connections).try_acquire_owned() {
            return permit;
        }
        room.make();
        let waited = timeout(ROOM_PAUSE, Arc::clone(connections).acquire_owned());
        if let Ok(permit) = waited.await {
            return permit.expect("the semaphore is never closed");
        }
    }
}

/// Errors that say nothing about our own state.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

async fn serve_one(gateway: &Gateway, stream: TcpStream, seat: &Arc<Seat>, stop: &CancellationToken) {
    let phase = Phase::new(seat);
    let socket = Socket::new(stream);
    let carrier = socket.carrier();
    let stream = TimedStream::new(socket, gateway.shared.config.patience, phase.clone());
    let service = service_fn(|request: Request<Incoming>| {
        let (answering, carrier) = (phase.answering(), carrier.clone());
        async {
            let response = handler::handle(gateway, request, carrier).await;
            Ok::<_, Infallible>(response.map(|body| answering.with(body)))
        }
    });
    serve_http1(stream, service, stop, seat.cut()).await;
}

/// One connection from its first byte to its end. Its errors are its client's affair.
async fn serve_http1<T, S, B>(stream: TimedStream<T>, service: S, stop: &CancellationToken, cut: &CancellationToken)
where
    T: AsyncRead + AsyncWrite + Unpin,
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
        () = cut.cancelled() => return,
        ended = connection.as_mut() => return log_end(ended),
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        biased;
        () = cut.cancelled() => {}
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
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(FIRST_BACKOFF).await;
            continue;
        };
        let (gateway, cut) = (gateway.clone(), cut.clone());
        tokio::spawn(async move {
            let phase = Phase::new(&Seat::apart(cut.clone()));
            let stream = TimedStream::new(stream, gateway.shared.config.patience, phase.clone());
            let service = service_fn(|request: Request<Incoming>| {
                let answering = phase.answering();
                let gateway = &gateway;
                async move {
                    let response: Response<_> = admin::handle(gateway, request).await;
                    Ok::<_, Infallible>(response.map(|body| answering.with(body)))
                }
            });
            serve_http1(stream, service, &cut, &cut).await;
            drop(permit);
        });
    }
}
