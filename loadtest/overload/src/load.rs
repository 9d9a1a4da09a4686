//! Many connections at once: kept busy, or asked on at a pace that does not wait for answers.

use crate::{
    connection::{Answer, Connection, Outcome},
    target::Target,
};
use anyhow::ensure;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::task::{JoinSet, yield_now};

/// Answers of one measurement.
pub(crate) struct Answers {
    pub(crate) began: Instant,
    pub(crate) time: Duration,
    pub(crate) all: Vec<Answer>,
    /// By which requests went out behind their time.
    pub(crate) late: Vec<Duration>,
}

/// Requests, and the connections that wait for one.
pub(crate) struct Load {
    pool: Rc<Pool>,
    asked: u64,
}

struct Pool {
    target: Target,
    most: usize,
    open: Cell<usize>,
    idle: RefCell<Vec<Connection>>,
}

impl Load {
    /// Over `most` connections.
    pub(crate) fn new(target: Target, most: usize) -> Self {
        Self { pool: Rc::new(Pool { target, most, open: Cell::new(0), idle: RefCell::default() }), asked: 0 }
    }

    /// So many clients ask for so long, each again as soon as it is answered.
    pub(crate) async fn keep_busy(&mut self, clients: usize, time: Duration) -> anyhow::Result<Answers> {
        let began = Instant::now();
        let mut running = JoinSet::new();
        for first in 0..clients as u64 {
            let pool = Rc::clone(&self.pool);
            running.spawn_local(async move {
                let mut answers = Vec::new();
                while began.elapsed() < time {
                    answers.push(pool.ask(first + answers.len() as u64).await);
                }
                answers
            });
        }
        let all = running.join_all().await.concat();
        Answers { began, time, all, late: Vec::new() }.checked()
    }

    /// So many requests a second, whatever becomes of them.
    pub(crate) async fn offer(&mut self, per_second: f64, time: Duration) -> anyhow::Result<Answers> {
        let began = Instant::now();
        let (mut running, mut late) = (JoinSet::new(), Vec::new());
        while began.elapsed() < time {
            let due = began + Duration::from_secs_f64(f64::from(u32::try_from(late.len())?) / per_second);
            let Some(behind) = Instant::now().checked_duration_since(due) else {
                yield_now().await;
                continue;
            };
            late.push(behind);
            let (pool, number) = (Rc::clone(&self.pool), self.asked);
            self.asked += 1;
            running.spawn_local(async move { pool.ask(number).await });
        }
        let all = running.join_all().await;
        Answers { began, time, all, late }.checked()
    }
}

impl Pool {
    /// The connection is kept, unless its answer was wrong.
    async fn ask(&self, number: u64) -> Answer {
        let asked = Instant::now();
        let Some(mut connection) = self.connection().await else {
            return Answer { outcome: Outcome::Wrong, asked, whole: asked.elapsed() };
        };
        let answer = connection.ask(&self.target, self.target.request(number).as_bytes()).await;
        if answer.outcome == Outcome::Wrong {
            self.open.set(self.open.get() - 1);
        } else {
            self.idle.borrow_mut().push(connection);
        }
        answer
    }

    /// `None` where none can be opened, or as many are as may be.
    async fn connection(&self) -> Option<Connection> {
        let idle = self.idle.borrow_mut().pop();
        if idle.is_some() || self.open.get() == self.most {
            return idle;
        }
        self.open.set(self.open.get() + 1);
        let opened = Connection::open(&self.target).await;
        if opened.is_err() {
            self.open.set(self.open.get() - 1);
        }
        opened.ok()
    }
}

impl Answers {
    /// # Errors
    /// One of them was wrong.
    fn checked(self) -> anyhow::Result<Self> {
        let wrong = self.all.iter().filter(|answer| answer.outcome == Outcome::Wrong).count();
        ensure!(wrong == 0, "{wrong} of {} answers were neither the range nor a refusal", self.all.len());
        Ok(self)
    }
}
