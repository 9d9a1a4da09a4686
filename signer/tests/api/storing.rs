//! [`signer::Signer::store`]: the same intake as the upload route, without a request.

use crate::harness::{Server, key_of};
use axum::{
    Router,
    extract::Request,
    http::{Method, StatusCode},
    response::IntoResponse,
};
use bytes::Bytes;
use futures_util::stream;
use proto::storage::{Aws, StorageUrl};
use signer::Error;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_stored_file_is_like_an_uploaded_one() {
    let server = Server::start().await;
    assert!(server.signer.is_empty().await.unwrap());
    let pieces = stream::iter([Bytes::from_static(b"hel"), Bytes::from_static(b"lo")]);
    let file = server.signer.store("user_1".parse().unwrap(), "clip.mp4", "video/mp4", pieces).await.unwrap();
    assert!(!server.signer.is_empty().await.unwrap());
    assert_eq!((file.size, file.content_type.as_str()), (5, "video/mp4"));
    assert_eq!(server.object(&key_of(&file.id)).await, b"hello");
    assert_eq!(server.get(&format!("/api/files/{}", file.id)).by("user_1").send().await.status, 200);
}

#[tokio::test]
async fn the_limit_holds_here_too() {
    let server = Server::given(&[("MAX_UPLOAD_BYTES", "4")]).await;
    let pieces = stream::iter([Bytes::from_static(b"hello")]);
    let refused = server.signer.store("user_1".parse().unwrap(), "a", "text/plain", pieces).await;
    assert!(matches!(refused, Err(Error::TooLarge { limit: 4 })));
    assert_eq!(server.objects().await, [""; 0]);
}

/// A bucket that takes an object, tells this validator of it, and lets nobody read it; returns a server on it, and what it
/// was asked.
async fn on_a_bucket(etag: &'static str) -> (Server, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asking = Arc::clone(&asked);
    let answer = move |request: Request| {
        asking.lock().unwrap().push(format!("{} {}", request.method(), request.uri().path()));
        let (etag, length) = if request.method() == Method::HEAD { (etag, "5") } else { ("\"1\"", "0") };
        let headers = [("etag", etag), ("content-length", length), ("last-modified", "Tue, 03 Nov 2026 08:00:00 GMT")];
        let status = if request.method() == Method::GET { StatusCode::FORBIDDEN } else { StatusCode::OK };
        async move { (status, headers).into_response() }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    let server = Server::start_with(|config| {
        config.storage = StorageUrl::S3 { bucket: "media".into(), prefix: String::new() };
        let pairs = [("AWS_ENDPOINT", endpoint.as_str()), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
        config.aws = Aws(pairs.map(|(name, value)| (name.into(), value.into())).to_vec());
    });
    (server.await, asked)
}

/// The methods of requests for an object. The sweep may remove the same one beside.
fn methods(asked: &Mutex<Vec<String>>) -> Vec<String> {
    let asked = asked.lock().unwrap();
    let for_objects = asked.iter().filter(|line| line.contains(" /media/managed/"));
    let mut methods: Vec<_> = for_objects.map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    methods.dedup();
    methods
}

#[tokio::test]
async fn an_object_that_cannot_be_confirmed_is_removed_again() {
    let (server, asked) = on_a_bucket("W/\"1\"").await;
    let pieces = stream::iter([Bytes::from_static(b"hello")]);
    let refused = server.signer.store("user_1".parse().unwrap(), "a", "text/plain", pieces).await;
    assert!(matches!(refused, Err(Error::Storage(signer::StorageFailure::Nonsense(_)))), "{refused:?}");
    assert!(server.signer.is_empty().await.unwrap());
    assert_eq!(methods(&asked), ["PUT", "HEAD", "DELETE"]);
}

#[tokio::test]
async fn an_object_whose_bytes_cannot_be_looked_at_is_removed_again() {
    let (server, asked) = on_a_bucket("\"1\"").await;
    let pieces = stream::iter([Bytes::from_static(b"hello")]);
    let refused = server.signer.store("user_1".parse().unwrap(), "a", "text/plain", pieces).await;
    assert!(matches!(refused, Err(Error::Storage(signer::StorageFailure::Unavailable(_)))), "{refused:?}");
    assert!(server.signer.is_empty().await.unwrap());
    assert_eq!(methods(&asked), ["PUT", "HEAD", "GET", "DELETE"]);
}
