//! What is found in storage, and what a clean-up takes away.

use super::*;

/// An unfinished upload with something of every kind that this storage has.
pub(crate) async fn unfinished(tested: &Tested) -> (Key, FileId) {
    let (key, file) = new_key();
    let mut upload = tested.resume(&key, &tested.storage.start(None)).await;
    write(&mut upload, &bytes(PART + 5, 13)).await;
    upload.checkpoint().await.unwrap();
    if let Storage::Remote(bucket) = &tested.storage {
        bucket.put(&key.incoming(), b"incoming").await;
    }
    (key, file)
}

pub(crate) async fn finished(tested: &Tested) -> (Key, FileId) {
    let (key, file) = new_key();
    let mut upload = tested.storage.begin(&key).await.unwrap();
    write(&mut upload, b"0123456789").await;
    upload.finish().await.unwrap();
    (key, file)
}

pub(crate) fn kinds_of_unfinished(tested: &Tested) -> &[Kind] {
    if tested.is_folder() { &[Kind::Staged] } else { &[Kind::Tail, Kind::Incoming, Kind::Multipart] }
}

#[tokio::test]
async fn everything_of_ours_is_found_with_its_file_size_and_time() {
    let tested = Tested::open().await;
    let before = crate::clock::unix_seconds();
    let (_, one) = finished(&tested).await;
    let (_, other) = unfinished(&tested).await;
    let mut expected = vec![(Kind::Object, one.clone())];
    expected.extend(kinds_of_unfinished(&tested).iter().map(|kind| (*kind, other.clone())));
    assert_eq!(tested.found().await, expected);

    let found: Vec<Found> = tested.storage.list().try_collect().await.unwrap();
    for found in found {
        let size = match found.kind {
            Kind::Object => 10,
            Kind::Staged => PART as u64 + 5,
            Kind::Tail => 5,
            Kind::Incoming => 8,
            Kind::Multipart => 0,
        };
        assert_eq!(found.size, size, "{found:?}");
        // File systems and buckets have clocks of their own.
        let after = crate::clock::unix_seconds();
        assert!((before - 2..=after + 2).contains(&found.modified_at), "{found:?}, {before} to {after}");
    }
}

#[tokio::test]
async fn nothing_of_others_is_found() {
    let tested = Tested::open().await;
    let (_, file) = new_key();
    for foreign in [
        "videos/a.mp4".into(),
        "managed.txt".into(),
        format!("managed/{file}"),
        format!("managed/zz/{file}"),
        "managed/zz/notes.txt".into(),
        "managed/.trash/x".into(),
        "managed/.staging/notes.txt".into(),
        format!("managed/.tails/{file}"),
        format!("other/managed/{}/{file}", &file.as_str()[30..]),
    ] {
        tested.put(&foreign, b"x").await;
    }
    assert_eq!(tested.found().await, []);
}

#[tokio::test]
async fn discarding_takes_every_trace_but_the_object_and_nobody_elses() {
    let tested = Tested::open().await;
    let (neighbour, other) = unfinished(&tested).await;
    let (key, file) = unfinished(&tested).await;
    tested.put(key.as_str(), b"0123456789").await;
    for _ in 0..2 {
        tested.storage.discard(&key).await.unwrap();
    }
    let mut expected = vec![(Kind::Object, file)];
    expected.extend(kinds_of_unfinished(&tested).iter().map(|kind| (*kind, other.clone())));
    assert_eq!(tested.found().await, expected);
    assert_eq!(tested.object(&key).await, b"0123456789");
    tested.storage.discard(&neighbour).await.unwrap();
    assert_eq!(tested.kinds().await, [Kind::Object]);
}

#[tokio::test]
async fn more_than_a_page_is_found_whole() {
    let tested = Tested::open().await;
    let mut files: Vec<_> = (0..40).map(|_| new_key()).collect();
    for (key, _) in &files {
        tested.put(key.as_str(), b"x").await;
    }
    files.sort_by(|(_, one), (_, other)| one.cmp(other));
    let expected: Vec<_> = files.into_iter().map(|(_, file)| (Kind::Object, file)).collect();
    assert_eq!(tested.found().await, expected);
}

async fn others(tested: &Tested, prefix: &str) -> Vec<String> {
    let mut paths: Vec<String> = tested.storage.list_others(prefix).try_collect().await.unwrap();
    paths.sort();
    paths
}

#[tokio::test]
async fn everything_of_others_is_listed_by_its_path_and_nothing_of_ours() {
    let tested = Tested::open().await;
    finished(&tested).await;
    unfinished(&tested).await;
    let theirs = ["a.bin", "managed-2/a", "managed.txt", "videos-2/c", "videos/1/a b é.mp4", "videos/1/b", "videos/2"];
    for path in theirs {
        tested.put(path, b"x").await;
    }
    assert_eq!(others(&tested, "").await, theirs);
    assert_eq!(others(&tested, "videos").await, ["videos/1/a b é.mp4", "videos/1/b", "videos/2"]);
    assert_eq!(others(&tested, "videos/1").await, ["videos/1/a b é.mp4", "videos/1/b"]);
    if !tested.is_folder() {
        assert_eq!(others(&tested, "nothing").await, [""; 0]);
    }
}

#[tokio::test]
async fn more_than_a_page_of_others_is_listed_whole() {
    let tested = Tested::open().await;
    let mut theirs: Vec<_> = (0..1_100).map(|number| format!("videos/{}/{number:04}", number % 7)).collect();
    let putting = theirs.iter().map(|path| tested.put(path, b"x"));
    futures_util::StreamExt::collect::<Vec<_>>(futures_util::StreamExt::buffer_unordered(
        futures_util::stream::iter(putting),
        16,
    ))
    .await;
    theirs.sort();
    assert_eq!(others(&tested, "videos").await, theirs);
}
