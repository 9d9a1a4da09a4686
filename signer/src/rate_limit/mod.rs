//! How often a caller may call.
//!
//! | what | where |
//! |---|---|
//! | calls by time, as settings have it | `rate` |
//! | the sliding window, as arithmetic | `window` |
//! | windows in this process | `memory` |
//! | windows in Redis, by a script that is the same arithmetic | `shared` |
//! | what a limited answer says | `Allowance` |
//! | what a request without a proven identity may do | `unproven` |
//!
//! Everything that issues a URL or begins an upload counts against its user, whatever comes of it; a call past the
//! limit does not, so that who waits as told is served.

mod memory;
mod rate;
mod shared;
pub(crate) mod unproven;
mod window;

#[cfg(test)]
mod tests;

pub use rate::{InvalidRate, Rate};
pub use shared::RedisUrl;

use crate::{Signer, boundary::Exchange, clock, error::Error, identity::Caller};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts},
};
use memory::Windows;
use proto::id::UserId;
use shared::Shared;
use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use window::Verdict;

/// Calls of users that are remembered in this process: 64 MiB.
const USER_CALLS: usize = 4 << 20;
/// The same for addresses: 16 MiB.
const ADDRESS_CALLS: usize = 1 << 20;

/// Every window of the service.
pub(crate) struct RateLimit {
    began: Instant,
    users: Windows<UserId>,
    addresses: Windows<IpAddr>,
    shared: Option<Arc<Shared>>,
}

impl RateLimit {
    pub(crate) async fn open(redis: Option<&RedisUrl>, patience: Duration) -> Self {
        let shared = match redis {
            Some(url) => Some(Shared::open(url, patience).await),
            None => None,
        };
        Self { began: Instant::now(), users: Windows::new(USER_CALLS), addresses: Windows::new(ADDRESS_CALLS), shared }
    }

    /// Milliseconds of a clock that never goes back, whatever is done to the wall's.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// What a limited answer says of its caller's window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    rate: Rate,
    verdict: Verdict,
    /// Unix milliseconds.
    resets_at: u64,
}

impl Allowance {
    fn of(rate: Rate, verdict: Verdict) -> Self {
        let now = u64::try_from(clock::unix_millis()).unwrap_or_default();
        Self { rate, verdict, resets_at: now + verdict.reset }
    }

    /// What is answered when a call does not fit.
    pub(crate) fn refusal(&self) -> Error {
        Error::RateLimited { limit: self.rate.limit(), seconds: self.rate.seconds() }
    }

    /// `X-RateLimit-*` as the limiter before this one gave them, and those of draft-ietf-httpapi-ratelimit-headers.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let Self { rate, verdict, resets_at } = self;
        let (limit, window) = (rate.limit(), rate.seconds());
        let (left, reset) = (u64::from(limit).saturating_sub(verdict.used), verdict.reset.div_ceil(1000));
        for (name, value) in [
            ("x-ratelimit-limit", limit.to_string()),
            ("x-ratelimit-remaining", left.to_string()),
            ("x-ratelimit-reset", resets_at.to_string()),
            ("ratelimit-policy", format!("\"default\";q={limit};w={window}")),
            ("ratelimit", format!("\"default\";r={left};t={reset}")),
        ] {
            let value = HeaderValue::try_from(value).expect("digits and plain ASCII");
            headers.insert(HeaderName::from_static(name), value);
        }
        if !verdict.admitted {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after(verdict)));
        }
    }
}

/// In whole seconds, and never at once (RFC 9110 section 10.2.3).
fn retry_after(verdict: &Verdict) -> u64 {
    verdict.retry.div_ceil(1000).max(1)
}

impl Signer {
    /// Counts a call that asks for `cost` URLs or uploads. What the answer says of it is left with the exchange.
    pub(crate) async fn count(&self, caller: &Caller, exchange: &Exchange, cost: u32) -> Result<(), Error> {
        let (limits, rate) = (self.rate_limit(), caller.limits().rate);
        let shared = match &limits.shared {
            Some(shared) => {
                let verdict = shared.count(caller.id().as_str(), rate, cost).await;
                self.metrics().shared_count(verdict.is_some());
                verdict
            }
            None => None,
        };
        let verdict = shared.unwrap_or_else(|| limits.users.count(caller.id(), rate, cost, limits.now()));
        let allowance = Allowance::of(rate, verdict);
        if verdict.admitted {
            exchange.is_limited(allowance);
            return Ok(());
        }
        self.metrics().limited("user");
        Err(exchange.refuse(allowance))
    }
}

/// A caller one of whose calls was counted: what every limited route asks for, unless it costs more than one.
pub(crate) struct Counted(pub(crate) Caller);

impl FromRequestParts<Signer> for Counted {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, signer: &Signer) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, signer).await?;
        let exchange = Exchange::from_request_parts(parts, signer).await?;
        signer.count(&caller, &exchange, 1).await?;
        Ok(Self(caller))
    }
}
