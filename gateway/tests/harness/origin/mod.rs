//! Storage as the gateway meets it on a bad day: a proxy before the real one that keeps a list of what was asked for and
//! does to answers what a test says.

mod connection;
mod fault;
mod head;

pub(crate) use fault::{ALL, CANARY, Fault};

use super::{
    File, PATIENCE, eventually,
    storage::{aws_variables, runtime},
};
use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream},
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::TlsAcceptor;

/// One request that came, and when.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    pub(crate) range: Option<Range<u64>>,
    pub(crate) at: Instant,
}

impl Seen {
    /// Whether it asks for this file's bytes.
    pub(crate) fn is_get_of(&self, file: &File) -> bool {
        self.method == "GET" && self.path.ends_with(&file.object_key)
    }
}

type Plan = Box<dyn FnMut(&Seen) -> Option<Fault> + Send>;

/// Whether anybody comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Open,
    /// Nobody listens.
    Gone,
    /// Somebody listens and never accepts.
    Stuck,
}

/// The storage server behind a gateway's `AWS_ENDPOINT`.
pub(crate) struct Origin {
    address: SocketAddrV4,
    shared: Arc<Shared>,
    door: watch::Sender<Door>,
    /// They fill the queue before a door that is stuck.
    queue: Mutex<Vec<TcpStream>>,
}

struct Shared {
    /// `host:port` of the real one.
    storage: String,
    plan: Mutex<Plan>,
    seen: Mutex<Vec<Seen>>,
    released: watch::Sender<bool>,
    tls: Mutex<Option<TlsAcceptor>>,
    sent: AtomicU64,
    connections: AtomicUsize,
}

impl Origin {
    const PORT: u16 = 8333;

    /// Before the storage that the `AWS_*` variables of the test run name.
    pub(crate) fn start(address: Ipv4Addr) -> Self {
        let endpoint = aws_variables().into_iter().find(|(name, _)| name == "AWS_ENDPOINT");
        let (_, endpoint) = endpoint.expect("these tests need S3: AWS_ENDPOINT and TEST_STORAGE_URL");
        let storage = endpoint.strip_prefix("http://").expect("an S3 without TLS").trim_end_matches('/').to_owned();
        let shared = Arc::new(Shared {
            storage,
            plan: Mutex::new(Box::new(|_| None)),
            seen: Mutex::default(),
            released: watch::Sender::new(false),
            tls: Mutex::default(),
            sent: AtomicU64::default(),
            connections: AtomicUsize::default(),
        });
        let (address, door) = (SocketAddrV4::new(address, Self::PORT), watch::Sender::new(Door::Open));
        let listener = listen(address);
        runtime().spawn(connection::accept(Arc::clone(&shared), address, listener, door.subscribe()));
        Self { address, shared, door, queue: Mutex::default() }
    }

    /// As `AWS_ENDPOINT` takes it.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.shared.tls.lock().expect("no holder panics").is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Speaks TLS from now on, as this acceptor does.
    pub(crate) fn speak_tls(&self, acceptor: TlsAcceptor) {
        *self.shared.tls.lock().expect("no holder panics") = Some(acceptor);
    }

    /// What befalls each answer from now on. Questions about readiness are left alone.
    pub(crate) fn plan(&self, plan: impl FnMut(&Seen) -> Option<Fault> + Send + 'static) {
        *self.shared.plan.lock().expect("no plan panics") = Box::new(plan);
    }

    /// The next so many answers.
    pub(crate) fn next(&self, mut count: usize, fault: Fault) {
        self.plan(move |_| {
            count = count.checked_sub(1)?;
            Some(fault.clone())
        });
    }

    /// All but the first so many answers.
    pub(crate) fn after(&self, mut count: usize, fault: Fault) {
        self.plan(move |_| {
            let is_early = count > 0;
            count = count.saturating_sub(1);
            (!is_early).then(|| fault.clone())
        });
    }

    pub(crate) fn always(&self, fault: Fault) {
        self.plan(move |_| Some(fault.clone()));
    }

    /// Everything is well again.
    pub(crate) fn recover(&self) {
        self.plan(|_| None);
        self.release();
        self.open();
    }

    /// Lets every held answer go, and those still to come.
    pub(crate) fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// Holds answers again, where the plan says so.
    pub(crate) fn hold(&self) {
        self.shared.released.send_replace(false);
    }

    /// Closes every connection and refuses new ones.
    pub(crate) fn go_away(&self) {
        self.door.send_replace(Door::Gone);
        eventually("storage is gone", PATIENCE, || TcpStream::connect(self.address).is_err().then_some(()));
    }

    /// Closes every connection and lets new ones wait for ever.
    pub(crate) fn get_stuck(&self) {
        self.door.send_replace(Door::Stuck);
        let address = SocketAddr::from(self.address);
        eventually("the queue before storage is full", PATIENCE, || {
            match TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
                Ok(queued) => self.queue.lock().expect("no holder panics").push(queued),
                Err(_) => return Some(()),
            }
            None
        });
    }

    fn open(&self) {
        self.queue.lock().expect("no holder panics").clear();
        // A change of the door closes every connection, so one that is open already stays untouched.
        if self.door.send_if_modified(|door| std::mem::replace(door, Door::Open) != Door::Open) {
            eventually("storage is back", PATIENCE, || TcpStream::connect(self.address).ok());
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().expect("no holder panics").clone()
    }

    /// The requests for this file's bytes, in their order.
    pub(crate) fn gets(&self, file: &File) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.is_get_of(file)).collect()
    }

    /// Bytes of bodies sent to the gateway.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// Connections that the gateway has open now.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.release();
    }
}

/// Bound before this returns, so that nobody comes too early.
fn listen(address: SocketAddrV4) -> TcpListener {
    let listener = eventually("the port is free", PATIENCE, || std::net::TcpListener::bind(address).ok());
    listener.set_nonblocking(true).expect("a listener that does not block");
    let _inside = runtime().enter();
    TcpListener::from_std(listener).expect("a runtime to listen in")
}
