//! HTTP/2 over TLS by a library: many requests on one connection, every byte kept.

use super::{
    Answer, Gateway, PATIENCE, Request,
    storage::runtime,
    tls::{ClientConfig, offering, server_name},
};
use bytes::Bytes;
use h2::{
    RecvStream,
    client::{Builder, SendRequest},
};
use std::{future::Future, net::SocketAddrV4, sync::Arc, time::Duration};
use tokio::{net::TcpStream, sync::oneshot, time::timeout};
use tokio_rustls::TlsConnector;

/// One connection. Dropping it closes it.
pub(crate) struct Http2 {
    address: SocketAddrV4,
    requests: SendRequest<Bytes>,
    ended: oneshot::Receiver<Option<h2::Error>>,
}

/// An answer whose body is still coming.
pub(crate) struct Stream {
    head: Answer,
    body: RecvStream,
    ahead: Vec<u8>,
}

/// Awaits what has to come within the harness's patience.
#[track_caller]
fn await_it<T>(what: impl Future<Output = T>) -> T {
    runtime().block_on(async { timeout(PATIENCE, what).await.expect("it comes within the patience") })
}

impl Gateway {
    /// A connection on which HTTP/2 was agreed on.
    #[track_caller]
    pub(crate) fn http2(&self) -> Http2 {
        self.http2_with(&mut Builder::new())
    }

    /// As [`Gateway::http2`], by a client that takes only so many bytes of each answer in advance.
    #[track_caller]
    pub(crate) fn http2_with_window(&self, bytes: u32) -> Http2 {
        self.http2_with(Builder::new().initial_window_size(bytes))
    }

    #[track_caller]
    fn http2_with(&self, builder: &mut Builder) -> Http2 {
        let tls = self.tls().expect("a gateway that speaks TLS");
        // The connection's own window is no matter of a stream that is not read.
        builder.initial_connection_window_size(64 << 20);
        Http2::open(self.public(), tls, builder)
    }
}

impl Http2 {
    #[track_caller]
    fn open(address: SocketAddrV4, tls: &Arc<ClientConfig>, builder: &mut Builder) -> Self {
        let tls = TlsConnector::from(offering(tls, &[b"h2"]));
        await_it(async {
            let tcp = TcpStream::connect(std::net::SocketAddr::from(address)).await.expect("the gateway accepts");
            let stream = tls.connect(server_name(), tcp).await.expect("a handshake");
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "HTTP/2 is agreed on");
            let (requests, connection) = builder.handshake(stream).await.expect("a beginning");
            let (tell, ended) = oneshot::channel();
            tokio::spawn(async move { tell.send(connection.await.err()) });
            Self { address, requests, ended }
        })
    }

    /// Sends a request without a body; `Err` is what the stream or the connection ended with.
    #[track_caller]
    pub(crate) fn begin(&mut self, request: &Request) -> Result<Stream, h2::Error> {
        let request = request.to_http2(self.address);
        await_it(async {
            self.requests = self.requests.clone().ready().await?;
            let (answer, _) = self.requests.send_request(request, true)?;
            let (head, body) = answer.await?.into_parts();
            let text = |value: &http::HeaderValue| value.as_bytes().iter().map(|byte| *byte as char).collect();
            let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
            let head = Answer::from_head(head.status.as_u16(), headers.collect());
            Ok(Stream { head, body, ahead: Vec::new() })
        })
    }

    /// The whole answer.
    #[track_caller]
    pub(crate) fn answer(&mut self, request: &Request) -> Answer {
        let mut stream = self.begin(request).expect("an answer");
        let (body, error) = stream.rest();
        assert!(error.is_none(), "the stream broke off: {error:?}\n{}", stream.head.head());
        stream.head.with_body(body)
    }

    /// How the gateway ended it; `None` without any complaint. Fails if it does not.
    #[track_caller]
    pub(crate) fn end_within(self, patience: Duration) -> Option<h2::Error> {
        let Self { requests, ended, .. } = self;
        let end = runtime().block_on(async { timeout(patience, ended).await });
        drop(requests);
        end.expect("the gateway ends it").expect("somebody drives it")
    }

    /// Whether the gateway leaves it open for so long.
    pub(crate) fn stays_open_for(&mut self, time: Duration) -> bool {
        runtime().block_on(async { timeout(time, &mut self.ended).await.is_err() })
    }
}

impl Stream {
    pub(crate) fn head(&self) -> &Answer {
        &self.head
    }

    /// Exactly so many bytes.
    #[track_caller]
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        while self.ahead.len() < count {
            let got = self.ahead.len();
            let more = self.more().unwrap_or_else(|| panic!("it ends after {got} of {count} bytes"));
            self.ahead.extend(more.expect("it goes on"));
        }
        let rest = self.ahead.split_off(count);
        std::mem::replace(&mut self.ahead, rest)
    }

    /// Everything that still comes, and what it was broken off with.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> (Vec<u8>, Option<h2::Error>) {
        let mut bytes = std::mem::take(&mut self.ahead);
        while let Some(more) = self.more() {
            match more {
                Ok(more) => bytes.extend(more),
                Err(error) => return (bytes, Some(error)),
            }
        }
        (bytes, None)
    }

    #[track_caller]
    fn more(&mut self) -> Option<Result<Bytes, h2::Error>> {
        let more = await_it(self.body.data());
        if let Some(Ok(bytes)) = &more {
            self.body.flow_control().release_capacity(bytes.len()).expect("what came can be given back");
        }
        more
    }
}

impl Request {
    fn to_http2(&self, address: SocketAddrV4) -> http::Request<()> {
        let uri = format!("https://{address}{}", self.target);
        let request = http::Request::builder().method(self.method.as_str()).uri(uri).version(http::Version::HTTP_2);
        let with = |request: http::request::Builder, (name, value): &(String, String)| request.header(name, value);
        self.headers.iter().fold(request, with).body(()).expect("a request")
    }
}
