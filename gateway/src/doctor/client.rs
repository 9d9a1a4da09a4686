//! HTTP/1.1 as players speak it: connections that are kept, connections that are left, every wait bounded.

use super::{
    answer::{Answer, Ended, Exchange, Trouble},
    probe::Ask,
    target::Target,
};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::{
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use std::{fmt::Display, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpSocket, TcpStream, lookup_host},
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;

/// What the kernel takes in advance, so that a download that is left has cost little.
const RECEIVE_BUFFER: u32 = 128 * 1024;

/// Who asks.
const USER_AGENT: &str = concat!("t2m-doctor/", env!("CARGO_PKG_VERSION"));

/// Asks one server.
pub(super) struct Client {
    target: Target,
    tls: Option<TlsConnector>,
    /// For each wait: a connection, a head, the next bytes of a body.
    patience: Duration,
    /// For all of them.
    deadline: Instant,
}

/// One connection, until it cannot be used any more.
pub(super) struct Line {
    sender: SendRequest<Empty<Bytes>>,
    driver: JoinHandle<()>,
}

/// Connections one after the other, each used for as long as the server lets it live.
pub(super) struct Kept<'c> {
    client: &'c Client,
    line: Option<Line>,
    /// How many there were.
    pub(super) connections: usize,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Client {
    /// Trusts who the system trusts; `SSL_CERT_FILE` says otherwise.
    pub(super) fn new(target: Target, patience: Duration, total: Duration) -> Self {
        let tls = target.is_encrypted().then(|| TlsConnector::from(Arc::new(trusting_as_the_system())));
        Self { target, tls, patience, deadline: Instant::now() + total }
    }

    /// The answer on a connection of its own, with at most `limit` bytes of its body; then the connection is left.
    pub(super) async fn ask(&self, ask: &Ask, limit: usize) -> Exchange {
        self.connect().await?.ask(self, ask, limit).await
    }

    /// Connections that are kept from question to question.
    pub(super) fn keep(&self) -> Kept<'_> {
        Kept { client: self, line: None, connections: 0 }
    }

    async fn connect(&self) -> Result<Line, Trouble> {
        let tcp = self.patiently(self.reach()).await?.map_err(|why| Trouble::Unreachable(why.to_string()))?;
        let Some(tls) = &self.tls else { return self.greet(tcp).await };
        let name = ServerName::try_from(self.target.host().to_owned()).map_err(|why| Trouble::Tls(why.to_string()))?;
        let encrypted = self.patiently(tls.connect(name, tcp)).await?.map_err(|why| Trouble::Tls(why.to_string()))?;
        self.greet(encrypted).await
    }

    /// The first of the host's addresses that answers.
    async fn reach(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in lookup_host((self.target.host(), self.target.port())).await? {
            match open(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn greet(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Line, Trouble> {
        let (sender, connection) = self.patiently(handshake(TokioIo::new(stream))).await?.map_err(no_answer)?;
        let driver = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Line { sender, driver })
    }

    fn request(&self, ask: &Ask) -> Result<Request<Empty<Bytes>>, Trouble> {
        let request = Request::builder()
            .method(&ask.method)
            .uri(self.target.path_and_query())
            .header(header::HOST, self.target.authority())
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "*/*");
        let fields = ask.fields.iter();
        let request = fields.fold(request, |request, (name, value)| request.header(name, value));
        request.body(Empty::new()).map_err(no_answer)
    }

    async fn patiently<T>(&self, wait: impl Future<Output = T>) -> Result<T, Trouble> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let bound = self.patience.min(left);
        match timeout(bound, wait).await {
            Ok(came) => Ok(came),
            Err(_) if bound < self.patience => Err(Trouble::OutOfTime),
            Err(_) => Err(Trouble::Silence(self.patience.as_secs())),
        }
    }
}

impl Line {
    async fn ask(&mut self, client: &Client, ask: &Ask, limit: usize) -> Exchange {
        let request = client.request(ask)?;
        let response = client.patiently(self.sender.send_request(request)).await?.map_err(no_answer)?;
        let (head, body) = response.into_parts();
        let (body, ended) = read(client, body, limit).await;
        Ok(Answer { status: head.status, headers: head.headers, body, ended })
    }
}

impl Kept<'_> {
    /// The answer on the connection at hand, or on a new one if the server has closed that.
    pub(super) async fn ask(&mut self, ask: &Ask, limit: usize) -> Exchange {
        if let Some(mut line) = self.line.take()
            && self.client.patiently(line.sender.ready()).await?.is_ok()
        {
            match line.ask(self.client, ask, limit).await {
                Err(Trouble::NoAnswer(_)) => {}
                exchange => return self.keep(line, exchange),
            }
        }
        self.connections += 1;
        let mut line = self.client.connect().await?;
        let exchange = line.ask(self.client, ask, limit).await;
        self.keep(line, exchange)
    }

    /// Behind a body that was not read to its end there is no next answer.
    fn keep(&mut self, line: Line, exchange: Exchange) -> Exchange {
        let is_usable = exchange.as_ref().is_ok_and(|answer| answer.ended == Ended::Whole);
        self.line = is_usable.then_some(line);
        exchange
    }
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_nodelay(true)?;
    socket.connect(address).await
}

/// At most `limit` bytes, and how it ended.
async fn read(client: &Client, mut body: Incoming, limit: usize) -> (Vec<u8>, Ended) {
    let mut bytes = Vec::new();
    loop {
        match client.patiently(body.frame()).await {
            Ok(None) => return (bytes, Ended::Whole),
            Ok(Some(Ok(frame))) => bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..])),
            Ok(Some(Err(_))) | Err(_) => return (bytes, Ended::Cut),
        }
        if bytes.len() > limit {
            bytes.truncate(limit);
            return (bytes, Ended::Left);
        }
    }
}

fn trusting_as_the_system() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

fn no_answer(why: impl Display) -> Trouble {
    Trouble::NoAnswer(why.to_string())
}
