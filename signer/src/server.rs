//! The listeners and their connections: accept, timeouts, drain.
//!
//! `drain` cancelled: `/readyz` says 503 at once, new connections are taken for the drain delay and no longer, and
//! what runs may finish until the deadline. `cut` cancelled: everything ends now. The internal listener answers
//! until the end, so that a prober can watch.

use crate::{Signer, router};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{sync::atomic::Ordering, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// For a request's head, counted from the end of the one before: it bounds an idle connection too.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of a request's head at most, and of a body that is read ahead.
const MAX_BUFFER: usize = 64 << 10;
/// After an accept that failed: most likely all file descriptors are in use, and some will be free again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// For the clean-up behind requests that were cut.
const SETTLE_PATIENCE: Duration = Duration::from_secs(10);

impl Signer {
    /// Serves `router` on `listener`, and health and metrics on `internal`, until drained or cut.
    pub async fn run(
        &self,
        listener: TcpListener,
        internal: TcpListener,
        router: Router,
        drain: CancellationToken,
        cut: CancellationToken,
    ) {
        let (stop, inner) = (CancellationToken::new(), CancellationToken::new());
        let operators = serve(internal, router::internal(self), inner.clone(), inner.clone());
        let clients = self.serve_until_drained(listener, router, drain, &stop, &cut);
        tokio::select! {
            () = clients => {}
            () = operators => {}
            () = self.sweep() => {}
        }
        inner.cancel();
        self.settle().await;
    }

    async fn serve_until_drained(
        &self,
        listener: TcpListener,
        router: Router,
        drain: CancellationToken,
        stop: &CancellationToken,
        cut: &CancellationToken,
    ) {
        let end = cut.child_token();
        let clients = serve(listener, router, stop.clone(), end.clone());
        let draining = async {
            drain.cancelled().await;
            self.0.draining.store(true, Ordering::Relaxed);
            tracing::info!("draining");
            sleep(self.config().drain_delay).await;
            stop.cancel();
            sleep(self.config().drain).await;
            tracing::warn!("the drain's time is up; what still runs is cut");
            end.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = clients => {}
            () = draining => {}
        }
    }

    /// Waits for what runs on behind requests, then closes the catalog.
    async fn settle(&self) {
        self.0.tasks.close();
        let settled = timeout(SETTLE_PATIENCE, async {
            self.0.tasks.wait().await;
            self.storage().settle().await;
            self.catalog().close().await;
        });
        if settled.await.is_err() {
            tracing::warn!("stopped before all clean-up was done");
        }
    }
}

/// Accepts until `stop`, then waits for the connections; `end` cuts them. Dropped, it cuts them too.
async fn serve(listener: TcpListener, router: Router, stop: CancellationToken, end: CancellationToken) {
    let connections = TaskTracker::new();
    let _cut_when_dropped = end.clone().drop_guard();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
            () = end.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, router.clone(), stop.clone(), end.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(stream: TcpStream, router: Router, stop: CancellationToken, end: CancellationToken) {
    // Answers are small and written whole.
    let _ = stream.set_nodelay(true);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(MAX_BUFFER)
        // A client that has said all it wants to say still gets its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = std::pin::pin!(served);
    tokio::select! {
        // An error here is a client that left, or spoke no HTTP; requests were logged where they were answered.
        _ = served.as_mut() => return,
        () = end.cancelled() => return,
        () = stop.cancelled() => served.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = served => {}
        () = end.cancelled() => {}
    }
}
