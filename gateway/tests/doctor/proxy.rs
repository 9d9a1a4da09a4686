//! A proxy that is right in all but one thing: before a real gateway, it changes requests or answers as a flaw says.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddrV4, TcpListener, TcpStream},
    thread,
};

/// A request or an answer.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) first: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What is done to requests before the gateway sees them, and to answers.
pub(crate) struct Flaw {
    /// The row of the table that must find it.
    pub(crate) row: &'static str,
    pub(crate) asked: fn(&mut Message),
    pub(crate) answered: fn(&Message, &mut Message),
}

impl Message {
    /// `None` when the other side has finished.
    fn read_head(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let first = lines.remove(0);
        let field =
            |line: &String| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Ok(Some(Self { first, fields: lines.iter().filter_map(field).collect(), body: Vec::new() }))
    }

    fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        let fields: String = self.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        stream.write_all(format!("{}\r\n{fields}\r\n", self.first).as_bytes())?;
        stream.write_all(&self.body)?;
        stream.flush()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut found = self.fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    /// Gives a field, changes it, or takes it away.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) {
        self.fields.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.fields.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    pub(crate) fn change(&mut self, name: &str, change: impl FnOnce(&str) -> String) {
        if let Some(value) = self.field(name).map(change) {
            self.set(name, Some(&value));
        }
    }

    /// Of a request.
    pub(crate) fn method(&self) -> &str {
        self.first.split(' ').next().unwrap_or_default()
    }

    /// Of a request: its only header of those that matter, if that is a range.
    pub(crate) fn only_range(&self) -> Option<&str> {
        let others = ["if-range", "if-none-match", "origin", "accept-encoding"];
        if others.iter().any(|name| self.field(name).is_some()) { None } else { self.field("range") }
    }

    /// Of a request: GET of the file, and no more.
    pub(crate) fn is_plain_get(&self) -> bool {
        let others = ["range", "if-none-match", "if-match", "if-modified-since"];
        self.method() == "GET" && others.iter().all(|name| self.field(name).is_none())
    }

    /// Of an answer.
    pub(crate) fn status(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }

    /// Of an answer: another one, without a body.
    pub(crate) fn become_error(&mut self, status: u16) {
        self.first = format!("HTTP/1.1 {status} Flawed");
        self.body.clear();
        self.set("content-length", Some("0"));
    }
}

/// Starts one before this gateway; it ends with the test process.
pub(crate) fn start(gateway: SocketAddrV4, flaw: Flaw) -> SocketAddrV4 {
    let listener = TcpListener::bind((*gateway.ip(), 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let flaw: &'static Flaw = Box::leak(Box::new(flaw));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || serve(client, gateway, flaw));
        }
    });
    SocketAddrV4::new(*gateway.ip(), port)
}

fn serve(client: TcpStream, gateway: SocketAddrV4, flaw: &Flaw) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut requests = BufReader::new(client.try_clone()?);
    let mut answers = client;
    while let Some(request) = Message::read_head(&mut requests)? {
        let mut asked = request.clone();
        (flaw.asked)(&mut asked);
        let mut answer = fetch(gateway, &asked)?;
        (flaw.answered)(&request, &mut answer);
        answer.write(&mut answers)?;
        if answer.field("connection") == Some("close") {
            return Ok(());
        }
    }
    Ok(())
}

fn fetch(gateway: SocketAddrV4, request: &Message) -> io::Result<Message> {
    let mut stream = TcpStream::connect(gateway)?;
    let mut request = request.clone();
    request.set("connection", Some("close"));
    request.write(&mut stream)?;
    let mut stream = BufReader::new(stream);
    let mut answer = Message::read_head(&mut stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    stream.read_to_end(&mut answer.body)?;
    answer.set("connection", None);
    Ok(answer)
}
