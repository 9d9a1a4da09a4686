//! [`signer::Signer::store`]: the same intake as the upload route, without a request.

use crate::harness::{Server, key_of, now};
use axum::{Router, extract::Request, http::Method, response::IntoResponse};
use bytes::Bytes;
use futures_util::stream;
use proto::storage::{Aws, StorageUrl};
use signer::Error;
use std::{
    fs::File,
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};
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

/// A bucket that takes an object and then tells a weak validator of it; returns its endpoint, and what it was asked.
async fn bucket_that_cannot_confirm() -> (String, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asking = Arc::clone(&asked);
    let answer = move |request: Request| {
        asking.lock().unwrap().push(format!("{} {}", request.method(), request.uri().path()));
        let etag = if request.method() == Method::HEAD { "W/\"1\"" } else { "\"1\"" };
        let length = if request.method() == Method::HEAD { "5" } else { "0" };
        let headers = [("etag", etag), ("content-length", length), ("last-modified", "Tue, 03 Nov 2026 08:00:00 GMT")];
        async move { headers.into_response() }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (endpoint, asked)
}

#[tokio::test]
async fn an_object_that_cannot_be_confirmed_is_removed_again() {
    let (endpoint, asked) = bucket_that_cannot_confirm().await;
    let server = Server::start_with(|config| {
        config.storage = StorageUrl::S3 { bucket: "media".into(), prefix: String::new() };
        let pairs = [("AWS_ENDPOINT", endpoint.as_str()), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
        config.aws = Aws(pairs.map(|(name, value)| (name.into(), value.into())).to_vec());
    })
    .await;
    let pieces = stream::iter([Bytes::from_static(b"hello")]);
    let refused = server.signer.store("user_1".parse().unwrap(), "a", "text/plain", pieces).await;
    assert!(matches!(refused, Err(Error::Storage(signer::StorageFailure::Nonsense(_)))), "{refused:?}");
    assert!(server.signer.is_empty().await.unwrap());
    let asked = asked.lock().unwrap();
    let methods: Vec<_> = asked.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(methods, ["PUT", "HEAD", "DELETE"], "{asked:?}");
    assert!(asked[2].starts_with("DELETE /media/managed/"), "{asked:?}");
}

#[tokio::test]
async fn what_a_killed_signer_had_staged_goes_away_after_two_days() {
    let server = Server::start().await;
    if !server.is_folder() {
        return;
    }
    for (name, hours) in [("abandoned", 49), ("running", 47)] {
        let staged = File::create(server.root().join("managed/.staging").join(name)).unwrap();
        staged.set_modified(UNIX_EPOCH + Duration::from_secs(now() - hours * 3600)).unwrap();
    }
    let server = server.restart().await;
    assert_eq!(server.objects().await, ["managed/.staging/running"]);
}
