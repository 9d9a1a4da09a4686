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

    /// Those of the threads.
    pub(super) fn runtimes(&self) -> Vec<Handle> {
        self.workers.iter().map(|worker| worker.runtime.clone()).collect()
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

/// Comes to its end when each of these threads has taken a turn.
pub(crate) async fn take_turns(threads: &[Handle]) {
    let turns: Vec<_> = threads.iter().map(|thread| thread.spawn(async {})).collect();
    for turn in turns {
        // A thread that has ended has nothing left to serve.
        let _ = turn.await;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::mpsc, time::Duration};
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_thread_that_hangs_takes_no_turn() {
        let workers = Workers::start(2).unwrap();
        let threads = workers.runtimes();
        timeout(SOON, take_turns(&threads)).await.expect("both are idle");
        let (release, hangs) = mpsc::channel::<()>();
        threads[1].spawn(async move { hangs.recv() });
        let mut turns = std::pin::pin!(take_turns(&threads));
        assert!(timeout(Duration::from_millis(300), turns.as_mut()).await.is_err());
        release.send(()).unwrap();
        timeout(SOON, turns).await.expect("it goes on");
    }

    #[tokio::test]
    async fn threads_that_have_ended_are_not_waited_for() {
        let threads = Workers::start(2).unwrap().runtimes();
        timeout(SOON, take_turns(&threads)).await.expect("nothing hangs");
    }
}
