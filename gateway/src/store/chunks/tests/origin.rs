//! A bucket of one's own: as much of S3 as the gateway asks for, and misbehaviour on demand.

use bytes::Bytes;
use proto::storage::Aws;
use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    ops::Range,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

#[derive(Clone)]
pub(super) struct Origin {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// A body's bytes need a permit each time; there are very many unless the bucket is held.
    gate: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    objects: HashMap<String, (String, Bytes)>,
    gets: Vec<Range<u64>>,
    heads: usize,
    /// Of every question.
    traces: Vec<Option<String>>,
    /// Of the next GETs: after so many bytes the connection ends.
    broken_after: VecDeque<usize>,
    /// So many of the next questions are answered with 503.
    busy: usize,
}

impl Origin {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let origin = Self { address, state: Arc::default(), gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)) };
        let serving = origin.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let origin = serving.clone();
                tokio::spawn(async move { origin.serve(stream).await });
            }
        });
        origin
    }

    pub(super) fn aws(&self) -> Aws {
        let endpoint = format!("http://{}", self.address);
        let variables = [
            ("AWS_ENDPOINT", endpoint.as_str()),
            ("AWS_REGION", "here"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
        ];
        Aws(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    pub(super) fn put(&self, key: &str, etag: &str, bytes: Vec<u8>) {
        self.state.lock().unwrap().objects.insert(key.to_owned(), (etag.to_owned(), bytes.into()));
    }

    pub(super) fn remove(&self, key: &str) {
        self.state.lock().unwrap().objects.remove(key);
    }

    /// The ranges asked for so far, in order.
    pub(super) fn gets(&self) -> Vec<Range<u64>> {
        self.state.lock().unwrap().gets.clone()
    }

    pub(super) fn heads(&self) -> usize {
        self.state.lock().unwrap().heads
    }

    /// The `traceparent` of every question so far.
    pub(super) fn traces(&self) -> Vec<Option<String>> {
        self.state.lock().unwrap().traces.clone()
    }

    pub(super) fn break_after(&self, bytes: usize) {
        self.state.lock().unwrap().broken_after.push_back(bytes);
    }

    /// The next questions, so many, are to come back later.
    pub(super) fn be_busy_for(&self, questions: usize) {
        self.state.lock().unwrap().busy = questions;
    }

    /// From now on heads are sent and bodies are not, until the guard goes.
    pub(super) fn hold(&self) -> Held {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
        Held(Arc::clone(&self.gate))
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut request = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = request.windows(4).position(|four| four == b"\r\n\r\n") {
                    break at + 4;
                }
                match stream.read_buf(&mut request).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            };
            let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
            request.drain(..end);
            if self.answer(&head, &mut stream).await.is_none() {
                return;
            }
        }
    }

    async fn answer(&self, head: &str, stream: &mut TcpStream) -> Option<()> {
        let header =
            |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned));
        self.state.lock().unwrap().traces.push(header("traceparent"));
        let mut words = head.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let key = path.rsplit('/').next()?.to_owned();
        let (is_busy, found) = {
            let mut state = self.state.lock().unwrap();
            let is_busy = state.busy > 0;
            state.busy -= usize::from(is_busy);
            (is_busy, state.objects.get(&key).cloned())
        };
        if is_busy {
            return refuse(stream, "503 Slow Down").await;
        }
        let Some((etag, bytes)) = found else {
            return refuse(stream, "404 Not Found").await;
        };
        if header("if-match").is_some_and(|wanted| wanted != format!("\"{etag}\"")) {
            return refuse(stream, "412 Precondition Failed").await;
        }
        let common = format!("ETag: \"{etag}\"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n");
        if method == "head" {
            self.state.lock().unwrap().heads += 1;
            let length = bytes.len();
            return write(stream, format!("HTTP/1.1 200 OK\r\n{common}Content-Length: {length}\r\n\r\n").as_bytes())
                .await;
        }
        let range = header("range")?;
        let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
        let range = first.parse::<usize>().ok()?..last.parse::<usize>().ok()? + 1;
        let broken_after = {
            let mut state = self.state.lock().unwrap();
            state.gets.push(range.start as u64..range.end as u64);
            state.broken_after.pop_front()
        };
        let (length, total, last) = (range.len(), bytes.len(), range.end - 1);
        let content_range = format!("Content-Range: bytes {}-{last}/{total}\r\n", range.start);
        let head = format!("HTTP/1.1 206 Partial Content\r\n{common}{content_range}Content-Length: {length}\r\n\r\n");
        write(stream, head.as_bytes()).await?;
        let _turn = self.gate.acquire().await.ok()?;
        let body = &bytes[range];
        match broken_after {
            Some(count) => {
                write(stream, &body[..count.min(body.len())]).await?;
                None
            }
            None => write(stream, body).await,
        }
    }
}

/// A bucket whose bodies wait.
pub(super) struct Held(Arc<Semaphore>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.add_permits(Semaphore::MAX_PERMITS);
    }
}

async fn refuse(stream: &mut TcpStream, status: &str) -> Option<()> {
    write(stream, format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await
}

async fn write(stream: &mut TcpStream, bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).await.ok()
}
