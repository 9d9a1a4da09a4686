//! What a process has to do with whoever runs it: an operator with signals, or a service manager such as systemd.
//! It knows nothing of files; each `main` puts it around its service.
//!
//! | module | holds |
//! |---|---|
//! | [`signals`] | [`Signals`], and what they ask for: [`Stop`] |
//! | [`sockets`] | [`Sockets`]: listeners that were opened before this process, and outlive it |
//! | [`supervisor`] | [`Supervisor`]: is told when the service is ready, reloads, stops, and that it still serves |
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

pub mod signals;
pub mod sockets;
pub mod supervisor;

pub use signals::{Signals, Stop};
pub use sockets::Sockets;
pub use supervisor::Supervisor;
