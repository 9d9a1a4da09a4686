//! What only a folder has: locks, links, a file that is renamed.

use super::*;
use std::{os::unix::fs::symlink, time::Duration};

async fn in_a_folder() -> Option<Tested> {
    let tested = Tested::open().await;
    tested.is_folder().then_some(tested)
}

#[tokio::test]
async fn two_never_write_the_same_upload() {
    let Some(tested) = in_a_folder().await else { return };
    let (key, _) = new_key();
    let mut first = tested.storage.resume(&key, Progress::default()).await.unwrap();
    let second = tested.open_again().await.resume(&key, Progress::default()).await;
    assert!(matches!(second, Err(Failure::Busy)), "{second:?}");
    write(&mut first, b"hello").await;
    first.finish().await.unwrap();
    assert_eq!(tested.object(&key).await, b"hello");
}

#[tokio::test]
async fn one_that_is_going_away_is_waited_for() {
    let Some(tested) = in_a_folder().await else { return };
    let (key, _) = new_key();
    let mut first = tested.storage.resume(&key, Progress::default()).await.unwrap();
    write(&mut first, b"hello").await;
    let progress = first.checkpoint().await.unwrap().clone();
    let leaving = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        drop(first);
    });
    tested.resume(&key, &progress).await.finish().await.unwrap();
    leaving.await.unwrap();
    assert_eq!(tested.object(&key).await, b"hello");
}

#[tokio::test]
async fn of_many_at_once_each_gets_its_own_bytes_whatever_memory_it_has() {
    let Some(tested) = in_a_folder().await else { return };
    let mut uploads = Vec::new();
    for seed in 0..10 {
        let (key, _) = new_key();
        uploads.push((tested.storage.begin(&key).await.unwrap(), key, bytes(9_000_000 + seed, seed as u64)));
    }
    for part in 0..4 {
        for (upload, _, bytes) in &mut uploads {
            write(upload, bytes.chunks(2_500_000).nth(part).unwrap()).await;
        }
    }
    for (upload, key, bytes) in uploads {
        upload.finish().await.unwrap();
        assert!(tested.object(&key).await == bytes, "of {} bytes", bytes.len());
    }
}

#[tokio::test]
async fn a_staged_file_that_lost_bytes_is_not_gone_on_from() {
    let Some(tested) = in_a_folder().await else { return };
    let (key, _) = new_key();
    tested.put(&key.staged(), b"1234").await;
    let resumed = tested.storage.resume(&key, Progress { offset: 5, ..Progress::default() }).await;
    assert!(matches!(resumed, Err(Failure::Lost(_))), "{resumed:?}");
}

#[tokio::test]
async fn a_published_object_is_copied_and_never_written_to() {
    let Some(tested) = in_a_folder().await else { return };
    let (key, _) = new_key();
    tested.put(key.as_str(), b"hello, world").await;
    let mut upload = tested.resume(&key, &Progress { offset: 5, ..Progress::default() }).await;
    write(&mut upload, b"!").await;
    upload.checkpoint().await.unwrap();
    assert_eq!(tested.object(&key).await, b"hello, world");
    assert_eq!(fs::read(tested.at(&key.staged())).unwrap(), b"hello!");
    upload.finish().await.unwrap();
    assert_eq!(tested.object(&key).await, b"hello!");
}

#[tokio::test]
async fn one_whose_file_was_removed_is_not_published() {
    let Some(tested) = in_a_folder().await else { return };
    let (key, _) = new_key();
    let mut upload = tested.storage.resume(&key, Progress::default()).await.unwrap();
    write(&mut upload, b"hello").await;
    tested.storage.discard(&key).await.unwrap();
    assert!(upload.finish().await.is_err());
    assert_eq!(tested.found().await, []);
}

#[tokio::test]
async fn links_lead_nowhere() {
    let Some(tested) = in_a_folder().await else { return };
    let (key, file) = new_key();
    tested.put("secret", b"secret").await;
    let path = tested.at(key.as_str());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    symlink(tested.at("secret"), &path).unwrap();
    symlink(tested.at("secret"), tested.at(&key.staged())).unwrap();
    assert_eq!(tested.found().await, []);
    assert!(tested.storage.read(&key, 0..6).await.is_err(), "{file}");
    let resumed = tested.storage.resume(&key, Progress::default()).await;
    assert!(resumed.is_err());
    assert_eq!(fs::read(tested.at("secret")).unwrap(), b"secret");
}
