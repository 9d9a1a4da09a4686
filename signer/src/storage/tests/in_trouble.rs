//! A bucket that fails: each call, once or for long, with an answer that is lost or with none.

use super::{
    trouble::{Call, Fault, Trouble},
    *,
};
use proto::trace_context::TraceContext;
use std::sync::Arc;
use traces::on_behalf;

const FAILURES: [Fault; 3] = [Fault::Status(500), Fault::Status(503), Fault::LostAnswer];

/// A storage of ours that goes through trouble, and the same without.
async fn in_trouble() -> Option<(Tested, Storage, Trouble)> {
    let tested = Tested::open().await;
    if tested.is_folder() {
        return None;
    }
    let trouble = Trouble::start().await;
    let storage = Storage::open(&tested.url, &trouble.aws(), MAX_OBJECT).await.unwrap();
    Some((tested, storage, trouble))
}

/// The object is there once, whole, and nothing beside it.
async fn is_whole(tested: &Tested, key: &Key, written: &[u8]) {
    assert!(tested.object(key).await == written);
    tested.storage.discard(key).await.unwrap();
    assert_eq!(tested.kinds().await, [Kind::Object]);
    tested.storage.delete(key).await.unwrap();
}

#[tokio::test]
async fn a_call_that_fails_once_is_made_again() {
    let Some((tested, storage, trouble)) = in_trouble().await else { return };
    let written = bytes(2 * PART + 5, 16);
    for call in [Call::Begin, Call::Part, Call::Put, Call::Complete] {
        for fault in FAILURES {
            let (key, _) = new_key();
            trouble.next(1, call, fault);
            let mut upload = storage.resume(&key, storage.start(None)).await.unwrap();
            write(&mut upload, &written[..PART + 5]).await;
            upload.checkpoint().await.unwrap();
            write(&mut upload, &written[PART + 5..]).await;
            upload.finish().await.unwrap_or_else(|error| panic!("{call:?} {fault:?}: {error}"));
            is_whole(&tested, &key, &written).await;
        }
    }
}

#[tokio::test]
async fn a_part_that_cannot_be_sent_fails_the_checkpoint_and_nothing_durable_is_lost() {
    let Some((tested, storage, trouble)) = in_trouble().await else { return };
    let ((key, _), written) = (new_key(), bytes(3 * PART + 5, 17));
    for call in [Call::Part, Call::Put] {
        let mut upload = storage.resume(&key, storage.start(None)).await.unwrap();
        write(&mut upload, &written[..PART + 5]).await;
        let progress = upload.checkpoint().await.unwrap().clone();
        trouble.next(usize::MAX, call, Fault::Status(503));
        write(&mut upload, &written[PART + 5..2 * PART + 5]).await;
        for _ in 0..2 {
            assert!(upload.checkpoint().await.is_err());
        }
        drop(upload);
        trouble.recover();
        let mut upload = storage.resume(&key, progress.clone()).await.unwrap();
        write(&mut upload, &written[PART + 5..]).await;
        upload.finish().await.unwrap();
        is_whole(&tested, &key, &written).await;
    }
}

#[tokio::test]
async fn an_error_behind_success_is_an_error() {
    let Some((tested, storage, trouble)) = in_trouble().await else { return };
    let ((key, _), written) = (new_key(), bytes(PART + 5, 18));
    let mut upload = storage.resume(&key, storage.start(None)).await.unwrap();
    write(&mut upload, &written).await;
    let progress = upload.checkpoint().await.unwrap().clone();
    trouble.always(&[Call::Complete], Fault::ErrorBehindSuccess);
    assert!(upload.finish().await.is_err());
    assert!(tested.storage.look(key.as_str()).await.unwrap().is_none());
    assert!(trouble.count(Call::Complete) > 1);

    trouble.next(1, Call::Complete, Fault::ErrorBehindSuccess);
    storage.resume(&key, progress).await.unwrap().finish().await.unwrap();
    is_whole(&tested, &key, &written).await;
}

#[tokio::test]
async fn the_object_is_looked_at_when_no_answer_to_complete_ever_comes() {
    let Some((tested, storage, trouble)) = in_trouble().await else { return };
    for size in [5, 2 * PART + 5] {
        let ((key, _), written) = (new_key(), bytes(size, 19));
        let mut upload = storage.begin(&key).await.unwrap();
        write(&mut upload, &written).await;
        trouble.always(&[Call::Complete, Call::Put], Fault::LostAnswer);
        assert_eq!(upload.finish().await.unwrap().size, size as u64);
        storage.settle().await;
        is_whole(&tested, &key, &written).await;
    }
}

#[tokio::test]
async fn one_that_was_completed_unheard_is_finished_again() {
    let Some((tested, storage, trouble)) = in_trouble().await else { return };
    let ((key, _), written) = (new_key(), bytes(2 * PART + 5, 20));
    let mut upload = storage.resume(&key, storage.start(None)).await.unwrap();
    write(&mut upload, &written).await;
    let progress = upload.checkpoint().await.unwrap().clone();
    trouble.always(&[Call::Complete, Call::Head], Fault::LostAnswer);
    assert!(upload.finish().await.is_err());
    trouble.recover();
    storage.resume(&key, progress).await.unwrap().finish().await.unwrap();
    is_whole(&tested, &key, &written).await;
}

#[tokio::test]
async fn another_object_of_the_same_size_is_not_taken_for_the_one_sent() {
    let Some((tested, storage, trouble)) = in_trouble().await else { return };
    let ((key, _), written) = (new_key(), bytes(PART + 5, 21));
    tested.put(key.as_str(), &bytes(PART + 5, 22)).await;
    let mut upload = storage.begin(&key).await.unwrap();
    write(&mut upload, &written).await;
    trouble.always(&[Call::Complete], Fault::Status(500));
    assert!(upload.finish().await.is_err());
}

#[tokio::test]
async fn a_multipart_upload_whose_abort_fails_is_found_and_discarded_later() {
    let Some((tested, storage, trouble)) = in_trouble().await else { return };
    let (key, file) = new_key();
    let mut upload = storage.begin(&key).await.unwrap();
    write(&mut upload, &bytes(PART + 5, 23)).await;
    trouble.always(&[Call::Abort], Fault::Status(500));
    drop(upload);
    storage.settle().await;
    assert_eq!(tested.found().await, [(Kind::Multipart, file)]);
    assert!(storage.discard(&key).await.is_err());
    trouble.recover();
    storage.discard(&key).await.unwrap();
    assert_eq!(tested.found().await, []);
}

#[tokio::test]
async fn a_listing_that_fails_is_no_empty_one() {
    let Some((_tested, storage, trouble)) = in_trouble().await else { return };
    let (key, _) = new_key();
    trouble.next(1, Call::Multiparts, Fault::Status(503));
    storage.discard(&key).await.unwrap();
    for fault in [Fault::Status(503), Fault::Status(403), Fault::LostAnswer, Fault::ErrorBehindSuccess] {
        trouble.always(&[Call::Multiparts], fault);
        assert!(storage.discard(&key).await.is_err(), "{fault:?}");
        assert!(storage.list().try_collect::<Vec<_>>().await.is_err(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_copy_is_made_again_until_storage_says_that_it_is_made() {
    let Some((tested, storage, trouble)) = in_trouble().await else { return };
    let bucket = storage.bucket().unwrap();
    for fault in [Fault::Status(500), Fault::Status(503), Fault::LostAnswer, Fault::ErrorBehindSuccess] {
        let (key, _) = new_key();
        tested.put(&key.incoming(), b"hello").await;
        let seen = bucket.incoming(&key).await.unwrap().unwrap();
        trouble.always(&[Call::Copy], fault);
        assert!(bucket.accept(&key, &seen.etag, seen.size).await.is_err(), "{fault:?}");
        trouble.next(1, Call::Copy, fault);
        bucket.accept(&key, &seen.etag, seen.size).await.unwrap();
        is_whole(&tested, &key, b"hello").await;
    }
}

/// Uploads of which so many bytes are durable and so many are to be sent go on, all at once, while `calls` are never
/// answered; then again, when they are.
async fn through_silence(calls: &'static [Call], sizes: &[(usize, usize)]) {
    let Some((tested, storage, trouble)) = in_trouble().await else { return };
    let mut begun = Vec::new();
    for (durable, size) in sizes {
        let ((key, _), written) = (new_key(), bytes(*size, 24));
        let mut upload = storage.resume(&key, storage.start(None)).await.unwrap();
        write(&mut upload, &written[..*durable]).await;
        let progress = upload.checkpoint().await.unwrap().clone();
        begun.push((key, written, *durable, progress, upload));
    }
    trouble.always(calls, Fault::Silence);
    let going_on = begun.into_iter().map(async |(key, written, durable, progress, mut upload)| {
        let went_on = match upload.write(Bytes::copy_from_slice(&written[durable..])).await {
            Ok(()) => upload.finish().await.map(drop),
            failed => failed,
        };
        assert!(went_on.is_err(), "{durable} of {}", written.len());
        (key, written, durable, progress)
    });
    let unfinished = futures_util::future::join_all(going_on).await;
    trouble.recover();
    for (key, written, durable, progress) in unfinished {
        let mut upload = storage.resume(&key, progress).await.unwrap();
        write(&mut upload, &written[durable..]).await;
        upload.finish().await.unwrap();
        assert!(tested.object(&key).await == written, "{durable} of {}", written.len());
        tested.storage.discard(&key).await.unwrap();
    }
    assert!(tested.kinds().await.iter().all(|kind| *kind == Kind::Object));
}

#[tokio::test]
async fn bytes_that_storage_never_takes_are_sent_again_when_it_does() {
    through_silence(&[Call::Put, Call::Begin, Call::Part], &[(5, 10), (5, PART + 5), (PART + 5, 2 * PART + 5)]).await;
}

#[tokio::test]
async fn a_completion_that_storage_never_answers_is_made_again_when_it_does() {
    through_silence(&[Call::Complete], &[(PART + 5, PART + 5), (5, PART + 5)]).await;
}

#[tokio::test]
async fn a_bucket_is_told_for_whose_trace_it_is_asked() {
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let Some((tested, storage, trouble)) = in_trouble().await else { return };
    let (key, _) = new_key();
    let written = bytes(2 * PART + 5, 18);
    let trace = TraceContext::read([PARENT.as_bytes()], []).map(Arc::new);
    let store = async {
        let mut upload = storage.resume(&key, storage.start(None)).await.unwrap();
        write(&mut upload, &written[..PART + 5]).await;
        upload.checkpoint().await.unwrap();
        write(&mut upload, &written[PART + 5..]).await;
        upload.finish().await.unwrap();
        storage.discard(&key).await.unwrap();
    };
    on_behalf(trace, store).await;
    let asked = trouble.traces();
    assert!(asked.len() > 5 && asked.iter().all(|trace| trace.as_deref() == Some(PARENT)), "{asked:?}");
    storage.read(&key, 0..1).await.unwrap();
    assert_eq!(trouble.traces()[asked.len()..], [None]);
    is_whole(&tested, &key, &written).await;
}
