//! Accepting, serving and stopping.
//!
//! [`accept`] gives a connection its permit and its [`Seat`], [`workers`] a thread; [`http1`] serves it, through a
//! [`TimedStream`] that gives up on a client who takes too long; the [`Room`] tells it when to finish or to end.

mod accept;
mod connection;
mod http1;
mod limits;
mod room;
mod workers;

use crate::{Gateway, admin, handler, zero_copy::Socket};
use accept::Acceptor;
use connection::{Phase, TimedStream};
use http::Request;
use hyper::{body::Incoming, service::service_fn};
pub(crate) use room::Room;
use room::{Notice, Seat};
use std::{convert::Infallible, io, num::NonZero, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use workers::Workers;

/// After a failed accept: for instance no file descriptor was left.
const FIRST_BACKOFF: Duration = Duration::from_millis(10);
const ADMIN_CONNECTIONS: usize = 64;

/// Serves files until `drain`, then as [`Gateway::run`] says.
pub(crate) async fn serve_files(
    gateway: Gateway,
    listener: TcpListener,
    drain: CancellationToken,
    cut: CancellationToken,
) -> io::Result<()> {
    let config = &gateway.shared.config;
    let acceptor = Acceptor {
        gateway: &gateway,
        connections: Arc::new(Semaphore::new(limits::connections(config.max_connections))),
        workers: Workers::start(config.threads.unwrap_or_else(cores))?,
        open: TaskTracker::new(),
    };
    tokio::select! {
        () = acceptor.accept(&listener) => {}
        () = drained(&gateway, &drain, &cut) => {}
    }
    drop(listener);
    let room = &gateway.shared.room;
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
    let phase = Phase::new(seat);
    let socket = Socket::new(stream);
    let carrier = socket.carrier();
    let mut stream = TimedStream::new(socket, gateway.shared.config.patience, phase.clone());
    if !stream.first_byte(seat).await {
        return;
    }
    let service = service_fn(|request: Request<Incoming>| {
        let (answering, carrier) = (phase.answering(), carrier.clone());
        async {
            let response = handler::handle(gateway, request, carrier).await;
            Ok::<_, Infallible>(response.map(|body| answering.with(body)))
        }
    });
    http1::serve(stream, service, seat).await;
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
