//! Whether we are well, for clients (`/auth/health`, `/system/health`) and for operators (`/healthz`, `/readyz`,
//! `/rotation`, `/metrics`).

use crate::{
    Signer,
    boundary::{Exchange, RETRY_AFTER_SECONDS},
    files::Success,
    identity::KeyState,
};
use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;
use utoipa::ToSchema;

/// How long an answer stands: a flood of questions must not become a flood of queries.
const FRESH: Duration = Duration::from_secs(1);
/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(6);

/// What can be reached.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Reach {
    catalog: bool,
    storage: bool,
}

/// The last answer, and when it was given. One question at a time.
#[derive(Debug, Default)]
pub(crate) struct LastReach(Mutex<Option<(Instant, Reach)>>);

impl LastReach {
    async fn ask(&self, signer: &Signer) -> Reach {
        let mut last = self.0.lock().await;
        if let Some((_, reach)) = last.filter(|(at, _)| at.elapsed() < FRESH) {
            return reach;
        }
        let reach = reach(signer).await;
        *last = Some((Instant::now(), reach));
        reach
    }
}

impl Reach {
    /// What cannot be reached, as code and message; the catalog goes first, as it does in a request.
    fn lack(self) -> Option<(&'static str, &'static str)> {
        match (self.catalog, self.storage) {
            (true, true) => None,
            (false, _) => Some(("catalog_unavailable", "The catalog cannot be reached; try again in a moment.")),
            (true, false) => Some(("storage_unavailable", "Storage cannot be reached; try again in a moment.")),
        }
    }
}

async fn reach(signer: &Signer) -> Reach {
    let catalog = tokio::time::timeout(PATIENCE, signer.catalog().ping());
    let storage = tokio::time::timeout(PATIENCE, signer.storage().ping());
    let (catalog, storage) = tokio::join!(catalog, storage);
    if let Ok(Err(error)) = &catalog {
        tracing::warn!(%error, "the catalog cannot be reached");
    }
    if let Ok(Err(error)) = &storage {
        tracing::warn!(%error, "storage cannot be reached");
    }
    Reach { catalog: matches!(catalog, Ok(Ok(()))), storage: matches!(storage, Ok(Ok(()))) }
}

/// What is said of the identity provider's keys.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeysHealth {
    status: &'static str,
    keys: &'static str,
    keys_loaded: bool,
    /// A key of the settings has no age.
    keys_age_seconds: Option<u64>,
}

/// What is said of what a request needs.
#[derive(Serialize, ToSchema)]
pub(crate) struct SystemHealth {
    status: &'static str,
    catalog: bool,
    storage: bool,
}

fn keys(state: KeyState, status: &'static str) -> KeysHealth {
    let (keys, age) = match state {
        KeyState::Settings => ("settings", None),
        KeyState::Fetched(age) => ("jwks", Some(age.as_secs())),
        KeyState::Missing => ("jwks", None),
    };
    let is_loaded = !matches!(state, KeyState::Missing);
    KeysHealth { status, keys, keys_loaded: is_loaded, keys_age_seconds: age }
}

const NO_KEYS: (&str, &str) =
    ("keys_unavailable", "The identity provider's keys were not fetched yet; try again in a moment.");

/// `GET /auth/health`.
pub(crate) async fn auth(State(signer): State<Signer>, Extension(exchange): Extension<Exchange>) -> Response {
    match signer.identity().key_state() {
        KeyState::Missing => unavailable(&keys(KeyState::Missing, "unavailable"), NO_KEYS, &exchange),
        state => Success::of(keys(state, "ok")).into_response(),
    }
}

/// Beside what is lacking, a 503 tells what every refusal does.
fn unavailable(data: &impl Serialize, (code, message): (&str, &str), exchange: &Exchange) -> Response {
    let body = json!({
        "success": false, "data": data,
        "error": "Service unavailable", "message": message, "code": code, "request_id": exchange.id(),
    });
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER_SECONDS)], Json(body)).into_response()
}

/// `GET /system/health`.
pub(crate) async fn system(State(signer): State<Signer>, Extension(exchange): Extension<Exchange>) -> Response {
    let reach = signer.last_reach().ask(&signer).await;
    let Some(lack) = reach.lack() else {
        return Success::of(SystemHealth { status: "ok", catalog: true, storage: true }).into_response();
    };
    let data = SystemHealth { status: "unavailable", catalog: reach.catalog, storage: reach.storage };
    unavailable(&data, lack, &exchange)
}

/// `GET /healthz`.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`.
pub(crate) async fn ready(State(signer): State<Signer>) -> Response {
    match readiness(&signer).await {
        Ok(keys) => format!("ready\n{keys}\n").into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

/// Where the keys are from, or why no more requests should be sent here.
pub(crate) async fn readiness(signer: &Signer) -> Result<String, String> {
    if signer.is_draining() {
        return Err("draining".into());
    }
    let keys = match signer.identity().key_state() {
        KeyState::Settings => Ok("keys from the settings".to_owned()),
        KeyState::Fetched(age) => Ok(format!("keys fetched {} s ago", age.as_secs())),
        KeyState::Missing => Err(NO_KEYS),
    };
    let lack = signer.last_reach().ask(signer).await.lack();
    let keys = lack.map_or(keys, Err).map_err(|(code, _)| code.replace('_', " "))?;
    signer.0.was_ready.store(true, Ordering::Relaxed);
    Ok(keys)
}

/// `GET /rotation`: whether a load balancer should send requests here. What all signers share may be away from all of them:
/// whoever was ready once goes on, and says what is lacking to whom it concerns.
pub(crate) async fn rotation(signer: State<Signer>) -> Response {
    let serves_on = signer.0.0.was_ready.load(Ordering::Relaxed) && !signer.is_draining();
    if serves_on { "in the rotation\n".into_response() } else { ready(signer).await }
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(signer): State<Signer>) -> ([(HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], signer.metrics().text())
}
