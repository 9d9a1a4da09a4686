//! The identity provider as it serves its keys: well, badly, or not at all.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, Jwk},
};
use rcgen::KeyPair;
use serde_json::{Value, json};
use signer::identity::{JwksSource, KeySource, Pace};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// So that a test which wants another fetch need not wait for it.
pub(crate) const BRISK: Pace =
    Pace { refresh: Duration::from_millis(60), rest: Duration::from_millis(30), patience: Duration::from_millis(500) };
/// No fetch but the first, and those that are asked for.
pub(crate) const ON_DEMAND: Pace =
    Pace { refresh: Duration::from_secs(3600), rest: Duration::from_millis(30), patience: Duration::from_secs(60) };

/// What is said to whoever asks for the keys.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A key set.
    Keys(Value),
    /// Any bytes, with this status.
    Bytes(u16, Vec<u8>),
    /// A redirect.
    To(String),
    /// Nothing, and the connection stays.
    Silence,
    /// Half an answer, and then nothing more.
    Half,
    /// The connection is reset.
    Reset,
}

/// A key server on a loopback port; ends with the test.
pub(crate) struct Provider {
    address: SocketAddr,
    fetches: Arc<AtomicUsize>,
    reply: Arc<Mutex<Reply>>,
}

impl Provider {
    pub(crate) async fn with(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self {
            address: listener.local_addr().unwrap(),
            fetches: Arc::default(),
            reply: Arc::new(Mutex::new(reply)),
        };
        let (fetches, reply) = (Arc::clone(&provider.fetches), Arc::clone(&provider.reply));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                fetches.fetch_add(1, Ordering::SeqCst);
                let reply = reply.lock().unwrap().clone();
                tokio::spawn(answer(stream, reply));
            }
        });
        provider
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/.well-known/jwks.json", self.address)
    }

    pub(crate) fn source(&self, pace: Pace) -> KeySource {
        let mut source = JwksSource::at(&self.url()).unwrap();
        source.pace = pace;
        KeySource::Jwks(source)
    }

    pub(crate) fn says(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    /// Connections so far.
    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Waits for a fetch that began after now to have ended: fetches never overlap, so the one behind it tells.
    pub(crate) async fn is_asked_again(&self) {
        let before = self.fetches();
        eventually("two fetches", async || self.fetches() >= before + 3).await;
    }
}

async fn answer(mut stream: TcpStream, reply: Reply) {
    let _ = stream.read(&mut [0; 4096]).await;
    let (status, headers, body) = match reply {
        Reply::Keys(set) => (200, String::new(), set.to_string().into_bytes()),
        Reply::Bytes(status, body) => (status, String::new(), body),
        Reply::To(place) => (302, format!("location: {place}\r\n"), Vec::new()),
        Reply::Silence => return std::future::pending().await,
        Reply::Half => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"keys\": [").await;
            return std::future::pending().await;
        }
        Reply::Reset => {
            let _ = stream.set_zero_linger();
            return;
        }
    };
    let head = format!("HTTP/1.1 {status} .\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(&[head.into_bytes(), body].concat()).await;
}

/// A set of RSA keys under these ids.
pub(crate) fn key_set(keys: &[(&str, &KeyPair)]) -> Reply {
    let entries: Vec<_> = keys.iter().map(|(id, key)| jwk(id, key)).collect();
    Reply::Keys(json!({ "keys": entries }))
}

pub(crate) fn jwk(id: &str, key: &KeyPair) -> Value {
    let key = DecodingKey::from_rsa_pem(key.public_key_pem().as_bytes()).unwrap();
    let AlgorithmParameters::RSA(rsa) = Jwk::from_decoding_key(&key, None).unwrap().algorithm else { unreachable!() };
    let modulus = URL_SAFE_NO_PAD.encode(URL_SAFE_NO_PAD.decode(rsa.n).unwrap());
    json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": modulus, "e": rsa.e })
}

/// Waits until this holds; a minute is far more than any of it takes.
pub(crate) async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..3000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came to {what}");
}
