//! An upload by TUS, and a verb for each of its requests.

use super::{Answer, Call, Server};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::net::SocketAddr;

const OFFSET_STREAM: &str = "application/offset+octet-stream";

/// An upload at the URL that its creation was answered with.
#[derive(Clone)]
pub(crate) struct Resumable {
    pub(crate) api: SocketAddr,
    pub(crate) path: String,
}

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
    /// The same upload, at another server.
    pub(crate) fn at(&self, server: &Server) -> Self {
        Self { api: server.api, path: self.path.clone() }
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
