//! A moment after which there is no more waiting.

use std::{future::Future, io, pin::Pin, task::Context, time::Duration};
use tokio::time::{Instant, Sleep, sleep_until};

/// Moving it costs nothing: its timer is left as it is, and set anew only when it goes off too early or would go off
/// too late.
#[derive(Default)]
pub(super) struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Gives back when this was.
    pub(super) fn set(&mut self, after: Duration) -> std::time::Instant {
        let now = Instant::now();
        self.at = Some(now + after);
        now.into_std()
    }

    /// As [`Deadline::set`], of a wait that began before.
    pub(super) fn set_since(&mut self, since: std::time::Instant, after: Duration) {
        self.at = Some(Instant::from_std(since) + after);
    }

    pub(super) fn clear(&mut self) {
        self.at = None;
    }

    pub(super) fn is_set(&self) -> bool {
        self.at.is_some()
    }

    /// An error once the moment has passed; until then the task is woken for it.
    pub(super) fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Some(at) = self.at else { return Ok(()) };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= at {
                return Err(io::ErrorKind::TimedOut.into());
            }
            timer.as_mut().reset(at);
        }
        Ok(())
    }
}
