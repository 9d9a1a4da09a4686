//! `GET /usage`: what the caller has stored, and what they may.

use super::Success;
use crate::{Signer, error::Error, identity::Caller, tiers};
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// A caller's files together.
#[derive(Serialize, ToSchema)]
pub(crate) struct Usage {
    bytes: u64,
    files: u64,
    limits: Limits,
}

#[derive(Serialize, ToSchema)]
struct Limits {
    rate: Rate,
    max_upload_bytes: u64,
    /// `null` is no bound.
    total_bytes: Option<u64>,
    max_url_seconds: u64,
}

#[derive(Serialize, ToSchema)]
struct Rate {
    limit: u32,
    window_seconds: u32,
}

impl From<tiers::Limits> for Limits {
    fn from(limits: tiers::Limits) -> Self {
        Self {
            rate: Rate { limit: limits.rate.limit(), window_seconds: limits.rate.seconds() },
            max_upload_bytes: limits.max_upload_bytes,
            total_bytes: limits.total_bytes,
            max_url_seconds: limits.max_url_seconds,
        }
    }
}

/// The handler.
pub(crate) async fn usage(State(signer): State<Signer>, caller: Caller) -> Result<Success<Usage>, Error> {
    let (bytes, files) = signer.catalog().usage(caller.id()).await?;
    Ok(Success::of(Usage { bytes, files, limits: caller.limits().into() }))
}
