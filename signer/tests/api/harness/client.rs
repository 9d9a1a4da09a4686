//! One request on a connection of its own, and what came back.

use super::{Form, token};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A request being put together.
#[derive(Clone)]
pub(crate) struct Call {
    to: SocketAddr,
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(to: SocketAddr, method: &'static str, path: &str) -> Self {
        Self { to, method, path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With a good token of this user.
    pub(crate) fn by(self, user: &str) -> Self {
        self.bearer(&token(user).signed())
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", media_type)
    }

    /// A body that says nothing of its media type.
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.body = bytes.into();
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn form(self, form: Form) -> Self {
        let (media_type, body) = form.finish();
        self.body(&media_type, body)
    }

    pub(crate) async fn send(self) -> Answer {
        let stream = TcpStream::connect(self.to).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(self.method).uri(&self.path).header("host", "localhost");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = sender.send_request(request.body(Full::<Bytes>::from(self.body)).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// Sends the head, says how long the body will be unless it is chunked, and `sent` bytes of it; then leaves the connection to the
    /// caller.
    pub(crate) async fn begin(self, sent: usize) -> TcpStream {
        let mut stream = TcpStream::connect(self.to).await.unwrap();
        let mut head = format!("{} {} HTTP/1.1\r\nhost: localhost\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.headers.iter().any(|(name, _)| name == "transfer-encoding") {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&self.body[..sent.min(self.body.len())]).await.unwrap();
        stream
    }
}

/// Everything a connection still says.
pub(crate) async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// A refusal with exactly this status, `error` and `code`, and everything else that an error has.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, error: &str, code: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        assert_eq!((body["error"].as_str(), body["code"].as_str()), (Some(error), Some(code)));
        assert!(!body["message"].as_str().unwrap().is_empty());
        assert_eq!(body["request_id"].as_str().unwrap(), self.header("x-request-id"));
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
    }

    /// A 400 `invalid_request` that names this field.
    #[track_caller]
    pub(crate) fn names(&self, field: &str) {
        self.refuses(400, "Invalid request", "invalid_request");
        let message = self.json()["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(&format!("`{field}` ")), "{message}");
    }
}
