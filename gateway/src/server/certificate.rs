//! The certificate and key that clients are shown, and their files, which may change.

use arc_swap::ArcSwap;
use rustls::{
    Error, InconsistentKeys, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::{CertifiedKey, SigningKey, SingleCertAndKey},
};
use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// The setting that names the certificates' file.
pub(crate) const CERT: &str = "GATEWAY_TLS_CERT";
/// The setting that names the key's file.
pub(crate) const KEY: &str = "GATEWAY_TLS_KEY";
/// Both are text of a few KiB.
const MOST: u64 = 1024 * 1024;

/// What the gateway shows its clients. Clones share what was loaded last. Its `Debug` shows the files' names alone.
#[derive(Clone)]
pub struct Tls(Arc<Shown>);

struct Shown {
    files: Files,
    /// What the files held when they were last looked at, usable or not.
    seen: Mutex<Result<Pair, Unusable>>,
    loaded: ArcSwap<Loaded>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// The two files' content.
#[derive(PartialEq, Eq)]
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// Ready for handshakes.
struct Loaded {
    config: Arc<ServerConfig>,
    expires: Option<i64>,
}

/// Why a certificate and its key cannot be shown: settings, and what is wrong with each. Never any of their content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(|(name, why)| format!("{name} {why}")).collect::<Vec<_>>().join("; "))]
pub(crate) struct Unusable(pub(crate) Vec<(&'static str, String)>);

impl Unusable {
    fn new(name: &'static str, why: impl Into<String>) -> Self {
        Self(vec![(name, why.into())])
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.files.fmt(f)
    }
}

impl Tls {
    pub(crate) fn open(certificate: PathBuf, key: PathBuf) -> Result<Self, Unusable> {
        let files = Files { certificate, key };
        let pair = files.read()?;
        let loaded = ArcSwap::from_pointee(pair.load()?);
        Ok(Self(Arc::new(Shown { files, seen: Mutex::new(Ok(pair)), loaded })))
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.loaded.load().config)
    }

    /// Unix seconds; `None` where the certificate does not say.
    pub(crate) fn expires(&self) -> Option<i64> {
        self.0.loaded.load().expires
    }

    /// Reads the files again. New ones that can be used are shown from the next handshake on; of others the log is told
    /// once, and the last good ones stay. Whether there are new ones.
    pub(crate) fn look(&self) -> bool {
        let found = self.0.files.read();
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == found {
            return false;
        }
        let loaded = found.as_ref().map_err(Unusable::clone).and_then(Pair::load);
        *seen = found;
        match loaded {
            Ok(loaded) => {
                tracing::info!(expires = loaded.expires, "new certificate");
                self.0.loaded.store(Arc::new(loaded));
                true
            }
            Err(error) => {
                tracing::error!(%error, "certificate kept as it was");
                false
            }
        }
    }
}

impl Files {
    fn read(&self) -> Result<Pair, Unusable> {
        match (read(CERT, &self.certificate), read(KEY, &self.key)) {
            (Ok(certificate), Ok(key)) => Ok(Pair { certificate, key }),
            (certificate, key) => Err(both(certificate.err(), key.err())),
        }
    }
}

fn read(name: &'static str, path: &Path) -> Result<Vec<u8>, Unusable> {
    let file = fs::File::open(path).and_then(|file| {
        let mut content = Vec::new();
        file.take(MOST + 1).read_to_end(&mut content)?;
        if content.len() as u64 > MOST { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(content) }
    });
    file.map_err(|error| Unusable::new(name, format!("names a file that cannot be read: {error}")))
}

fn both(certificate: Option<Unusable>, key: Option<Unusable>) -> Unusable {
    Unusable(certificate.into_iter().chain(key).flat_map(|unusable| unusable.0).collect())
}

impl Pair {
    fn load(&self) -> Result<Loaded, Unusable> {
        let provider = aws_lc_rs::default_provider();
        let (chain, key) = match (self.chain(), self.key(&provider)) {
            (Ok(chain), Ok(key)) => (chain, key),
            (chain, key) => return Err(both(chain.err(), key.err())),
        };
        let expires = expiry(&chain);
        let shown = CertifiedKey::new(chain, key);
        match shown.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(Error::InconsistentKeys(_)) => {
                return Err(Unusable::new(KEY, format!("is not the key of the first certificate in {CERT}")));
            }
            Err(_) => return Err(Unusable::new(CERT, "holds a first certificate that cannot be read")),
        }
        let config = server_config(provider, shown).map_err(|error| Unusable::new(KEY, error.to_string()))?;
        Ok(Loaded { config: Arc::new(config), expires })
    }

    /// What a parser says of a file that it cannot read may hold some of it: the wording is ours.
    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, Unusable> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.map_err(|_| Unusable::new(CERT, "holds malformed PEM"))?;
        if chain.is_empty() { Err(Unusable::new(CERT, "holds no certificate in PEM")) } else { Ok(chain) }
    }

    fn key(&self, provider: &CryptoProvider) -> Result<Arc<dyn SigningKey>, Unusable> {
        const WANTED: &str = "holds no private key in PEM (PKCS#8, PKCS#1 or SEC1, without a passphrase)";
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| Unusable::new(KEY, WANTED))?;
        let loaded = provider.key_provider.load_private_key(key);
        loaded.map_err(|_| Unusable::new(KEY, "holds a private key of a kind that cannot be used"))
    }
}

/// TLS 1.2 and 1.3, resumed by tickets. The offers are in the server's order: HTTP/2 for whoever speaks it.
fn server_config(provider: CryptoProvider, shown: CertifiedKey) -> Result<ServerConfig, Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.alpn_protocols = [super::tls::HTTP_2, super::tls::HTTP_1_1].map(<[u8]>::to_vec).into();
    Ok(config)
}

fn expiry(chain: &[CertificateDer<'_>]) -> Option<i64> {
    let (_, certificate) = x509_parser::parse_x509_certificate(chain.first()?).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(certificate: &[u8], key: &[u8]) -> Pair {
        Pair { certificate: certificate.to_vec(), key: key.to_vec() }
    }

    fn made() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn why(certificate: &str, key: &str) -> String {
        pair(certificate.as_bytes(), key.as_bytes()).load().err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_pair_that_belongs_together_is_loaded_with_its_expiry() {
        let (certificate, key) = made();
        let loaded = pair(certificate.as_bytes(), key.as_bytes()).load();
        assert!(loaded.is_ok_and(|loaded| loaded.expires.is_some_and(|expires| expires > 1_700_000_000)));
        assert_eq!(why(&format!("a comment\n{certificate}"), &format!("{certificate}{key}")), "");
    }

    #[test]
    fn what_is_wrong_is_said_by_setting_and_without_any_content() {
        let ((certificate, key), (other, _)) = (made(), made());
        let cut = key.replace("-----END PRIVATE KEY-----", "");
        for (certificate, key, expected) in [
            ("", &*key, "GATEWAY_TLS_CERT holds no certificate in PEM"),
            (&key, &key, "GATEWAY_TLS_CERT holds no certificate in PEM"),
            (&certificate, "", "GATEWAY_TLS_KEY holds no private key in PEM"),
            (&certificate, &certificate, "GATEWAY_TLS_KEY holds no private key in PEM"),
            (&certificate, &cut, "GATEWAY_TLS_KEY holds no private key in PEM"),
            ("x", "y", "GATEWAY_TLS_CERT holds no certificate in PEM; GATEWAY_TLS_KEY holds no private key"),
            (&other, &key, "GATEWAY_TLS_KEY is not the key of the first certificate in GATEWAY_TLS_CERT"),
        ] {
            let why = why(certificate, key);
            assert!(why.starts_with(expected), "{why:?} is not {expected:?}");
            assert!(!key.lines().any(|line| line.len() > 20 && !line.starts_with('-') && why.contains(line)), "{why}");
        }
    }
}
