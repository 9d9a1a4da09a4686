//! An upload by TUS, and a verb for each of its requests.

use super::{Answer, Call, Server, eventually, rest};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{cell::Cell, net::SocketAddr};
use tokio::{io::AsyncWriteExt, net::TcpStream};

const OFFSET_STREAM: &str = "application/offset+octet-stream";

/// An upload at the URL that its creation was answered with.
#[derive(Clone)]
pub(crate) struct Resumable {
    pub(crate) api: SocketAddr,
    pub(crate) path: String,
}

/// A request whose body is not all sent yet.
pub(crate) struct Sending(pub(crate) TcpStream);

impl Server {
    /// A creation without any header but those that every request has.
    pub(crate) fn creation(&self) -> Call {
        self.post("/api/files/tus").header("tus-resumable", "1.0.0")
    }

    /// Begins an upload of this length, and returns it.
    pub(crate) async fn begun(&self, user: &str, length: usize) -> Resumable {
        self.begun_by(self.creation().by(user).header("upload-length", &length.to_string())).await
    }

    /// Begins one with this creation.
    pub(crate) async fn begun_by(&self, creation: Call) -> Resumable {
        let answer = creation.send().await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        self.resumable(&answer)
    }

    /// The upload that a creation was answered with.
    pub(crate) fn resumable(&self, answer: &Answer) -> Resumable {
        Resumable { api: self.api, path: answer.header("location").to_owned() }
    }

    /// The file, as its owner sees it.
    pub(crate) async fn file(&self, owner: &str, id: &str) -> serde_json::Value {
        let answer = self.get(&format!("/api/files/{id}")).by(owner).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["data"]["file"].clone()
    }
}

impl Resumable {
    /// The same upload, of another process.
    pub(crate) fn of(&self, api: SocketAddr) -> Self {
        Self { api, path: self.path.clone() }
    }

    pub(crate) fn call(&self, method: &'static str) -> Call {
        Call::new(self.api, method, &self.path).header("tus-resumable", "1.0.0")
    }

    /// Asks where it stands.
    pub(crate) fn look(&self) -> Call {
        self.call("HEAD")
    }

    /// Sends bytes that go on at this offset.
    pub(crate) fn append(&self, offset: usize, bytes: impl Into<Vec<u8>>) -> Call {
        self.call("PATCH").header("upload-offset", &offset.to_string()).body(OFFSET_STREAM, bytes)
    }

    /// Begins to send bytes that go on at this offset, and has sent so many of them.
    pub(crate) async fn sending(&self, offset: usize, bytes: impl Into<Vec<u8>>, sent: usize) -> Sending {
        Sending(self.append(offset, bytes).header("connection", "close").begin(sent).await)
    }

    /// Sends a body as chunks, and returns all of the answer.
    pub(crate) async fn in_chunks(&self, offset: usize, chunks: &str) -> String {
        let head = format!(
            "PATCH {} HTTP/1.1\r\nhost: localhost\r\ntus-resumable: 1.0.0\r\nupload-offset: {offset}\r\n\
             content-type: {OFFSET_STREAM}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
            self.path
        );
        let mut stream = TcpStream::connect(self.api).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        Sending(stream).send(chunks.as_bytes()).await
    }

    /// Sends the rest as a client does whose connection broke: it asks for the offset, and again for as long as somebody
    /// else is said to be at it. Returns the id of the file.
    pub(crate) async fn complete(&self, bytes: &[u8]) -> String {
        let file = Cell::default();
        eventually("the end of the upload", async || {
            let offset = self.offset().await;
            let answer = self.append(offset, &bytes[offset..]).send().await;
            assert!([204, 409, 423].contains(&answer.status), "{}", answer.text());
            file.set(answer.header("upload-file-id").to_owned());
            answer.status == 204
        })
        .await;
        file.take()
    }

    /// Ends it.
    pub(crate) fn remove(&self) -> Call {
        self.call("DELETE")
    }

    /// The offset that HEAD tells.
    pub(crate) async fn offset(&self) -> usize {
        let answer = self.look().send().await;
        assert_eq!(answer.status, 200);
        answer.header("upload-offset").parse().unwrap()
    }

    /// Sends the rest from here, and returns the id of the file.
    pub(crate) async fn finish(&self, offset: usize, bytes: &[u8]) -> String {
        let answer = self.append(offset, bytes).send().await;
        assert_eq!(answer.status, 204, "{}", answer.text());
        assert_eq!(answer.header("upload-offset"), (offset + bytes.len()).to_string());
        answer.header("upload-file-id").to_owned()
    }
}

impl Sending {
    /// Sends more, and returns all of the answer.
    pub(crate) async fn send(mut self, bytes: &[u8]) -> String {
        // What is refused need not be read.
        let _ = self.0.write_all(bytes).await;
        rest(&mut self.0).await
    }

    /// As a client that dies: what it sent last may never arrive.
    pub(crate) fn reset(self) {
        self.0.set_zero_linger().unwrap();
    }
}

/// A pair of `Upload-Metadata`.
pub(crate) fn pair(key: &str, text: &str) -> String {
    format!("{key} {}", STANDARD.encode(text))
}

/// Bytes that are nowhere alike.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(length).collect()
}
