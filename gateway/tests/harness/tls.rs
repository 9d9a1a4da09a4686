//! Certificates made for a test, and sockets that speak TLS with them.

pub(crate) use rustls::ClientConfig;

use super::{PATIENCE, Setup, replace};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName},
};
use std::{
    fs,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    path::Path,
    sync::Arc,
};

/// A certificate that signs itself, and its key.
pub(crate) struct Certificate {
    der: CertificateDer<'static>,
    pub(crate) pem: String,
    pub(crate) key_pem: String,
}

impl Certificate {
    /// For a name, with a key as rcgen makes it: ECDSA in PKCS#8.
    pub(crate) fn new(name: &str) -> Self {
        Self::of(name, &KeyPair::generate().expect("a key"))
    }

    /// For a name, with this key.
    pub(crate) fn of(name: &str, key: &KeyPair) -> Self {
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let certificate = params.self_signed(key).expect("a certificate");
        Self { der: certificate.der().clone(), pem: certificate.pem(), key_pem: key.serialize_pem() }
    }

    /// Renamed into place, so that nobody sees half of it.
    pub(crate) fn write_to(&self, folder: &Path) {
        replace(&folder.join("tls.crt"), &self.pem);
        replace(&folder.join("tls.key"), &self.key_pem);
    }

    /// A client that trusts this certificate and no other, and offers these protocols.
    pub(crate) fn trusted(&self, protocols: &[&[u8]]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).expect("a certificate");
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }
}

/// The name that certificates are made for, unless a test says another.
pub(super) fn server_name() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("a name")
}

/// The same client, offering these protocols.
pub(super) fn offering(tls: &Arc<ClientConfig>, protocols: &[&[u8]]) -> Arc<ClientConfig> {
    let mut config = ClientConfig::clone(tls);
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}

/// A socket, encrypted or not.
pub(crate) enum Link {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Link {
    pub(super) fn encrypted(self, tls: &Arc<ClientConfig>) -> io::Result<Self> {
        let Self::Plain(mut tcp) = self else { panic!("it is encrypted already") };
        tcp.set_read_timeout(Some(PATIENCE))?;
        let mut session = ClientConnection::new(Arc::clone(tls), server_name()).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut tcp)?;
        }
        Ok(Self::Tls(Box::new(StreamOwned::new(session, tcp))))
    }

    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => &tls.sock,
        }
    }

    pub(super) fn finish_sending(&mut self) -> io::Result<()> {
        if let Self::Tls(tls) = self {
            tls.conn.send_close_notify();
            tls.flush()?;
        }
        self.tcp().shutdown(Shutdown::Write)
    }
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

impl Setup {
    /// Speaks TLS with a certificate of its own, which every client of the test trusts.
    pub(crate) fn tls(self) -> Self {
        self.tls_with(&Certificate::new("localhost"))
    }

    /// As [`Setup::tls`], with this certificate.
    pub(crate) fn tls_with(mut self, certificate: &Certificate) -> Self {
        certificate.write_to(self.home());
        self.tls = Some(certificate.trusted(&[]));
        let path = |name: &str| self.home().join(name).display().to_string();
        let (certificate, key) = (path("tls.crt"), path("tls.key"));
        self.set("GATEWAY_TLS_CERT", &certificate).set("GATEWAY_TLS_KEY", &key)
    }
}
