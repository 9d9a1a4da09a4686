//! Storage on a bad day, between a real gateway and a real S3 (part G of the abuse list). What must come back is a whole
//! answer of exact bytes, an error in the contract's shape, or a connection cut before the promised length.
//!
//! Every test that can runs with the cache off and on; see [`both_ways`]. They are run with `--ignored`, with
//! `TEST_STORAGE_URL` and the `AWS_*` variables of an S3 set, and some for longer when asked to:
//!
//! | variable | short | full |
//! |---|---|---|
//! | `T2M_FAULTED_DOWNLOADS` | 300 | 10,000 |
//! | `T2M_LEAVING_CLIENTS`, of a file of `T2M_LEAVING_MIB` | 100, 64 | 1,000, 1,024 |
//! | `T2M_KILLS` | 6 | 100 |
//! | `T2M_POWER_CUTS` | 8 | 200 |
//! | `T2M_CACHE_FILES` | 10,000 | 100,000 |
#[path = "../harness/mod.rs"]
mod harness;

mod answers;
mod bodies;
mod cache;
mod crowds;
mod nonsense;
mod outcome;
mod random_faults;
mod silence;
mod tls;

use harness::{ALL, CANARY, File, Gateway, Origin, Random, Setup};
use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

/// A stretch at whose multiples bodies are made to break.
const STRETCH: u64 = 64 << 10;

/// Longer than what one GET of the gateway brings, however it reads.
const LONG: usize = 9 << 20;

/// Makes two tests of each of these functions: with the cache off, and on.
macro_rules! both_ways {
    ($($test:ident),* $(,)?) => {
        mod cache_off {
            $(#[test] #[ignore = "needs S3: TEST_STORAGE_URL"] fn $test() { super::$test(&$crate::Stage::uncached()); })*
        }
        mod cache_on {
            $(#[test] #[ignore = "needs S3: TEST_STORAGE_URL"] fn $test() { super::$test(&$crate::Stage::cached()); })*
        }
    };
}
pub(crate) use both_ways;

/// A gateway and the storage it meets.
struct Stage {
    gateway: Gateway,
    origin: Origin,
    is_cached: bool,
}

impl Stage {
    fn uncached() -> Self {
        Self { is_cached: false, ..Self::of(harness::setup().set("GATEWAY_CACHE_DIR", "off")) }
    }

    /// With a cache of a gigabyte in chunks of 256 KiB.
    fn cached() -> Self {
        Self::of(cached_setup())
    }

    /// With the cache as this setup has it.
    fn of(setup: Setup) -> Self {
        let (setup, origin) = before_origin(setup);
        Self { gateway: setup.start(), origin, is_cached: true }
    }

    /// Storage is well again, and so is the gateway.
    #[track_caller]
    fn assert_unharmed(&self) {
        self.origin.recover();
        self.gateway.assert_unharmed();
        let log = self.gateway.log();
        assert!(!log.contains("Signature="), "a signature towards storage is in the log");
        for (name, value) in harness::aws_variables() {
            assert!(!name.contains("SECRET") || !log.contains(&value), "{name} is in the log");
        }
    }

    /// A file of so many bytes that no other has.
    fn film(&self, size: usize) -> File {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let seed = COUNT.fetch_add(1, Ordering::Relaxed);
        self.gateway.store("film.mp4", &Random::seeded(seed).bytes(size))
    }

    /// Where chunks lie.
    fn cache(&self) -> PathBuf {
        self.gateway.home().join("cache")
    }
}

fn cached_setup() -> Setup {
    harness::setup().set("GATEWAY_CHUNK_BYTES", "262144").set("GATEWAY_CACHE_BYTES", "1073741824")
}

/// Puts an origin between this gateway and its storage.
fn before_origin(setup: Setup) -> (Setup, Origin) {
    assert!(!setup.storage().is_folder(), "these tests need S3: TEST_STORAGE_URL");
    let origin = Origin::start(setup.address());
    let url = origin.url();
    (setup.set("AWS_ENDPOINT", &url), origin)
}
