//! Messages as the identity provider sends them.

use super::{Answer, Call, Server, now};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

pub(crate) const WEBHOOK_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
pub(crate) const NEW_WEBHOOK_SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A message to be sent.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) timestamp: String,
    pub(crate) body: Vec<u8>,
}

/// A message of this type about this user, of a moment in Unix milliseconds.
pub(crate) fn message(kind: &str, user: &str, at: u64) -> Message {
    of(&json!({ "type": kind, "object": "event", "timestamp": at, "data": { "id": user, "object": "user" } }))
}

pub(crate) fn of(event: &Value) -> Message {
    let id = format!("msg_{}", uuid::Uuid::now_v7().simple());
    Message { id, timestamp: now().to_string(), body: event.to_string().into_bytes() }
}

impl Message {
    pub(crate) fn banned(mut self, banned: bool) -> Self {
        let mut event: Value = serde_json::from_slice(&self.body).unwrap();
        event["data"]["banned"] = json!(banned);
        self.body = event.to_string().into_bytes();
        self
    }

    pub(crate) fn signature(&self, secret: &str) -> String {
        let secret = STANDARD.decode(&secret["whsec_".len()..]).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
        mac.update(format!("{}.{}.", self.id, self.timestamp).as_bytes());
        mac.update(&self.body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }

    /// The request, with any signature.
    pub(crate) fn call(self, server: &Server, signature: &str) -> Call {
        server
            .post("/api/webhooks/clerk")
            .header("svix-id", &self.id)
            .header("svix-timestamp", &self.timestamp)
            .header("svix-signature", signature)
            .body("application/json", self.body)
    }

    pub(crate) async fn send(self, server: &Server) -> Answer {
        let signature = self.signature(WEBHOOK_SECRET);
        self.call(server, &signature).send().await
    }

    /// What it did.
    pub(crate) async fn does(self, server: &Server) -> String {
        let answer = self.send(server).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["success"], true);
        answer.json()["data"]["result"].as_str().unwrap().to_owned()
    }
}
