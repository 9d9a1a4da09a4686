//! What only a bucket has: multipart uploads, and objects that clients put there themselves.

use super::*;
use crate::storage::Bucket;
use reqwest::{Client, StatusCode};
use std::time::Duration;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(60);

async fn in_a_bucket() -> Option<Tested> {
    let tested = Tested::open().await;
    (!tested.is_folder()).then_some(tested)
}

impl Tested {
    fn bucket(&self) -> &Bucket {
        self.storage.bucket().unwrap()
    }

    async fn presigned(&self, key: &Key, size: u64) -> Url {
        self.bucket().presign_put(key, size, PATIENCE).await.unwrap()
    }
}

async fn put(url: &Url, bytes: &'static [u8]) -> StatusCode {
    Client::new().put(url.clone()).body(bytes).send().await.unwrap().status()
}

#[tokio::test]
async fn one_part_is_no_multipart_upload() {
    let Some(tested) = in_a_bucket().await else { return };
    let (key, _) = new_key();
    let mut upload = tested.resume(&key, &tested.storage.start(None)).await;
    write(&mut upload, &bytes(PART, 14)).await;
    assert_eq!(upload.checkpoint().await.unwrap().multipart, None);
    let stored = upload.finish().await.unwrap();
    assert!(!stored.etag.as_str().contains('-'), "{}", stored.etag);
}

#[tokio::test]
async fn a_part_lasts_for_the_whole_of_a_large_object() {
    let Some(tested) = in_a_bucket().await else { return };
    let of_size = |size| tested.storage.start(size).part_bytes;
    assert_eq!(of_size(None), PART as u64);
    assert_eq!(of_size(Some(0)), PART as u64);
    for size in [1 << 40, 5 << 40] {
        assert!(of_size(Some(size)) * 10_000 >= size);
    }
}

#[tokio::test]
async fn a_multipart_upload_that_is_gone_is_missed() {
    let Some(tested) = in_a_bucket().await else { return };
    let (key, _) = new_key();
    let mut upload = tested.resume(&key, &tested.storage.start(None)).await;
    write(&mut upload, &bytes(PART + 5, 15)).await;
    let progress = upload.checkpoint().await.unwrap().clone();
    tested.bucket().abort_all(&key).await;
    let finished = tested.resume(&key, &progress).await.finish().await;
    assert!(matches!(finished, Err(Failure::Lost(_))), "{finished:?}");
}

#[tokio::test]
async fn a_presigned_url_takes_what_it_was_signed_for_and_nothing_else() {
    let Some(tested) = in_a_bucket().await else { return };
    let (key, file) = new_key();
    let url = tested.presigned(&key, 5).await;
    for refused in [&b"hell"[..], b"hello!", b""] {
        assert_eq!(put(&url, refused).await, StatusCode::FORBIDDEN);
    }
    assert_eq!(tested.found().await, []);
    assert_eq!(put(&url, b"hello").await, StatusCode::OK);
    assert_eq!(tested.found().await, [(Kind::Incoming, file)]);
}

#[tokio::test]
async fn what_was_accepted_stays_as_it_was() {
    let Some(tested) = in_a_bucket().await else { return };
    let (key, file) = new_key();
    let url = tested.presigned(&key, 5).await;
    assert!(tested.bucket().incoming(&key).await.unwrap().is_none());
    put(&url, b"hello").await;
    let seen = tested.bucket().incoming(&key).await.unwrap().unwrap();
    for _ in 0..2 {
        let stored = tested.bucket().accept(&key, &seen.etag, seen.size).await.unwrap();
        assert_eq!((stored.size, &stored.etag), (5, &seen.etag));
    }
    assert_eq!(put(&url, b"other").await, StatusCode::OK);
    assert_eq!(tested.object(&key).await, b"hello");
    tested.storage.discard(&key).await.unwrap();
    assert_eq!(tested.found().await, [(Kind::Object, file)]);
}

#[tokio::test]
async fn only_what_was_looked_at_is_accepted() {
    let Some(tested) = in_a_bucket().await else { return };
    let (key, _) = new_key();
    let url = tested.presigned(&key, 5).await;
    put(&url, b"hello").await;
    let seen = tested.bucket().incoming(&key).await.unwrap().unwrap();
    put(&url, b"other").await;
    let accepted = tested.bucket().accept(&key, &seen.etag, seen.size).await;
    assert!(matches!(accepted, Err(Failure::Lost(_))), "{accepted:?}");
    tested.storage.discard(&key).await.unwrap();
    let accepted = tested.bucket().accept(&key, &seen.etag, seen.size).await;
    assert!(matches!(accepted, Err(Failure::Lost(_))), "{accepted:?}");
    assert_eq!(tested.found().await, []);
}
