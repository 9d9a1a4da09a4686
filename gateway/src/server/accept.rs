//! Accepting connections, within the bounds and past the errors.

use super::{
    FIRST_BACKOFF,
    peers::{PeerPlace, Peers},
    room::Room,
    serve_one,
    workers::Workers,
};
use crate::Gateway;
use std::{io, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

const LONGEST_BACKOFF: Duration = Duration::from_secs(1);
/// Between two attempts to make room for a new connection.
const ROOM_PAUSE: Duration = Duration::from_millis(100);

/// Gives every connection a permit, a seat and a thread.
pub(super) struct Acceptor<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) connections: Arc<Semaphore>,
    pub(super) peers: Arc<Peers>,
    pub(super) workers: Workers,
    /// All that is being served.
    pub(super) open: TaskTracker,
}

impl Acceptor<'_> {
    /// Accepts for as long as it is polled. Past the bound, the client accepted last waits for room while the others
    /// wait in the kernel's queue.
    pub(super) async fn accept(&self, listener: &TcpListener) {
        let metrics = &self.gateway.shared.metrics;
        let mut backoff = FIRST_BACKOFF;
        loop {
            let (stream, address) = match listener.accept().await {
                Ok(accepted) => accepted,
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
            match self.peers.enter(address.ip()) {
                Some(place) => self.serve(stream, place).await,
                None => metrics.refused_peers.inc(),
            }
        }
    }

    async fn serve(&self, stream: TcpStream, place: PeerPlace) {
        let room = &self.gateway.shared.room;
        let permit = permit(&self.connections, room).await;
        // The socket leaves this thread's runtime for its worker's.
        let Ok(stream) = stream.into_std() else { return };
        let (gateway, seated) = (self.gateway.clone(), room.seat());
        self.workers.spawn(|load| {
            self.open.track_future(async move {
                gateway.shared.metrics.connections.inc();
                if let Ok(stream) = TcpStream::from_std(stream) {
                    serve_one(&gateway, stream, &seated.seat).await;
                }
                gateway.shared.metrics.connections.dec();
                drop((load, seated, permit, place));
            })
        });
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
