//! The signer's settings: their table, and what they mean once read.

use crate::{
    identity::{DEVELOPMENT_ISSUER, Identity, JwksSource, Key, KeySource, Rules},
    internal::ServiceTokens,
    origin::{AllowedOrigins, NoOrigin, Origin},
    proxies::TrustedProxies,
    rate_limit::{Rate, RedisUrl},
    tiers::Tiers,
    webhooks::Secrets,
};
use proto::{
    base_url::base_url,
    keys::KeyRing,
    settings::{Setting, Settings},
    storage::{Aws, CatalogUrl, StorageUrl},
};
use sqlx::postgres::PgConnectOptions;
use std::{net::SocketAddr, time::Duration};
use traces::Endpoint;
use url::Url;

/// The signer's own settings, beside [`proto::settings::COMMON`].
pub const SETTINGS: &[Setting] = &[
    Setting::new("SIGNER_LISTEN", "127.0.0.1:8081", "Where the API is served"),
    Setting::new(
        "SIGNER_INTERNAL_LISTEN",
        "127.0.0.1:9081",
        "Where /healthz, /readyz, /metrics and /internal are served",
    ),
    Setting::unset("PUBLIC_FILES_URL", "Base of issued URLs, such as https://files.example.com"),
    Setting::secret(
        "CLERK_JWT_KEY",
        "Clerk's public key as PEM; a line end may be written as \\n; then none is fetched",
    ),
    Setting::unset("CLERK_JWKS_URL", "Where Clerk's keys are fetched, if not at <CLERK_ISSUER>/.well-known/jwks.json"),
    Setting::unset("CLERK_ISSUER", "What `iss` of a token must be"),
    Setting::new("CLERK_AUDIENCE", "t2m-api", "What `aud` of a token must hold"),
    Setting::unset("CLERK_AUTHORIZED_PARTIES", "What `azp` of a token may be, with commas; then `aud` may be absent"),
    Setting::secret("CLERK_WEBHOOK_SIGNING_SECRET", "What Clerk signs webhooks with; several with spaces between them"),
    Setting::unset(
        "SIGNER_PUBLIC_URL",
        "The API's own origin, such as https://api.example.com, if Host does not say it",
    ),
    Setting::unset("ALLOWED_ORIGINS", "Origins whose pages may call the API, with commas"),
    Setting::unset("TRUSTED_PROXIES", "Addresses and networks whose X-Forwarded-For and Forwarded are believed"),
    Setting::new("RATE_LIMIT", "100/1h", "URLs and uploads of one user by time"),
    Setting::document("SIGNER_TIERS", "A TOML file: rate, max_upload_bytes, total_bytes and max_url_seconds by tier"),
    Setting::new("MAX_UPLOAD_BYTES", "5GiB", "Size of the largest file"),
    Setting::secret(
        "SIGNER_SERVICE_TOKENS",
        "Services that may use /internal: name:<SHA-256 of its token>, with commas",
    ),
    Setting::new(
        "SIGNER_GC_SECONDS",
        "86400",
        "How often storage is compared with the catalog, and what belongs to nothing is removed; 0: never",
    ),
    Setting::new("AUDIT_URLS", "false", "Whether each issued URL leaves a line in the audit table"),
    Setting::connection("REDIS_URL", "Where several signers count calls together: redis://:password@host:6379/0"),
];

const LOOPBACK_ONLY: &str = "must be a loopback address while CLERK_ISSUER is that of development tokens";
/// How long a client may take for each KiB of a body.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(60);
/// What Redis may add to a request, at the worst and once: then it is taken to be away.
const REDIS_PATIENCE: Duration = Duration::from_millis(100);
/// What each address may ask for without an identity: generous, for a whole office is one address.
const UNPROVEN: &str = "6000/1m";
/// By then an upload has its row, whatever became of its process.
const ORPHAN_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Each holds two pieces or parts in memory.
const MAX_UPLOADS: usize = 256;

/// What a signer is made from.
#[derive(Debug, Clone)]
pub struct Config {
    /// `SIGNER_LISTEN`.
    pub listen: SocketAddr,
    /// `SIGNER_INTERNAL_LISTEN`.
    pub internal_listen: SocketAddr,
    /// `PUBLIC_FILES_URL`, without a slash at its end.
    pub public_files_url: String,
    /// How callers prove who they are.
    pub identity: Identity,
    /// The ring of signing keys.
    pub keys: KeyRing,
    /// `STORAGE_URL`.
    pub storage: StorageUrl,
    /// The `AWS_*` variables.
    pub aws: Aws,
    /// `DATABASE_URL`.
    pub catalog: CatalogUrl,
    /// `RATE_LIMIT`, `MAX_UPLOAD_BYTES` and `SIGNER_TIERS`.
    pub tiers: Tiers,
    /// `SIGNER_SERVICE_TOKENS`.
    pub service_tokens: ServiceTokens,
    /// `AUDIT_URLS`.
    pub audit_urls: bool,
    /// `SIGNER_GC_SECONDS`; `None` is never.
    pub gc_every: Option<Duration>,
    /// How old in storage something must be to be removed because it belongs to nothing. No setting of its own: a day.
    pub orphan_age: Duration,
    /// `REDIS_URL`.
    pub redis: Option<RedisUrl>,
    /// How long one answer of Redis is waited for. No setting of its own: a tenth of a second.
    pub redis_patience: Duration,
    /// The origin in `SIGNER_PUBLIC_URL`.
    pub public_url: Option<Origin>,
    /// `ALLOWED_ORIGINS`.
    pub allowed_origins: AllowedOrigins,
    /// `TRUSTED_PROXIES`.
    pub trusted_proxies: TrustedProxies,
    /// What an address may ask for without an identity. No setting of its own: 6,000 a minute.
    pub unproven_rate: Rate,
    /// How long a client may take for each KiB of a body. No setting of its own: a minute.
    pub upload_patience: Duration,
    /// How many uploads may be under way. No setting of its own: 256.
    pub max_uploads: usize,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`; `None`: traces are not exported.
    pub traces: Option<Endpoint>,
    /// `DRAIN_DELAY_SECONDS`.
    pub drain_delay: Duration,
    /// `DRAIN_SECONDS`.
    pub drain: Duration,
}

impl Config {
    /// Reads the signer's and the common settings; mistakes stay noted in `settings`.
    #[must_use]
    pub fn read(settings: &mut Settings) -> Option<Self> {
        let address = "an address and port, such as 127.0.0.1:8081";
        let listen = settings.value("SIGNER_LISTEN", address);
        let internal_listen = settings.value("SIGNER_INTERNAL_LISTEN", address);
        let public_files_url = required(settings, "PUBLIC_FILES_URL", base_url);
        let identity = identity(settings);
        let issuer = settings.text("CLERK_ISSUER");
        if listen.is_some_and(|address| !keeps_development_here(issuer, address)) {
            settings.mistake("SIGNER_LISTEN", LOOPBACK_ONLY);
        }
        let keys = settings.key_ring();
        let storage = required(settings, "STORAGE_URL", str::parse);
        let catalog = required(settings, "DATABASE_URL", catalog_url);
        let tiers = Tiers::read(settings);
        let service_tokens = service_tokens(settings);
        let audit_urls = settings.value("AUDIT_URLS", "true or false");
        let gc = settings.value("SIGNER_GC_SECONDS", "a number of seconds");
        let redis = optional(settings, "REDIS_URL", str::parse);
        let public_url = optional(settings, "SIGNER_PUBLIC_URL", origin_of);
        let allowed_origins = optional(settings, "ALLOWED_ORIGINS", str::parse);
        let trusted_proxies = optional(settings, "TRUSTED_PROXIES", str::parse);
        let traces = optional(settings, "OTEL_EXPORTER_OTLP_ENDPOINT", str::parse);
        let drain_delay = settings.value("DRAIN_DELAY_SECONDS", "a number of seconds").map(Duration::from_secs);
        let drain = settings.value("DRAIN_SECONDS", "a number of seconds").map(Duration::from_secs);
        Some(Self {
            listen: listen?,
            internal_listen: internal_listen?,
            public_files_url: public_files_url?,
            identity: identity?,
            keys: keys?,
            storage: storage?,
            aws: settings.aws().clone(),
            catalog: catalog?,
            tiers: tiers?,
            service_tokens: service_tokens?,
            audit_urls: audit_urls?,
            gc_every: Some(Duration::from_secs(gc?)).filter(|every| !every.is_zero()),
            orphan_age: ORPHAN_AGE,
            redis: redis?,
            redis_patience: REDIS_PATIENCE,
            public_url: public_url?,
            allowed_origins: allowed_origins?.unwrap_or_default(),
            trusted_proxies: trusted_proxies?.unwrap_or_default(),
            unproven_rate: UNPROVEN.parse().ok()?,
            upload_patience: UPLOAD_PATIENCE,
            max_uploads: MAX_UPLOADS,
            traces: traces?,
            drain_delay: drain_delay?,
            drain: drain?,
        })
    }

    /// Looks at the address where the API is really served: a listener that was handed over may have another than
    /// `SIGNER_LISTEN`.
    ///
    /// # Errors
    /// What must be otherwise.
    pub fn check_listener(&self, address: SocketAddr) -> Result<(), String> {
        let issuer = self.identity.rules.issuer.as_deref();
        let is_right = keeps_development_here(issuer, address);
        is_right.then_some(()).ok_or_else(|| format!("the API's listener, at {address}, {LOOPBACK_ONLY}"))
    }
}

/// Whether the API may be served at this address. Whoever has the key of development tokens is anybody; the internal
/// listener takes none.
fn keeps_development_here(issuer: Option<&str>, address: SocketAddr) -> bool {
    issuer != Some(DEVELOPMENT_ISSUER) || address.ip().is_loopback()
}

fn required<T, E: std::fmt::Display>(
    settings: &mut Settings,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    settings.required(name).and_then(|_| settings.parsed(name, parse))
}

/// Which services may use the internal listener; mistakes stay noted in `settings`.
#[must_use]
pub fn service_tokens(settings: &mut Settings) -> Option<ServiceTokens> {
    optional(settings, "SIGNER_SERVICE_TOKENS", str::parse).map(Option::unwrap_or_default)
}

/// `Some(None)` if it is not given at all.
fn optional<T, E: std::fmt::Display>(
    settings: &mut Settings,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<Option<T>> {
    match settings.text(name) {
        None => Some(None),
        Some(_) => settings.parsed(name, parse).map(Some),
    }
}

/// The origin of a base URL; a path behind it is none of a browser's business.
fn origin_of(text: &str) -> Result<Origin, &'static str> {
    let base = base_url(text)?;
    let url = Url::parse(&base).map_err(|_| "must be a URL")?;
    url.origin().ascii_serialization().parse().map_err(|NoOrigin| "must be a URL with an origin")
}

/// How callers prove who they are, by the `CLERK_*` settings; mistakes stay noted in `settings`.
#[must_use]
pub fn identity(settings: &mut Settings) -> Option<Identity> {
    let keys = key_source(settings);
    let parties = settings.text("CLERK_AUTHORIZED_PARTIES").unwrap_or_default().split(',');
    let rules = Rules {
        issuer: settings.text("CLERK_ISSUER").map(Into::into),
        audience: settings.text("CLERK_AUDIENCE").unwrap_or_default().into(),
        parties: parties.map(str::trim).filter(|party| !party.is_empty()).map(Into::into).collect(),
    };
    let webhooks = settings.parsed("CLERK_WEBHOOK_SIGNING_SECRET", Secrets::read);
    Some(Identity { keys: keys?, rules, webhooks })
}

/// What is wrong in a URL is not repeated: its password would be, too.
fn catalog_url(text: &str) -> Result<CatalogUrl, &'static str> {
    let url = text.parse()?;
    match &url {
        CatalogUrl::Postgres(url) if url.expose().parse::<PgConnectOptions>().is_err() => {
            Err("must be a URL that Postgres's own clients take: postgres://user:password@host:port/database")
        }
        _ => Ok(url),
    }
}

/// The first of the three settings that is given; what is given beside it must be readable all the same.
fn key_source(settings: &mut Settings) -> Option<KeySource> {
    let is_given = |settings: &Settings, name| settings.text(name).is_some();
    let url = settings.parsed("CLERK_JWKS_URL", JwksSource::at);
    if is_given(settings, "CLERK_JWT_KEY") {
        return settings.parsed("CLERK_JWT_KEY", Key::from_pem).map(KeySource::Pem);
    }
    if is_given(settings, "CLERK_JWKS_URL") {
        return url.map(KeySource::Jwks);
    }
    if is_given(settings, "CLERK_ISSUER") {
        let at = |issuer: &str| JwksSource::at(&format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/')));
        return settings.parsed("CLERK_ISSUER", at).map(KeySource::Jwks);
    }
    settings.mistake("CLERK_JWT_KEY", "is required, unless CLERK_JWKS_URL or CLERK_ISSUER says where keys are");
    None
}
