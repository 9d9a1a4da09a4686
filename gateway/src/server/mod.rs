//! Accepting, serving and stopping.
//!
//! [`accept`] gives a connection its permit and its [`Seat`], [`workers`] a thread; [`plain`] serves it, and gives up on
//! a client who takes too long; the [`Room`] tells it when to finish or to end. With a [`certificate`] the listener
//! speaks nothing but [`tls`], which chooses between [`http1`] and [`http2`]: those are hyper's, and copy.

mod accept;
mod certificate;
mod connection;
mod copied;
mod deadline;
mod drive;
mod http1;
mod http2;
mod limits;
mod linger;
mod peers;
mod plain;
mod room;
mod tls;
mod workers;

use crate::{Gateway, admin, handler, request::Head};
use accept::Acceptor;
pub use certificate::Tls;
pub(crate) use certificate::{CERT, KEY};
use connection::{Phase, TimedStream};
use http::Request;
use http_body::Body;
use hyper::{body::Incoming, service::service_fn};
use peers::Peers;
pub(crate) use plain::MAX_HEAD;
pub(crate) use room::Room;
use room::{Notice, Seat};
use std::{convert::Infallible, io, num::NonZero, sync::Arc, time::Duration};
use tls::Encrypted;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::spawn_blocking,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use workers::Workers;
pub(crate) use workers::take_turns;

/// After a failed accept: for instance no file descriptor was left.
const FIRST_BACKOFF: Duration = Duration::from_millis(10);
const ADMIN_CONNECTIONS: usize = 64;
/// After the last connection was accepted: for a first request that is on its way.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// Between two looks at the certificate's files.
const LOOK: Duration = Duration::from_secs(5);

/// Serves files until `drain`, then as [`Gateway::run`] says.
pub(crate) async fn serve_files(
    gateway: Gateway,
    listener: TcpListener,
    drain: CancellationToken,
    cut: CancellationToken,
) -> io::Result<()> {
    let (config, metrics) = (&gateway.shared.config, &gateway.shared.metrics);
    let workers = Workers::start(config.threads.unwrap_or_else(cores))?;
    gateway.shared.threads.get_or_init(|| workers.runtimes());
    let connections = limits::connections(config.max_connections);
    metrics.connections_limit.set(i64::try_from(connections).unwrap_or(i64::MAX));
    let acceptor = Acceptor {
        gateway: &gateway,
        connections: Arc::new(Semaphore::new(connections)),
        peers: Peers::new(config.max_per_peer),
        workers,
        open: TaskTracker::new(),
    };
    tokio::select! {
        () = acceptor.accept(&listener) => {}
        () = drained(&gateway, &drain, &cut) => {}
    }
    drop(listener);
    let room = &gateway.shared.room;
    // Whoever was accepted a moment ago could not know that we are about to stop.
    tokio::select! {
        () = room.all_have_asked() => {}
        () = sleep(FIRST_REQUEST) => {}
        () = cut.cancelled() => {}
    }
    room.tell_all(Notice::Finish);
    acceptor.open.close();
    tokio::select! {
        () = acceptor.open.wait() => {}
        () = cut.cancelled() => {}
        () = sleep(config.drain) => {
            tracing::warn!(connections = acceptor.open.len(), "the drain's deadline has passed, cutting");
        }
    }
    room.tell_all(Notice::Cut);
    acceptor.open.wait().await;
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Returns when it is time to accept no more.
async fn drained(gateway: &Gateway, drain: &CancellationToken, cut: &CancellationToken) {
    tokio::select! {
        () = drain.cancelled() => {}
        () = cut.cancelled() => {}
    }
    gateway.shared.draining.cancel();
    tokio::select! {
        () = sleep(gateway.shared.config.drain_delay) => {}
        () = cut.cancelled() => {}
    }
}

/// One connection from its first byte to its end, on the thread it was given to.
async fn serve_one(gateway: &Gateway, stream: TcpStream, seat: &Arc<Seat>) {
    match &gateway.shared.config.tls {
        None => plain::serve(gateway, stream, seat).await,
        // In a box of its own: it is large, and plain connections are many.
        Some(tls) => Box::pin(serve_encrypted(gateway, tls, stream, seat)).await,
    }
}

async fn serve_encrypted(gateway: &Gateway, tls: &Tls, stream: TcpStream, seat: &Arc<Seat>) {
    match tls::accept(tls, stream, gateway.shared.config.patience.header, seat).await {
        Ok(stream) if tls::speaks_http2(&stream) => http2::serve(gateway, stream, seat).await,
        Ok(stream) => serve_http1(gateway, stream, seat).await,
        Err(error) => {
            gateway.shared.metrics.handshake_errors.inc();
            tracing::debug!(%error, "no handshake");
        }
    }
}

async fn serve_http1(gateway: &Gateway, stream: Encrypted, seat: &Arc<Seat>) {
    let phase = Phase::new(seat);
    let stream = TimedStream::new(stream, gateway.shared.config.patience, phase.clone());
    let service = service_fn(|request: Request<Incoming>| {
        let answering = phase.answering();
        async {
            let (head, body) = request.into_parts();
            let answer = handler::handle(gateway, &Head::from(&head), !body.is_end_stream()).await;
            let response = copied::response::<{ tls::CHUNK }>(answer, head.version);
            Ok::<_, Infallible>(response.map(|body| answering.with(body)))
        }
    });
    http1::serve(stream, service, seat).await;
}

/// Looks at the certificate's files now and then, for as long as it is polled.
pub(crate) async fn watch_certificate(gateway: Gateway) {
    loop {
        sleep(LOOK).await;
        let gateway = gateway.clone();
        if let Err(error) = spawn_blocking(move || gateway.look_at_certificate()).await {
            tracing::error!(%error, "the certificate's files cannot be looked at");
        }
    }
}

/// Serves the admin routes until `cut`: they answer while the gateway drains.
pub(crate) async fn serve_admin(gateway: Gateway, listener: TcpListener, cut: CancellationToken) {
    let room = Room::open();
    tokio::select! {
        () = accept_admin(&gateway, &listener, &room) => {}
        () = cut.cancelled() => room.tell_all(Notice::Cut),
    }
}

async fn accept_admin(gateway: &Gateway, listener: &TcpListener, room: &Arc<Room>) {
    let permits = Arc::new(Semaphore::new(ADMIN_CONNECTIONS));
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(FIRST_BACKOFF).await;
            continue;
        };
        let (gateway, seated) = (gateway.clone(), room.seat());
        tokio::spawn(async move {
            let phase = Phase::new(&seated.seat);
            let stream = TimedStream::new(stream, gateway.shared.config.patience, phase.clone());
            let service = service_fn(|request: Request<Incoming>| {
                let answering = phase.answering();
                let gateway = &gateway;
                async move { Ok::<_, Infallible>(admin::handle(gateway, request).await.map(|body| answering.with(body))) }
            });
            http1::serve(stream, service, &seated.seat).await;
            drop((seated, permit));
        });
    }
}
