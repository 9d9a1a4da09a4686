//! The listeners and their connections: accept, timeouts, drain.
//!
//! `drain` cancelled: `/readyz` says 503 at once, new connections are taken for the drain delay and no longer, and
//! what runs may finish until the deadline. `cut` cancelled: everything ends now. The internal listener answers
//! until the end, so that a prober can watch.
//!
//! Connections are bounded: those past the bound wait in the kernel's queue until one ends.

mod limits;

use crate::{Signer, observe::UnderWay, proxies::Peer, router};
use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use prometheus::IntGauge;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// For a request's head, counted from the end of the one before: it bounds an idle connection too.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of a request's head at most.
const MAX_HEAD: usize = 64 << 10;
/// Bytes that are received at once, at most.
const BUFFER: usize = 64 << 10;
/// The same for whoever comes while no more than [`FEW`] connections are open: 3 % less CPU for an upload by TUS, a
/// tenth less for a form.
const LARGE_BUFFER: usize = 256 << 10;
const FEW: i64 = 8;
/// After an accept that failed: most likely all file descriptors are in use, and some will be free again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Clients' connections at most, if as many files may be open.
const MAX_CONNECTIONS: usize = 4096;
/// The same for operators and services; theirs are few, and must not wait behind those of clients.
const MAX_INTERNAL_CONNECTIONS: usize = 512;
/// How long a client may take nothing of its answer.
const WRITE_PATIENCE: Duration = Duration::from_secs(60);
/// When no more connections are taken: for a first request that is on its way.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
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
        let bounds = Bounds::of(MAX_INTERNAL_CONNECTIONS, self.metrics().connections("internal"));
        let operators = serve(internal, router::internal(self), bounds, inner.clone(), inner.clone());
        let clients = self.serve_until_drained(listener, router, drain, &stop, &cut);
        tokio::select! {
            () = clients => {}
            () = operators => {}
            () = self.sweep() => {}
            () = self.look_after_storage() => {}
        }
        inner.cancel();
        self.settle().await;
        self.traces().flush(&cut).await;
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
        let bounds = Bounds::of(limits::connections(MAX_CONNECTIONS), self.metrics().connections("public"));
        let clients = serve(listener, router, bounds, stop.clone(), end.clone());
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

/// What the connections of one listener may have.
#[derive(Debug, Clone)]
struct Bounds {
    connections: usize,
    write_patience: Duration,
    first_request: Duration,
    /// Those that are open.
    open: IntGauge,
}

impl Bounds {
    fn of(connections: usize, open: IntGauge) -> Self {
        Self { connections, write_patience: WRITE_PATIENCE, first_request: FIRST_REQUEST, open }
    }
}

/// Accepts until `stop`, then waits for the connections; `end` cuts them. Dropped, it cuts them too.
async fn serve(listener: TcpListener, router: Router, bounds: Bounds, stop: CancellationToken, end: CancellationToken) {
    let (connections, room) = (TaskTracker::new(), Arc::new(Semaphore::new(bounds.connections)));
    let _cut_when_dropped = end.clone().drop_guard();
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await.expect("nobody closes it");
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            next = next => next,
            () = stop.cancelled() => break,
            () = end.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let client = Client { stream, peer: Peer(peer.ip()), router: router.clone() };
                let counted = UnderWay::begin(&bounds.open);
                let served = connection(client, bounds.clone(), stop.clone(), end.clone());
                connections.spawn(async move {
                    served.await;
                    drop((place, counted));
                });
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

/// A connection, and what answers its requests.
struct Client {
    stream: TcpStream,
    peer: Peer,
    router: Router,
}

async fn connection(
    Client { stream, peer, router }: Client,
    bounds: Bounds,
    stop: CancellationToken,
    end: CancellationToken,
) {
    // Answers are small and written whole.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(bounds.write_patience));
    let (answers, asked) = (TowerToHyperService::new(router), CancellationToken::new());
    let answers = service_fn(|mut request: Request<Incoming>| {
        asked.cancel();
        request.extensions_mut().insert(peer);
        answers.call(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_header_size(MAX_HEAD)
        .max_buf_size(if bounds.open.get() <= FEW { LARGE_BUFFER } else { BUFFER })
        // A client that has said all it wants to say still gets its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(Box::pin(stream)), answers);
    let mut served = std::pin::pin!(served);
    let told = async {
        stop.cancelled().await;
        // Whoever was accepted a moment ago could not know.
        let _ = timeout(bounds.first_request, asked.cancelled()).await;
    };
    tokio::select! {
        // An error here is a client that left, or spoke no HTTP; requests were logged where they were answered.
        _ = served.as_mut() => return,
        () = end.cancelled() => return,
        () = told => served.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = served => {}
        () = end.cancelled() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::net::SocketAddr;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        task::JoinHandle,
        time::Instant,
    };

    const MOMENT: Duration = Duration::from_millis(300);
    const SOON: Duration = Duration::from_secs(5);
    /// More than the buffers of a connection hold.
    const LONG: usize = 64 << 20;

    /// Of a listener that serves one connection at a time.
    fn bounds() -> Bounds {
        Bounds::of(1, IntGauge::new("open", "open").unwrap())
    }

    /// Serves a short answer at `/` and a long one at `/long` until the token is cancelled.
    async fn serving(bounds: Bounds) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let router = Router::new().route("/", get(async || "ok")).route("/long", get(async || "x".repeat(LONG)));
        let running = tokio::spawn(serve(listener, router, bounds, stop.clone(), CancellationToken::new()));
        (address, stop, running)
    }

    async fn ask(address: SocketAddr, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn a_connection_past_the_bound_waits_until_one_ends() {
        let (address, _stop, _running) = serving(bounds()).await;
        let (mut first, mut answer) = (ask(address, "/").await, [0; 12]);
        first.read_exact(&mut answer).await.unwrap();
        let mut second = ask(address, "/").await;
        assert!(timeout(MOMENT, second.read_exact(&mut answer)).await.is_err(), "there is room for one only");
        drop(first);
        timeout(SOON, second.read_exact(&mut answer)).await.expect("there is room now").unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_of_its_answer_is_let_go() {
        let (address, stop, running) = serving(Bounds { write_patience: MOMENT, ..bounds() }).await;
        let mut idle = ask(address, "/long").await;
        idle.read_exact(&mut [0; 12]).await.unwrap();
        stop.cancel();
        timeout(SOON, running).await.expect("its connection is not waited for").unwrap();
    }

    #[tokio::test]
    async fn a_client_that_reads_slowly_gets_all_of_its_answer() {
        let patience = Duration::from_secs(1);
        let (address, stop, running) = serving(Bounds { write_patience: patience, ..bounds() }).await;
        let (mut slow, mut piece) = (ask(address, "/long").await, vec![0; 4 << 20]);
        let mut read = slow.read(&mut piece).await.unwrap();
        stop.cancel();
        let began = Instant::now();
        while let Ok(bytes @ 1..) = slow.read(&mut piece).await {
            read += bytes;
            if began.elapsed() < 2 * patience {
                sleep(patience / 10).await;
            }
        }
        assert!(read > LONG, "{read}");
        running.await.unwrap();
    }

    #[tokio::test]
    async fn who_connected_just_before_a_stop_is_answered() {
        let (address, stop, running) = serving(Bounds { first_request: 12 * SOON, connections: 2, ..bounds() }).await;
        let (mut late, mut idle) = (TcpStream::connect(address).await.unwrap(), ask(address, "/").await);
        idle.read_exact(&mut [0; 12]).await.unwrap();
        stop.cancel();
        let mut rest = Vec::new();
        timeout(SOON, idle.read_to_end(&mut rest)).await.expect("it was answered and has asked for no more").unwrap();
        let mut answer = [0; 12];
        late.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        timeout(SOON, late.read_exact(&mut answer)).await.expect("it could not know").unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        timeout(SOON, running).await.expect("nothing more is waited for").unwrap();
    }

    #[tokio::test]
    async fn who_connects_and_says_nothing_holds_up_no_stop() {
        let (address, stop, running) = serving(Bounds { first_request: MOMENT, connections: 2, ..bounds() }).await;
        let (_silent, mut idle) = (TcpStream::connect(address).await.unwrap(), ask(address, "/").await);
        idle.read_exact(&mut [0; 12]).await.unwrap();
        stop.cancel();
        timeout(SOON, running).await.expect("its time is over").unwrap();
    }
}
