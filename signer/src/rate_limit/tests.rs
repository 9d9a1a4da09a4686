//! One suite for both places where windows are kept: this process always, Redis when `TEST_REDIS_URL` names one.

use super::{Rate, memory::Windows, shared::Shared, window::Verdict};
use std::{sync::Arc, time::Duration};

/// A store of windows, and a caller that no other test has.
enum Store {
    Memory(Windows<String>),
    Redis(Arc<Shared>),
}

struct Caller {
    store: Store,
    name: String,
    rate: Rate,
}

/// Some time of today, in milliseconds.
// Windows are long, for Redis drops what has not been touched for one by its own clock.
const T: u64 = 1_764_000_000_000;

#[expect(clippy::disallowed_methods, reason = "whether there is a Redis to test is the caller's choice")]
async fn stores() -> Vec<Store> {
    let mut stores = vec![Store::Memory(Windows::new(1 << 20))];
    if let Ok(url) = std::env::var("TEST_REDIS_URL") {
        stores.push(Store::Redis(Shared::open(&url.parse().unwrap(), Duration::from_secs(30)).await));
    }
    stores
}

/// A caller of this rate in every store there is.
async fn callers(rate: &str) -> Vec<Caller> {
    let name = uuid::Uuid::now_v7().to_string();
    let caller = |store| Caller { store, name: name.clone(), rate: rate.parse().unwrap() };
    stores().await.into_iter().map(caller).collect()
}

impl Caller {
    async fn asks(&self, cost: u32, at: u64) -> Verdict {
        match &self.store {
            Store::Memory(windows) => windows.count(&self.name, self.rate, cost, at),
            Store::Redis(shared) => shared.count_at(&self.name, self.rate, cost, at).await,
        }
    }
}

fn admitted(used: u64, reset: u64) -> Verdict {
    Verdict { admitted: true, used, reset, retry: 0 }
}

fn refused(used: u64, reset: u64, retry: u64) -> Verdict {
    Verdict { admitted: false, used, reset, retry }
}

#[tokio::test]
async fn the_window_is_exact_at_its_edges() {
    for caller in callers("3/100s").await {
        assert_eq!(caller.asks(1, T).await, admitted(1, 100_000));
        assert_eq!(caller.asks(1, T + 1).await, admitted(2, 99_999));
        assert_eq!(caller.asks(1, T + 50_000).await, admitted(3, 50_000));
        assert_eq!(caller.asks(1, T + 99_999).await, refused(3, 1, 1));
        assert_eq!(caller.asks(1, T + 100_000).await, admitted(3, 1), "the first stops counting just then");
        assert_eq!(caller.asks(1, T + 100_000).await, refused(3, 1, 1));
        assert_eq!(caller.asks(1, T + 100_001).await, admitted(3, 49_999));
        assert_eq!(caller.asks(1, T + 149_999).await, refused(3, 1, 1));
    }
}

#[tokio::test]
async fn no_stretch_of_a_window_holds_more_than_the_limit() {
    for caller in callers("5/100s").await {
        let (mut times, mut at) = (Vec::new(), T);
        for step in 0..300 {
            // Bursts and pauses, never in step with the window.
            at += (step % 7) * (step % 3) * 1_100 + 7;
            if caller.asks(1, at).await.admitted {
                times.push(at);
            }
        }
        assert!(times.len() > 40, "{}", times.len());
        assert!(times.windows(6).all(|six| six[5] - six[0] >= 100_000));
    }
}

#[tokio::test]
async fn who_waits_as_long_as_told_is_admitted_and_not_before() {
    for cost in [1, 2, 3, 7, 10] {
        for caller in callers("10/60s").await {
            for (units, at) in [(4, 0), (1, 10), (3, 2_000), (2, 2_000)] {
                assert!(caller.asks(units, T + at).await.admitted);
            }
            let told = caller.asks(cost, T + 3_000).await;
            assert!(!told.admitted && told.used == 10, "{told:?}");
            assert!(!caller.asks(cost, T + 3_000 + told.retry - 1).await.admitted, "{cost}");
            assert!(caller.asks(cost, T + 3_000 + told.retry).await.admitted, "{cost}");
        }
    }
}

#[tokio::test]
async fn a_batch_costs_as_many_as_it_asks_for_or_nothing() {
    for caller in callers("100/1h").await {
        assert_eq!(caller.asks(60, T).await, admitted(60, 3_600_000));
        assert_eq!(caller.asks(60, T + 1_000).await, refused(60, 3_599_000, 3_599_000));
        assert_eq!(caller.asks(40, T + 2_000).await, admitted(100, 3_598_000));
        assert_eq!(caller.asks(1, T + 3_000).await, refused(100, 3_597_000, 3_597_000));
        assert_eq!(caller.asks(61, T + 3_000).await, refused(100, 3_597_000, 3_599_000), "both must have left");
    }
}

#[tokio::test]
async fn what_never_fits_is_told_when_nothing_counts_any_more() {
    for caller in callers("2/100s").await {
        assert_eq!(caller.asks(3, T).await, refused(0, 0, 0));
        assert_eq!(caller.asks(1, T).await, admitted(1, 100_000));
        assert_eq!(caller.asks(3, T + 40_000).await, refused(1, 60_000, 60_000));
    }
}

#[tokio::test]
async fn calls_of_one_millisecond_count_one_by_one() {
    for caller in callers("12/100s").await {
        for used in 1..=12 {
            assert_eq!(caller.asks(1, T).await, admitted(used, 100_000));
        }
        assert_eq!(caller.asks(1, T).await, refused(12, 100_000, 100_000));
        assert_eq!(caller.asks(12, T + 100_000).await, admitted(12, 100_000));
    }
}

#[tokio::test]
async fn a_clock_that_stumbles_admits_nothing_twice() {
    for caller in callers("2/100s").await {
        assert_eq!(caller.asks(1, T).await, admitted(1, 100_000));
        assert_eq!(caller.asks(1, T - 700).await, admitted(2, 100_000));
        assert_eq!(caller.asks(1, T - 1).await, refused(2, 100_000, 100_000));
    }
}

#[tokio::test]
async fn another_rate_looks_at_the_same_calls() {
    for mut caller in callers("5/100s").await {
        for _ in 0..4 {
            caller.asks(1, T).await;
        }
        caller.rate = "2/100s".parse().unwrap();
        assert_eq!(caller.asks(1, T + 1).await, refused(4, 99_999, 99_999));
        caller.rate = "9/20s".parse().unwrap();
        assert_eq!(caller.asks(1, T + 19_999).await, admitted(5, 1));
        assert_eq!(caller.asks(1, T + 20_000).await, admitted(2, 19_999));
    }
}
