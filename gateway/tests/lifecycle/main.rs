//! Too many requests, a stop in their midst, one restart after another, and a service manager (H1, H3 and H4 of the
//! abuse list).
//! Memory under a thousand slow readers (H2) is measured by `loadtest/memory.sh`.
#[path = "../harness/mod.rs"]
mod harness;

mod overload;
mod restarts;
mod stops;
mod supervision;
