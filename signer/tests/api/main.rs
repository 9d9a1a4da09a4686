//! The API as its clients see it: a real server on a loopback port, a real catalog, real storage.
//!
//! Storage is a folder, or what `TEST_STORAGE_URL` names (`s3://...`, with the `AWS_*` variables of it). The catalog is
//! SQLite, or a schema of its own in the Postgres that `TEST_DATABASE_URL` names.

mod harness;

mod addresses;
mod admin;
mod batch;
mod change;
mod checks;
mod cors;
mod csrf;
mod delete;
mod digests;
mod errors;
mod idempotency;
mod identity;
mod import;
mod internal;
mod keys;
mod lifecycle;
mod list;
mod log_lines;
mod malformed_uploads;
mod names;
mod openapi;
mod presigned;
mod rate_limit;
mod raw;
mod raw_refused;
mod read;
mod reload;
mod settings;
mod signed_url;
mod storing;
mod system;
mod tiers;
mod told;
mod tools;
mod tus;
mod upkeep;
mod uploads;
mod webhooks;
