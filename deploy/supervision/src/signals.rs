//! What operators send.

use crate::Supervisor;
use std::{convert::Infallible, io};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How a service is asked to end.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Finish what you are at.
    pub drain: CancellationToken,
    /// End at once.
    pub cut: CancellationToken,
}

impl Stop {
    /// The first time drains, the second cuts.
    pub fn ask(&self) {
        if self.drain.is_cancelled() {
            self.cut.cancel();
        }
        self.drain.cancel();
    }
}

/// SIGTERM, SIGINT and SIGHUP.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// From here on none of them ends the process by itself.
    ///
    /// # Errors
    /// The system lets none be listened for.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// SIGTERM or SIGINT drains, a second one cuts; SIGHUP is for `reload`, which reads again what may change.
    pub async fn obey(mut self, supervisor: &Supervisor, stop: &Stop, reload: impl Fn()) -> Infallible {
        loop {
            tokio::select! {
                _ = self.hang_up.recv() => supervisor.tell_of_reload(&reload),
                _ = self.terminate.recv() => end(supervisor, stop),
                _ = self.interrupt.recv() => end(supervisor, stop),
            }
        }
    }
}

fn end(supervisor: &Supervisor, stop: &Stop) {
    supervisor.tell_of_stop();
    stop.ask();
    tracing::info!("draining; a second signal cuts");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_twice_wants_it_now() {
        let stop = Stop::default();
        stop.ask();
        assert!(stop.drain.is_cancelled() && !stop.cut.is_cancelled());
        stop.ask();
        assert!(stop.cut.is_cancelled());
    }
}
