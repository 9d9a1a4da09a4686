//! Windows kept in Redis, for all signers together.
//!
//! There is a connection that answered lately, or there is none and nobody waits for one: an answer that fails or
//! takes too long ends the connection, and one task makes another beside the requests. So a Redis
//! that hangs delays the calls that were under way, once.

use super::{Rate, window::Verdict};
use arc_swap::ArcSwapOption;
use proto::quiet::Quiet;
use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo, RedisError, Script, ScriptInvocation, aio::MultiplexedConnection,
};
use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// For a connection that nobody waits for.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);
const PREFIX: &str = "t2m-files:rate:";

/// `REDIS_URL`. Its `Debug` prints nothing: there may be a password in it.
#[derive(Clone)]
pub struct RedisUrl(Client);

impl std::fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedisUrl(..)")
    }
}

impl std::str::FromStr for RedisUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "must be a URL such as redis://:password@host:6379/0, or redis+unix:///socket";
        let info = text.trim().into_connection_info().map_err(|_| EXPECTED)?;
        Client::open(info).map(Self).map_err(|_| EXPECTED)
    }
}

/// Redis, there or away.
pub(super) struct Shared {
    client: Client,
    script: Script,
    /// `None` while Redis is away.
    connection: ArcSwapOption<MultiplexedConnection>,
    /// For one answer.
    patience: Duration,
    quiet: Quiet,
}

impl Shared {
    /// Connects, or goes on trying beside the first requests.
    pub(super) async fn open(url: &RedisUrl, patience: Duration) -> Arc<Self> {
        let shared = Arc::new(Self {
            client: url.0.clone(),
            script: Script::new(include_str!("sliding_window.lua")),
            connection: ArcSwapOption::empty(),
            patience,
            quiet: Quiet::default(),
        });
        if let Err(error) = shared.connect().await {
            shared.tell(&error);
            tokio::spawn(heal(Arc::downgrade(&shared)));
        }
        shared
    }

    /// Counts a call; `None` while Redis is away.
    pub(super) async fn count(self: &Arc<Self>, caller: &str, rate: Rate, cost: u32) -> Option<Verdict> {
        let connection = self.connection.load_full()?;
        let call = invocation(&self.script, caller, rate, cost);
        match answer(&call, &connection, self.patience).await {
            Ok(verdict) => Some(verdict),
            Err(error) => {
                // Of all whose calls fail with this connection, one takes it away and sees to another.
                let lost = self.connection.compare_and_swap(&connection, None);
                if lost.as_ref().is_some_and(|lost| Arc::ptr_eq(lost, &connection)) {
                    self.tell(&error);
                    tokio::spawn(heal(Arc::downgrade(self)));
                }
                None
            }
        }
    }

    /// A connection is taken once the script has run on it: a Redis that only replies may be out of memory, or a
    /// replica.
    async fn connect(&self) -> Result<(), RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_PATIENCE))
            .set_response_timeout(Some(CONNECT_PATIENCE));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let probe = Rate::new(1, 1).expect("one a second is a rate");
        answer(&invocation(&self.script, "", probe, 0), &connection, self.patience).await?;
        self.connection.store(Some(Arc::new(connection)));
        Ok(())
    }

    /// Neither the address nor a password is in such an error; at most one line a minute.
    fn tell(&self, error: &RedisError) {
        if self.quiet.is_over(Instant::now()) {
            tracing::warn!(%error, "Redis is away; rates are limited in this process alone until it is back");
        }
    }
}

/// Runs until there is a connection again, or nobody who wants one.
async fn heal(shared: Weak<Shared>) {
    loop {
        sleep(PAUSE).await;
        let Some(shared) = shared.upgrade() else { return };
        match shared.connect().await {
            Ok(()) => return tracing::info!("Redis is back"),
            Err(error) => shared.tell(&error),
        }
    }
}

fn invocation<'a>(script: &'a Script, caller: &str, rate: Rate, cost: u32) -> ScriptInvocation<'a> {
    let mut call = script.key(format!("{PREFIX}{caller}"));
    call.arg(rate.limit()).arg(rate.window()).arg(cost);
    call
}

async fn answer(
    call: &ScriptInvocation<'_>,
    connection: &MultiplexedConnection,
    patience: Duration,
) -> Result<Verdict, RedisError> {
    let mut connection = connection.clone();
    let asked = timeout(patience, call.invoke_async::<(u8, u64, u64, u64)>(&mut connection));
    let late = |_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
    let (admitted, used, reset, retry) = asked.await.map_err(late)??;
    Ok(Verdict { admitted: admitted == 1, used, reset, retry })
}

#[cfg(test)]
impl Shared {
    /// As [`Shared::count`], at a time of the caller's.
    pub(super) async fn count_at(&self, caller: &str, rate: Rate, cost: u32, now: u64) -> Verdict {
        let connection = self.connection.load_full().expect("Redis is there");
        let mut call = invocation(&self.script, caller, rate, cost);
        call.arg(now);
        answer(&call, &connection, self.patience).await.unwrap()
    }
}
