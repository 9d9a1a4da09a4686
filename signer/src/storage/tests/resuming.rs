//! Uploads that go on in another process.

use super::*;

/// Writes `written` in stretches that end at these places; after each there is a checkpoint, and another process.
async fn in_stretches(tested: &Tested, key: &Key, written: &[u8], ends: &[usize]) -> Progress {
    let mut progress = tested.storage.start(Some(written.len() as u64));
    for end in ends {
        let begin = usize::try_from(progress.offset).unwrap();
        let mut upload = tested.resume(key, &progress).await;
        write(&mut upload, &written[begin..*end]).await;
        progress = upload.checkpoint().await.unwrap().clone();
        assert_eq!(progress.offset, *end as u64);
    }
    progress
}

#[tokio::test]
async fn one_that_stops_anywhere_goes_on_in_another_process() {
    let tested = Tested::open().await;
    for ends in [
        &[0, 0, 1, 1, 2][..],
        &[1, PART, PART, 2 * PART],
        &[PART - 1, PART + 1, 3 * PART, 3 * PART + 1],
        &[2 * PART + 7, 2 * PART + 8, 3 * PART + 9],
    ] {
        let ((key, file), written) = (new_key(), bytes(*ends.last().unwrap(), 5));
        let progress = in_stretches(&tested, &key, &written, ends).await;
        let stored = tested.resume(&key, &progress).await.finish().await.unwrap();
        assert_eq!(stored.size, written.len() as u64);
        assert!(tested.object(&key).await == written, "{ends:?}");
        tested.storage.discard(&key).await.unwrap();
        assert_eq!(tested.found().await, [(Kind::Object, file)], "{ends:?}");
        tested.storage.delete(&key).await.unwrap();
    }
}

#[tokio::test]
async fn one_of_unknown_length_is_resumed_too() {
    let tested = Tested::open().await;
    let ((key, _), written) = (new_key(), bytes(PART + 1, 6));
    let mut upload = tested.resume(&key, &tested.storage.start(None)).await;
    write(&mut upload, &written).await;
    let progress = upload.checkpoint().await.unwrap().clone();
    drop(upload);
    tested.resume(&key, &progress).await.finish().await.unwrap();
    assert!(tested.object(&key).await == written);
}

#[tokio::test]
async fn checkpoints_in_one_process_leave_one_tail_at_most() {
    let tested = Tested::open().await;
    let ((key, _), written) = (new_key(), bytes(2 * PART + 10 * PIECE, 7));
    let mut upload = tested.resume(&key, &tested.storage.start(None)).await;
    for piece in written.chunks(PART / 3) {
        write(&mut upload, piece).await;
        upload.checkpoint().await.unwrap();
    }
    upload.checkpoint().await.unwrap();
    if let Upload::Remote(upload) = &upload {
        upload.settle().await;
    }
    let kinds = tested.kinds().await;
    assert_eq!(kinds, if tested.is_folder() { vec![Kind::Staged] } else { vec![Kind::Tail, Kind::Multipart] });
    upload.finish().await.unwrap();
    assert!(tested.object(&key).await == written);
}

#[tokio::test]
async fn what_lies_behind_the_recorded_offset_is_thrown_away() {
    let tested = Tested::open().await;
    for (durable, lost) in [(5, 10), (5, 2 * PART), (PART + 5, PART), (PART + 5, 3 * PART), (0, PART + 1)] {
        let ((key, file), written) = (new_key(), bytes(durable, 8));
        let progress = in_stretches(&tested, &key, &written, &[durable]).await;
        let mut upload = tested.resume(&key, &progress).await;
        write(&mut upload, &bytes(lost, 9)).await;
        drop(upload);

        let mut upload = tested.resume(&key, &progress).await;
        write(&mut upload, b"the end").await;
        upload.finish().await.unwrap();
        assert!(tested.object(&key).await == [&written[..], b"the end"].concat(), "{durable} and {lost}");
        tested.storage.discard(&key).await.unwrap();
        assert_eq!(tested.found().await, [(Kind::Object, file)]);
        tested.storage.delete(&key).await.unwrap();
    }
}

#[tokio::test]
async fn a_checkpoint_that_nobody_recorded_costs_nothing() {
    let tested = Tested::open().await;
    for (recorded, unrecorded) in [(5, 10), (5, PART + 5), (PART + 5, PART + 6), (PART + 5, 3 * PART)] {
        let ((key, _), written) = (new_key(), bytes(unrecorded, 10));
        let progress = in_stretches(&tested, &key, &written, &[recorded]).await;
        let mut upload = tested.resume(&key, &progress).await;
        write(&mut upload, &written[recorded..]).await;
        upload.checkpoint().await.unwrap();
        drop(upload);

        let mut upload = tested.resume(&key, &progress).await;
        write(&mut upload, b"the end").await;
        upload.finish().await.unwrap();
        let expected = [&written[..recorded], b"the end"].concat();
        assert!(tested.object(&key).await == expected, "{recorded} and {unrecorded}");
    }
}

#[tokio::test]
async fn an_object_whose_row_never_came_is_finished_again() {
    let tested = Tested::open().await;
    for size in [0, 5, PART, 2 * PART, 2 * PART + 5] {
        let ((key, _), written) = (new_key(), bytes(size, 11));
        let progress = in_stretches(&tested, &key, &written, &[size]).await;
        tested.resume(&key, &progress).await.finish().await.unwrap();
        let stored = tested.resume(&key, &progress).await.finish().await.unwrap();
        assert_eq!(stored.size, size as u64);
        assert!(tested.object(&key).await == written, "{size} bytes");
    }
}

#[tokio::test]
async fn durable_bytes_that_are_gone_are_missed() {
    let tested = Tested::open().await;
    for size in [5, PART + 5] {
        let ((key, _), written) = (new_key(), bytes(size, 12));
        let progress = in_stretches(&tested, &key, &written, &[size]).await;
        tested.storage.discard(&key).await.unwrap();
        for _ in 0..2 {
            let resumed = tested.open_again().await.resume(&key, progress.clone()).await;
            assert!(matches!(resumed, Err(Failure::Lost(_))), "{size} bytes: {resumed:?}");
        }
        assert_eq!(tested.found().await, []);
    }
}

#[tokio::test]
async fn the_progress_of_another_storage_is_not_gone_on_from() {
    let tested = Tested::open().await;
    let progress = match tested.is_folder() {
        true => Progress { offset: 7, part_bytes: 5, multipart: Some("a".into()), parts: vec!["b".into()] },
        false => Progress { offset: 7, ..Progress::default() },
    };
    let resumed = tested.storage.resume(&new_key().0, progress).await;
    assert!(matches!(resumed, Err(Failure::Lost(_))), "{resumed:?}");
}
