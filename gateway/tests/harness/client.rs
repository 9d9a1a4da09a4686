//! HTTP/1.1 over a blocking socket: what was written is what was asked for, and every byte of the answer is kept.

use super::{
    PATIENCE,
    answer::{Answer, Framing},
    tls::{ClientConfig, Link},
};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt};
use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddrV4, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

/// How a connection was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The other side has finished.
    Closed,
    /// The other side has cut it.
    Reset,
    /// The deadline came first.
    Open,
}

/// One connection, and what was read ahead on it.
pub(crate) struct Connection {
    stream: Link,
    ahead: Vec<u8>,
}

impl Connection {
    #[track_caller]
    pub(crate) fn open(address: SocketAddrV4) -> Self {
        let stream = TcpStream::connect_timeout(&address.into(), PATIENCE).expect("the gateway accepts");
        Self::over(stream)
    }

    /// A connection whose kernel takes about so many bytes that were not read yet.
    #[track_caller]
    pub(crate) fn open_with_window(address: SocketAddrV4, bytes: usize) -> Self {
        let socket =
            socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).expect("a socket");
        sockopt::set_socket_recv_buffer_size(&socket, bytes).expect("a receive buffer");
        rustix::net::connect(&socket, &address).expect("the gateway accepts");
        Self::over(TcpStream::from(socket))
    }

    /// A connection from another address of this machine.
    #[track_caller]
    pub(crate) fn open_from(source: Ipv4Addr, address: SocketAddrV4) -> Self {
        let socket =
            socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).expect("a socket");
        rustix::net::bind(&socket, &SocketAddrV4::new(source, 0)).expect("all of 127.0.0.0/8 is ours");
        rustix::net::connect(&socket, &address).expect("the gateway accepts");
        Self::over(TcpStream::from(socket))
    }

    /// `None` when the gateway takes no more.
    pub(crate) fn try_open(address: SocketAddrV4, patience: Duration) -> Option<Self> {
        TcpStream::connect_timeout(&address.into(), patience).ok().map(Self::over)
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("TCP_NODELAY");
        stream.set_write_timeout(Some(PATIENCE)).expect("a write timeout");
        Self { stream: Link::Plain(stream), ahead: Vec::new() }
    }

    /// Shakes hands, if there is something to shake hands with.
    #[track_caller]
    pub(crate) fn encrypted(self, tls: Option<&Arc<ClientConfig>>) -> Self {
        match tls {
            Some(tls) => self.try_encrypted(tls).unwrap_or_else(|error| panic!("no handshake: {error}")),
            None => self,
        }
    }

    pub(crate) fn try_encrypted(self, tls: &Arc<ClientConfig>) -> std::io::Result<Self> {
        Ok(Self { stream: self.stream.encrypted(tls)?, ..self })
    }

    /// Writes. A gateway that has answered and gone already is no failure of the write.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) -> &mut Self {
        match self.stream.write_all(bytes) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
            Err(error) => panic!("cannot write: {error}"),
        }
        self
    }

    /// No more will be sent; the answer is still wanted.
    pub(crate) fn finish_sending(&mut self) -> &mut Self {
        self.stream.finish_sending().expect("a half-close");
        self
    }

    /// One read. `Err` says how the connection ended, or that nothing came.
    #[track_caller]
    fn read_some(&mut self, deadline: Instant) -> Result<(), Ended> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Ended::Open);
        }
        self.stream.tcp().set_read_timeout(Some(left)).expect("a read timeout");
        let mut buffer = [0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(Ended::Closed),
            Ok(count) => {
                self.ahead.extend_from_slice(&buffer[..count]);
                Ok(())
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Err(Ended::Open),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Err(Ended::Reset),
                // TLS says goodbye, unless it was cut.
                ErrorKind::UnexpectedEof => Err(Ended::Reset),
                ErrorKind::Interrupted => Ok(()),
                _ => panic!("cannot read: {error}"),
            },
        }
    }

    /// The next answer's head, for a request of any method.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some((answer, end)) = Answer::parse_head(&self.ahead) {
                self.ahead.drain(..end);
                return answer;
            }
            if let Err(ended) = self.read_some(deadline) {
                panic!("no whole head: {ended:?} after {:?}", String::from_utf8_lossy(&self.ahead));
            }
        }
    }

    /// The next answer, whole, to a request of this method.
    #[track_caller]
    pub(crate) fn answer(&mut self, method: &str) -> Answer {
        let head = self.head();
        match head.framing(method) {
            Framing::Bodiless => head,
            Framing::Counted(length) => {
                let body = self.take(usize::try_from(length).expect("it fits into memory"));
                head.with_body(body)
            }
        }
    }

    /// Exactly so many bytes.
    #[track_caller]
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        while self.ahead.len() < count {
            if let Err(ended) = self.read_some(Instant::now() + PATIENCE) {
                panic!("{ended:?} after {} of {count} bytes", self.ahead.len());
            }
        }
        let rest = self.ahead.split_off(count);
        std::mem::replace(&mut self.ahead, rest)
    }

    /// Everything that still comes, and how it ends.
    #[track_caller]
    pub(crate) fn rest_within(&mut self, patience: Duration) -> (Vec<u8>, Ended) {
        let deadline = Instant::now() + patience;
        loop {
            if let Err(ended) = self.read_some(deadline) {
                return (std::mem::take(&mut self.ahead), ended);
            }
        }
    }

    /// What comes next, or how it ended, or that nothing came.
    #[track_caller]
    pub(crate) fn some_within(&mut self, patience: Duration) -> (Vec<u8>, Option<Ended>) {
        let ended = self.read_some(Instant::now() + patience).err();
        (std::mem::take(&mut self.ahead), ended)
    }

    /// Everything that still comes, and how it ends, with all patience for what is next.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> (Vec<u8>, Ended) {
        loop {
            if let Err(ended) = self.read_some(Instant::now() + PATIENCE) {
                return (std::mem::take(&mut self.ahead), ended);
            }
        }
    }

    /// Whether the gateway neither writes nor closes for so long.
    #[track_caller]
    pub(crate) fn stays_quiet_for(&mut self, time: Duration) -> bool {
        self.ahead.is_empty() && self.read_some(Instant::now() + time) == Err(Ended::Open)
    }

    /// How long it takes until the gateway ends the connection without another byte.
    #[track_caller]
    pub(crate) fn time_to_close(&mut self) -> Duration {
        let start = Instant::now();
        let (bytes, ended) = self.rest();
        assert_eq!(bytes, b"", "an answer that nobody asked for");
        assert_ne!(ended, Ended::Open, "it is still open");
        start.elapsed()
    }
}

/// Everything that came back for raw bytes.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ended: Ended,
}

impl Raw {
    /// The answers in it, to requests of these methods; nothing may be left over.
    #[track_caller]
    pub(crate) fn answers(&self, methods: &[&str]) -> Vec<Answer> {
        let (mut answers, mut rest) = (Vec::new(), self.bytes.as_slice());
        while !rest.is_empty() {
            let Some((head, end)) = Answer::parse_head(rest) else {
                panic!("no answer: {:?}", String::from_utf8_lossy(rest));
            };
            let method = methods.get(answers.len()).copied().unwrap_or("GET");
            let length = match head.framing(method) {
                Framing::Bodiless => 0,
                Framing::Counted(length) => usize::try_from(length).expect("it fits into memory"),
            };
            assert!(rest.len() >= end + length, "an answer is cut short\n{}", head.head());
            answers.push(head.with_body(rest[end..end + length].to_vec()));
            rest = &rest[end + length..];
        }
        answers
    }

    /// The one answer, behind which the gateway closed.
    #[track_caller]
    pub(crate) fn only_answer(&self) -> Answer {
        assert_ne!(self.ended, Ended::Open, "the connection is left open\n{}", String::from_utf8_lossy(&self.bytes));
        let mut answers = self.answers(&["GET"]);
        assert_eq!(answers.len(), 1, "{}", String::from_utf8_lossy(&self.bytes));
        answers.remove(0)
    }
}

/// A request in the making.
#[derive(Clone)]
#[must_use]
pub(crate) struct Request {
    address: SocketAddrV4,
    tls: Option<Arc<ClientConfig>>,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn new(address: SocketAddrV4, method: &str, target: &str) -> Self {
        Self { address, tls: None, method: method.into(), target: target.into(), headers: Vec::new() }
    }

    /// Over TLS, if there is a configuration of it.
    pub(crate) fn encrypted(mut self, tls: Option<Arc<ClientConfig>>) -> Self {
        self.tls = tls;
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn range(self, value: &str) -> Self {
        self.header("Range", value)
    }

    /// As it goes over the wire.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.target, self.address);
        for (name, value) in &self.headers {
            text = format!("{text}{name}: {value}\r\n");
        }
        format!("{text}\r\n").into_bytes()
    }

    /// The answer, on a connection of its own, behind which nothing comes.
    #[track_caller]
    pub(crate) fn send(self) -> Answer {
        let method = self.method.clone();
        let mut connection = Connection::open(self.address).encrypted(self.tls.as_ref());
        connection.send(&self.header("Connection", "close").to_bytes());
        let answer = connection.answer(&method);
        let (more, ended) = connection.rest();
        assert_eq!(more, b"", "bytes behind the answer\n{}", answer.head());
        assert_ne!(ended, Ended::Open, "Connection: close was asked for\n{}", answer.head());
        answer
    }

    /// Whatever comes back on a connection of its own, an answer or not.
    #[track_caller]
    pub(crate) fn send_raw(self, patience: Duration) -> Raw {
        let mut connection = Connection::open(self.address);
        let (bytes, ended) = connection.send(&self.header("Connection", "close").to_bytes()).rest_within(patience);
        Raw { bytes, ended }
    }

    /// The answer on a connection that goes on.
    #[track_caller]
    pub(crate) fn over(&self, connection: &mut Connection) -> Answer {
        connection.send(&self.to_bytes()).answer(&self.method)
    }

    /// The head of the answer; the body is read as the test pleases.
    #[track_caller]
    pub(crate) fn open(self) -> Download {
        let connection = Connection::open(self.address).encrypted(self.tls.as_ref());
        self.open_over(connection)
    }

    /// As [`Request::open`], by a client that takes only about so many bytes in advance.
    #[track_caller]
    pub(crate) fn open_with_window(self, bytes: usize) -> Download {
        let connection = Connection::open_with_window(self.address, bytes).encrypted(self.tls.as_ref());
        self.open_over(connection)
    }

    fn open_over(self, mut connection: Connection) -> Download {
        connection.send(&self.header("Connection", "close").to_bytes());
        let head = connection.head();
        Download { head, connection }
    }
}

/// An answer whose body is still coming.
pub(crate) struct Download {
    head: Answer,
    connection: Connection,
}

impl Download {
    pub(crate) fn head(&self) -> &Answer {
        &self.head
    }

    /// Exactly so many of its bytes.
    #[track_caller]
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        self.connection.take(count)
    }

    /// Everything that still comes, and how it ends.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> (Vec<u8>, Ended) {
        self.connection.rest()
    }
}
