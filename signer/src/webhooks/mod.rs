//! What the identity provider tells of its users: `POST /webhooks/clerk`.
//!
//! | step | where |
//! |---|---|
//! | read the three headers, compare the time | `envelope` |
//! | verify the signature over the body's raw bytes | `envelope`, with the [`Secrets`] of the settings |
//! | read what happened, and to whom | `event` |
//! | apply it, once and in the order of time | `catalog` |
//!
//! No cookie and no token counts here, so there is nothing that a page of another origin could misuse.

mod envelope;
mod event;
mod secrets;

pub use secrets::{SecretError, Secrets};

use crate::{
    Signer, body,
    catalog::{Effect, UserEvent, What},
    clock,
    error::Error,
    files::Success,
};
use axum::{body::Body, extract::State, http::HeaderMap};
use envelope::Envelope;
use serde::Serialize;
use utoipa::ToSchema;

/// Bytes of a body at most; a user with all the metadata that Clerk allows has about 30 KiB.
const MAX_BODY: u64 = 256 << 10;

/// Why a message is not taken. Sent again unchanged it will fare no better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// An id, a timestamp or a signature is missing, repeated, or not of its form.
    #[error("headers")]
    Headers,
    /// The timestamp is too far from now.
    #[error("timestamp")]
    Timestamp,
    /// No secret of ours made any of its signatures.
    #[error("signature")]
    Signature,
    /// Rightly signed, and no event that can be understood.
    #[error("body")]
    Body,
}

/// `{"result": ...}`: what came of a message.
#[derive(Serialize, ToSchema)]
pub(crate) struct Received {
    result: &'static str,
}

/// `POST /webhooks/clerk`. Without a secret nothing can be believed, and there is no such route.
pub(crate) async fn clerk(
    State(signer): State<Signer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Success<Received>, Error> {
    let outcome = receive(&signer, &headers, body).await;
    signer.metrics().webhook(match &outcome {
        Ok(effect) => effect.name(),
        Err(error) => error.answer().code,
    });
    Ok(Success::of(Received { result: outcome?.name() }))
}

async fn receive(signer: &Signer, headers: &HeaderMap, body: Body) -> Result<Effect, Error> {
    let identity = signer.identity();
    let secrets = identity.webhook_secrets().ok_or(Error::RouteNotFound)?;
    let envelope = Envelope::read(headers, clock::unix_seconds())?;
    let body = body::whole(headers, body, MAX_BODY, signer.config().upload_patience).await?;
    envelope.verify(&body, secrets)?;
    match event::read(&body, envelope.sent_at())? {
        Some(event) => apply(signer, envelope.id(), &event).await,
        None => Ok(Effect::Ignored),
    }
}

/// Nothing is acknowledged before it is written: after an error the sender comes again.
async fn apply(signer: &Signer, message: &str, event: &UserEvent) -> Result<Effect, Error> {
    let effect = signer.catalog().apply(message, event, clock::unix_millis()).await?;
    tracing::info!(user = %event.user, what = event.what.name(), effect = effect.name(), "told by the identity provider");
    if event.what == What::Deleted {
        signer.sweep_soon();
    }
    Ok(effect)
}
