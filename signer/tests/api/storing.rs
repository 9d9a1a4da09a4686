//! [`signer::Signer::store`]: the same intake as the upload route, without a request.

use crate::harness::{Server, key_of};
use bytes::Bytes;
use futures_util::stream;
use signer::Error;

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
    let server = Server::start_with(|config| config.max_upload_bytes = 4).await;
    let pieces = stream::iter([Bytes::from_static(b"hello")]);
    let refused = server.signer.store("user_1".parse().unwrap(), "a", "text/plain", pieces).await;
    assert!(matches!(refused, Err(Error::TooLarge { limit: 4 })));
    assert_eq!(server.objects().await, [""; 0]);
}
