//! `POST /uploads/presign`, a PUT past the signer, `POST /uploads/{uploadId}/complete`. Only a bucket has such URLs.

mod completing;
mod in_folder;
mod putting;
mod refused;
mod slow_copy;

use crate::harness::{Answer, Call, Server};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// A server whose storage is a bucket, if the test run has one.
async fn on_s3() -> Option<Server> {
    let server = Server::start().await;
    (!server.is_folder()).then_some(server)
}

fn presign(server: &Server, body: &Value) -> Call {
    server.post("/api/uploads/presign").by("user_1").json(body)
}

/// An upload that was begun: its id, and where to put it.
struct Begun {
    id: String,
    url: String,
}

async fn begun(server: &Server, body: &Value) -> Begun {
    let answer = presign(server, body).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let data = answer.json()["data"].clone();
    Begun { id: data["id"].as_str().unwrap().into(), url: data["url"].as_str().unwrap().into() }
}

/// As a client without any token of ours, with the header that it was told to send.
async fn put(url: &str, bytes: &[u8]) -> StatusCode {
    let sent = reqwest::Client::new().put(url).header("content-length", bytes.len()).body(bytes.to_vec());
    sent.send().await.unwrap().status()
}

/// Begun, and put whole.
async fn arrived(server: &Server, name: &str, bytes: &[u8]) -> Begun {
    let begun = begun(server, &json!({"filename": name, "size": bytes.len()})).await;
    assert_eq!(put(&begun.url, bytes).await, StatusCode::OK);
    begun
}

impl Begun {
    fn complete(&self, server: &Server) -> Call {
        server.post(&format!("/api/uploads/{}/complete", self.id)).by("user_1")
    }
}

/// The file of an answer.
#[track_caller]
fn file(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"]["file"].clone()
}
