//! One thread a core, each with a runtime of its own: a connection stays on the thread it was given to, so that what
//! answers it takes no lock and wakes no other thread.

use std::{
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// `nice`.
#[cfg(target_os = "linux")]
const LOWEST_PRIORITY: i32 = 19;

/// The threads that serve connections. They end when this is dropped, and with them what they still run.
pub(super) struct Workers {
    workers: Vec<Worker>,
    _end: DropGuard,
}

struct Worker {
    runtime: Handle,
    load: Arc<AtomicUsize>,
}

/// One connection among those of its worker.
pub(super) struct Load(Arc<AtomicUsize>);

impl Workers {
    /// # Errors
    /// The system gives no thread, or no descriptors for its runtime.
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let end = CancellationToken::new();
        let workers = (0..count).map(|number| Worker::start(number, end.clone())).collect::<io::Result<_>>()?;
        Ok(Self { workers, _end: end.drop_guard() })
    }

    /// Runs a connection on the worker that has the fewest. It keeps its load until its end.
    pub(super) fn spawn<C>(&self, connection: impl FnOnce(Load) -> C)
    where
        C: Future<Output = ()> + Send + 'static,
    {
        let least = self.workers.iter().min_by_key(|worker| worker.load.load(Ordering::Relaxed));
        if let Some(worker) = least {
            worker.runtime.spawn(connection(Load::add(&worker.load)));
        }
    }
}

impl Worker {
    fn start(number: usize, end: CancellationToken) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().on_thread_start(stand_back).build()?;
        let handle = runtime.handle().clone();
        let serve = move || runtime.block_on(end.cancelled());
        thread::Builder::new().name(format!("gateway-{number}")).spawn(serve)?;
        Ok(Self { runtime: handle, load: Arc::default() })
    }
}

/// For threads that wait for the disk: where they share a core with one that serves, that one goes first.
fn stand_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), LOWEST_PRIORITY) {
        tracing::debug!(%error, "a thread for the disk has the priority of one that serves");
    }
}

impl Load {
    fn add(load: &Arc<AtomicUsize>) -> Self {
        load.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(load))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
