//! The contract as code: what the gateway, the signer and every other issuer agree on.
//!
//! | module | holds |
//! |---|---|
//! | [`id`] | file, user and key ids, parsed once and carried as types |
//! | [`keys`] | the ring of signing keys |
//! | [`signed_url`] | sign, and verify into a [`signed_url::Grant`] |
//! | [`base_url`] | what issued URLs begin with |
//! | [`catalog`] | what a row says, who may read it, the schema's migrations |
//! | [`refusal`] | every way a signed URL is refused, and the error body |
//! | [`etag`], [`media`] | validators, media types |
//! | [`storage`] | where things lie |
//! | [`log_line`], [`quiet`] | what a line of a log may hold, and how often it says the same |
//! | [`trace_context`] | which trace a request belongs to |
//! | [`settings`] | settings from flags, environment and secret files |
//! | [`command_line`] | flags and tools, and what describes them |
//! | [`health`] | asking a service whether it is ready |
//!
//! Nothing here performs I/O or reads a clock: time, environment and file contents are arguments.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

pub mod base_url;
pub mod catalog;
pub mod command_line;
pub mod etag;
pub mod health;
pub mod id;
pub mod keys;
pub mod log_line;
pub mod media;
pub mod quiet;
pub mod refusal;
pub mod settings;
pub mod signed_url;
pub mod storage;
pub mod trace_context;
