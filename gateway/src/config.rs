//! The gateway's settings: their table, and what they mean once read.

pub use crate::server::Tls;

use crate::{
    catalog,
    cors::AllowedOrigins,
    server::{CERT, KEY},
};
use proto::{
    keys::KeyRing,
    settings::{Setting, Settings},
    storage::{Aws, CatalogUrl, StorageUrl},
};
use sha2::{Digest, Sha256};
use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};
use traces::Endpoint;

/// The gateway's own settings, beside [`proto::settings::COMMON`].
pub const SETTINGS: &[Setting] = &[
    Setting::new("GATEWAY_LISTEN", "127.0.0.1:8080", "Where files are served"),
    Setting::new("GATEWAY_ADMIN_LISTEN", "127.0.0.1:9080", "Where /healthz, /readyz and /metrics are served"),
    Setting::unset("GATEWAY_THREADS", "Threads that serve connections; as many as cores unless given"),
    Setting::new(
        "GATEWAY_MAX_CONNECTIONS",
        "10000",
        "Open connections at most; fewer if the limit of open files is lower",
    ),
    Setting::new("GATEWAY_MAX_INFLIGHT", "4096", "Requests being answered at most; past it 503"),
    Setting::unset(
        "GATEWAY_MAX_PER_PEER",
        "Open connections of one IPv4 address or IPv6 /64 at most; no bound unless given",
    ),
    Setting::unset(
        "GATEWAY_CACHE_DIR",
        "Folder for chunks of what s3:// storage holds, or off; one of its own under the system's cache folder unless given",
    ),
    Setting::new("GATEWAY_CACHE_BYTES", "10GiB", "Disk that these chunks may take"),
    Setting::new("GATEWAY_CHUNK_BYTES", "1MiB", "Size of a chunk: a power of two from 64KiB to 8MiB"),
    Setting::new("GATEWAY_HEADER_SECONDS", "15", "A request's head must arrive within this"),
    Setting::new("GATEWAY_IDLE_SECONDS", "75", "An idle connection is kept for this long"),
    Setting::new("GATEWAY_STALL_SECONDS", "900", "A client that takes no byte of its answer is kept for this long"),
    Setting::new("GATEWAY_MAX_URL_SECONDS", "2678400", "A URL may expire at most this far ahead; 0: no bound"),
    Setting::new(
        "GATEWAY_FEED_GRACE",
        "300",
        "Seconds for which files that were looked up are served while the catalog's changes cannot be read; 0: none",
    ),
    Setting::new("GATEWAY_ALLOWED_ORIGINS", "*", "Origins whose pages may read answers: * or a list with commas"),
    Setting::unset(
        CERT,
        "A PEM file of the certificate and its chain: GATEWAY_LISTEN speaks TLS only; read again when it changes",
    ),
    Setting::unset(KEY, "The PEM file of its private key: PKCS#8, PKCS#1 or SEC1"),
];

/// What a gateway is made from.
#[derive(Debug, Clone)]
pub struct Config {
    /// `GATEWAY_LISTEN`.
    pub listen: SocketAddr,
    /// `GATEWAY_ADMIN_LISTEN`.
    pub admin_listen: SocketAddr,
    /// `GATEWAY_THREADS`; `None`: as many as cores.
    pub threads: Option<usize>,
    /// `STORAGE_URL`.
    pub storage: StorageUrl,
    /// The `AWS_*` variables.
    pub aws: Aws,
    /// Tells one storage from another, endpoint included.
    pub storage_name: String,
    /// For a bucket; `None`: off.
    pub cache: Option<Cache>,
    /// `DATABASE_URL`.
    pub catalog: CatalogUrl,
    /// `GATEWAY_FEED_GRACE`.
    pub feed_grace: Duration,
    /// The ring of signing keys.
    pub keys: KeyRing,
    /// `GATEWAY_MAX_URL_SECONDS`; 0: no bound.
    pub max_url_seconds: u64,
    /// `GATEWAY_ALLOWED_ORIGINS`.
    pub allowed_origins: AllowedOrigins,
    /// `GATEWAY_MAX_CONNECTIONS`.
    pub max_connections: usize,
    /// `GATEWAY_MAX_INFLIGHT`.
    pub max_in_flight: usize,
    /// `GATEWAY_MAX_PER_PEER`; `None`: no bound.
    pub max_per_peer: Option<usize>,
    /// `GATEWAY_TLS_CERT` and `GATEWAY_TLS_KEY`; `None`: plain HTTP.
    pub tls: Option<Tls>,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`; `None`: traces are not exported.
    pub traces: Option<Endpoint>,
    /// Header, idle and stall.
    pub patience: Patience,
    /// `DRAIN_DELAY_SECONDS`.
    pub drain_delay: Duration,
    /// `DRAIN_SECONDS`.
    pub drain: Duration,
}

/// Where and how chunks of a bucket's objects are kept.
#[derive(Debug, Clone)]
pub struct Cache {
    /// `GATEWAY_CACHE_DIR`: nothing else lies in it.
    pub folder: PathBuf,
    /// `GATEWAY_CACHE_BYTES`.
    pub bytes: u64,
    /// `GATEWAY_CHUNK_BYTES`.
    pub chunk: u64,
}

/// How long a connection may keep us waiting.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a request's head, from its first byte (or from accept) to its last.
    pub header: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// Without a byte taken of an answer.
    pub stall: Duration,
}

impl Config {
    /// Reads the gateway's and the common settings; mistakes stay noted in `settings`.
    #[must_use]
    pub fn read(settings: &mut Settings) -> Option<Self> {
        let address = "an address and port, such as 127.0.0.1:8080";
        let listen = settings.value("GATEWAY_LISTEN", address);
        let admin_listen = settings.value("GATEWAY_ADMIN_LISTEN", address);
        let threads = settings.parsed("GATEWAY_THREADS", positive);
        let max_connections = settings.parsed("GATEWAY_MAX_CONNECTIONS", positive);
        let max_in_flight = settings.parsed("GATEWAY_MAX_INFLIGHT", positive);
        let max_per_peer = settings.parsed("GATEWAY_MAX_PER_PEER", positive);
        let tls = tls(settings);
        let traces = settings.parsed("OTEL_EXPORTER_OTLP_ENDPOINT", str::parse);
        let storage = settings.required("STORAGE_URL").and_then(|_| settings.parsed("STORAGE_URL", str::parse));
        let cache = Cache::read(settings);
        let catalog =
            settings.required("DATABASE_URL").and_then(|_| settings.parsed("DATABASE_URL", catalog::checked_url));
        let feed_grace = settings.value("GATEWAY_FEED_GRACE", "a number of seconds").map(Duration::from_secs);
        let keys = settings.key_ring();
        let max_url_seconds = settings.value("GATEWAY_MAX_URL_SECONDS", "a number of seconds");
        let allowed_origins = settings.parsed("GATEWAY_ALLOWED_ORIGINS", str::parse);
        let header = settings.parsed("GATEWAY_HEADER_SECONDS", seconds);
        let idle = settings.parsed("GATEWAY_IDLE_SECONDS", seconds);
        let stall = settings.parsed("GATEWAY_STALL_SECONDS", seconds);
        let drain_delay = settings.value("DRAIN_DELAY_SECONDS", "a number of seconds").map(Duration::from_secs);
        let drain = settings.value("DRAIN_SECONDS", "a number of seconds").map(Duration::from_secs);
        let (storage, cache) = (storage?, cache?);
        let storage_name = storage_name(&storage, settings.aws());
        Some(Self {
            listen: listen?,
            admin_listen: admin_listen?,
            threads,
            cache: cache.for_storage(&storage, &storage_name),
            storage,
            storage_name,
            aws: settings.aws().clone(),
            catalog: catalog?,
            feed_grace: feed_grace?,
            keys: keys?,
            max_url_seconds: max_url_seconds?,
            allowed_origins: allowed_origins?,
            max_connections: max_connections?,
            max_in_flight: max_in_flight?,
            max_per_peer,
            tls: tls?,
            traces,
            patience: Patience { header: header?, idle: idle?, stall: stall? },
            drain_delay: drain_delay?,
            drain: drain?,
        })
    }
}

/// The inner `None`: none was asked for.
fn tls(settings: &mut Settings) -> Option<Option<Tls>> {
    let path = |name| settings.text(name).map(PathBuf::from);
    match (path(CERT), path(KEY)) {
        (None, None) => Some(None),
        (Some(certificate), Some(key)) => match Tls::open(certificate, key) {
            Ok(tls) => Some(Some(tls)),
            Err(unusable) => {
                unusable.0.iter().for_each(|(name, why)| settings.mistake(name, why));
                None
            }
        },
        (certificate, _) => {
            let (missing, given) = if certificate.is_none() { (CERT, KEY) } else { (KEY, CERT) };
            settings.mistake(missing, &format!("is required with {given}"));
            None
        }
    }
}

/// Stands for the storage's name in `GATEWAY_CACHE_DIR`'s default.
const STORAGE: &str = "{storage}";

/// `GATEWAY_CACHE_DIR` for those who do not give it: two storages do not share a folder.
#[must_use]
pub fn default_cache_folder(variable: &dyn Fn(&str) -> Option<OsString>) -> String {
    let given = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = given("XDG_CACHE_HOME")
        .or_else(|| given("HOME").filter(|home| home.is_dir()).map(|home| home.join(".cache")))
        .or_else(|| given("TMPDIR"))
        .unwrap_or_else(|| "/tmp".into());
    base.join(format!("t2m-gateway-{STORAGE}")).to_string_lossy().into_owned()
}

fn storage_name(storage: &StorageUrl, aws: &Aws) -> String {
    format!("{} {storage:?}", aws.endpoint().unwrap_or_default())
}

impl Cache {
    /// As if storage were a bucket.
    fn read(settings: &mut Settings) -> Option<Self> {
        let folder = settings.text("GATEWAY_CACHE_DIR").unwrap_or("off").into();
        let (bytes, chunk) = (settings.bytes("GATEWAY_CACHE_BYTES"), settings.bytes("GATEWAY_CHUNK_BYTES")?);
        if !chunk.is_power_of_two() || !(64 << 10..=8 << 20).contains(&chunk) {
            settings.mistake("GATEWAY_CHUNK_BYTES", "must be a power of two from 64KiB to 8MiB");
        }
        Some(Self { folder, bytes: bytes?, chunk })
    }

    fn for_storage(self, storage: &StorageUrl, storage_name: &str) -> Option<Self> {
        let folder = self.folder.to_string_lossy();
        if matches!(storage, StorageUrl::Folder(_)) || folder == "off" {
            return None;
        }
        let digest = Sha256::digest(storage_name);
        let short: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self { folder: folder.replace(STORAGE, &short).into(), ..self })
    }
}

fn positive(text: &str) -> Result<usize, &'static str> {
    text.trim()
        .parse()
        .ok()
        .filter(|number| (1..=1_000_000).contains(number))
        .ok_or("must be a number from 1 to 1000000")
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let number = text.trim().parse().ok().filter(|number| (1..=86_400).contains(number));
    number.map(Duration::from_secs).ok_or("must be a number of seconds from 1 to 86400")
}
