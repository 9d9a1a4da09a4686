//! What a process has to do with whoever runs it: an operator at a terminal or with signals, or a service manager such as
//! systemd.
//! It knows nothing of files; each `main` puts it around its service.
//!
//! | module | holds |
//! |---|---|
//! | [`environment`] | what settings are read from |
//! | [`health`] | asks a service that runs whether it is ready |
//! | [`signals`] | [`Signals`], and what they ask for: [`Stop`] |
//! | [`sockets`] | [`Sockets`]: listeners that were opened before this process, and outlive it |
//! | [`supervisor`] | [`Supervisor`]: is told when the service is ready, reloads, stops, and that it still serves |
//! | [`terminal`] | arguments, what is said to whoever typed them, exit codes |
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

pub mod environment;
pub mod health;
pub mod signals;
pub mod sockets;
pub mod supervisor;
pub mod terminal;

pub use environment::with_environment;
pub use signals::{Signals, Stop};
pub use sockets::Sockets;
pub use supervisor::Supervisor;
pub use terminal::{arguments, say, tell, tool_ended};
