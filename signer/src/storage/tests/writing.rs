//! From the first byte to the object, in one go.

use super::*;
use sha2::{Digest, Sha256};

#[tokio::test]
async fn an_object_is_what_was_written_whatever_its_size() {
    let tested = Tested::open().await;
    for size in [0, 1, PIECE, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 5] {
        let ((key, file), written) = (new_key(), bytes(size, 1));
        let mut upload = tested.storage.begin(&key).await.unwrap();
        write(&mut upload, &written).await;
        let stored = upload.finish().await.unwrap();
        assert_eq!(stored.size, size as u64);
        assert!(tested.object(&key).await == written, "{size} bytes");
        let seen = tested.storage.look(key.as_str()).await.unwrap().unwrap();
        assert_eq!((seen.etag, seen.modified_at), (stored.etag, stored.modified_at));
        assert_eq!(tested.found().await, [(Kind::Object, file)]);
        tested.storage.delete(&key).await.unwrap();
    }
}

/// Those are not the pieces that go to the disk or the bucket, and not every upload has memory for large ones.
#[tokio::test]
async fn bytes_keep_their_order_and_their_hash_in_whatever_lengths_they_arrive() {
    const LENGTHS: [usize; 9] = [1, 131_071, 131_072, 400_000, 3, 700_000, 1 << 20, 1_500_000, 65_536];
    let tested = Tested::open().await;
    let mut uploads = Vec::new();
    for seed in 0..6 {
        let (key, _) = new_key();
        uploads.push((tested.storage.begin(&key).await.unwrap(), key, bytes(9_000_000, seed)));
    }
    for (order, (upload, _, bytes)) in uploads.iter_mut().enumerate() {
        let mut rest = Bytes::copy_from_slice(bytes);
        for length in LENGTHS.iter().cycle().skip(order) {
            if rest.is_empty() {
                break;
            }
            upload.write(rest.split_to(rest.len().min(*length))).await.unwrap();
        }
    }
    for (mut upload, key, bytes) in uploads {
        assert_eq!(upload.hash().await.unwrap().clone().finish(), *Sha256::digest(&bytes));
        upload.finish().await.unwrap();
        assert!(tested.object(&key).await == bytes);
    }
}

#[tokio::test]
async fn one_that_is_dropped_leaves_nothing() {
    let tested = Tested::open().await;
    for size in [0, 1, PART, 2 * PART + 1] {
        let mut upload = tested.storage.begin(&new_key().0).await.unwrap();
        write(&mut upload, &bytes(size, 2)).await;
        drop(upload);
        assert_eq!(tested.found().await, [], "{size} bytes");
    }
}

#[tokio::test]
async fn one_that_is_dropped_behind_a_checkpoint_leaves_nothing_either() {
    let tested = Tested::open().await;
    for size in [1, PART + 1] {
        let mut upload = tested.storage.begin(&new_key().0).await.unwrap();
        for seed in 3..5 {
            write(&mut upload, &bytes(size, seed)).await;
            upload.checkpoint().await.unwrap();
        }
        drop(upload);
        assert_eq!(tested.found().await, [], "{size} bytes");
    }
}

#[tokio::test]
async fn deleting_twice_is_deleting() {
    let tested = Tested::open().await;
    let (key, _) = new_key();
    tested.storage.begin(&key).await.unwrap().finish().await.unwrap();
    for _ in 0..2 {
        tested.storage.delete(&key).await.unwrap();
        assert!(tested.storage.look(key.as_str()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_range_is_read_exactly() {
    let tested = Tested::open().await;
    let (key, _) = new_key();
    let mut upload = tested.storage.begin(&key).await.unwrap();
    write(&mut upload, b"0123456789").await;
    upload.finish().await.unwrap();
    for (range, expected) in [(0..10, "0123456789"), (3..5, "34"), (9..10, "9"), (4..4, ""), (20..20, "")] {
        assert_eq!(tested.storage.read(&key, range).await.unwrap(), expected);
    }
    for beyond in [9..11, 10..11, 50..60] {
        assert!(tested.storage.read(&key, beyond).await.is_err());
    }
    assert!(tested.storage.read(&new_key().0, 0..1).await.is_err());
}
