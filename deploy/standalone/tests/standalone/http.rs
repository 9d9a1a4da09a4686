//! An HTTP client that sends exactly what it is told: no `Host` of its own, one request a connection.

use serde_json::Value;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

pub(crate) struct Request {
    address: SocketAddr,
    start: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
    /// Whether the connection stayed whole until all of the request's body was sent.
    pub(crate) took_all: bool,
}

impl Request {
    /// To `Host: localhost`, until told otherwise.
    pub(crate) fn new(address: SocketAddr, method: &str, target: &str) -> Self {
        let host = ("Host".into(), format!("localhost:{}", address.port()));
        Self { address, start: format!("{method} {target} HTTP/1.1"), headers: vec![host], body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        self.headers[0].1 = host.into();
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().as_bytes())
    }

    pub(crate) fn body(mut self, content_type: &str, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("Content-Type", content_type)
    }

    pub(crate) fn send(self) -> Answer {
        let length = ("Content-Length".to_owned(), self.body.len().to_string());
        let close = ("Connection".to_owned(), "close".to_owned());
        let lines = self.headers.iter().chain([&length, &close]).map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = format!("{}\r\n{}\r\n", self.start, lines.collect::<String>());
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        // A refusal may come before the body was taken.
        let took_all = stream.write_all(&self.body).is_ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        Answer::read(&answer, took_all)
    }
}

impl Answer {
    fn read(bytes: &[u8], took_all: bool) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec(), took_all }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.head))
    }

    /// `data` of a success.
    pub(crate) fn data(&self) -> Value {
        let body = self.json();
        assert!(self.status == 200 && body["success"] == true, "{} {body}", self.status);
        body["data"].clone()
    }

    /// Status, `error` and `code` of a failure; its message and id must be there too.
    pub(crate) fn refused(&self) -> (u16, String, String) {
        let body = self.json();
        let text = |key: &str| body[key].as_str().unwrap_or_else(|| panic!("no `{key}`: {body}")).to_owned();
        assert!(text("message").len() > 5, "{body}");
        assert_eq!(self.header("X-Request-Id"), Some(text("request_id").as_str()));
        (self.status, text("error"), text("code"))
    }
}
