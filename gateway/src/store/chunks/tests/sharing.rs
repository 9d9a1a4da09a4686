//! One GET for all who want a chunk, and versions that never mix.

use super::*;
use proto::trace_context::TraceContext;

#[tokio::test]
async fn every_range_is_exact_and_asked_for_once() {
    let stage = Stage::new().await;
    let file = stage.file("film", 5 * CHUNK + 77, 1);
    for _ in 0..2 {
        for range in [0..1, 10..70_000, CHUNK - 1..CHUNK + 1, 4 * CHUNK..5 * CHUNK + 77, 5 * CHUNK + 76..5 * CHUNK + 77]
        {
            stage.assert_read(&file, range).await;
        }
        stage.assert_whole(&file).await;
    }
    stage.chunk_files(6).await;
    let asked: u64 = stage.origin.gets().iter().map(|range| range.end - range.start).sum();
    assert_eq!(asked, file.row.size, "{:?}", stage.origin.gets());
    assert_eq!(stage.chunks.metrics.misses.get(), 6);
    assert!(stage.chunks.metrics.hits.get() > 0 && stage.chunks.metrics.bytes.get() >= 5 * CHUNK as i64);
}

#[tokio::test]
async fn any_number_of_readers_cost_one_get_and_the_first_may_leave() {
    let stage = Stage::new().await;
    let file = stage.file("film", CHUNK, 1);
    let held = stage.origin.hold();
    let mut readers = Vec::new();
    for _ in 0..100 {
        readers.push(stage.start(&file, 0..CHUNK).await.unwrap());
    }
    drop(readers.remove(0));
    drop(held);
    for mut reader in readers {
        assert!(rest(&mut reader).await.unwrap() == file.bytes);
    }
    assert_eq!(stage.origin.gets(), vec![0..CHUNK; 1]);
}

#[tokio::test]
async fn once_all_have_left_nothing_more_is_begun() {
    let stage = Stage::new().await;
    let file = stage.file("film", 400 * CHUNK, 1);
    let mut reader = stage.start(&file, 0..file.row.size).await.unwrap();
    assert!(next(&mut reader).await.unwrap().is_ok());
    drop(reader);
    let mut before = usize::MAX;
    let asked = eventually("the bucket is left alone", || {
        let now = stage.origin.gets().len();
        let is_at_rest = std::mem::replace(&mut before, now) == now;
        is_at_rest.then_some(now)
    });
    assert!(asked.await < 20);
    // What had begun is kept, whole.
    stage.assert_read(&file, 0..CHUNK).await;
}

/// Chunks from, to.
fn chunks(range: Range<u64>) -> Range<u64> {
    range.start * CHUNK..range.end * CHUNK
}

fn in_order(mut gets: Vec<Range<u64>>) -> Vec<Range<u64>> {
    gets.sort_by_key(|range| range.start);
    gets
}

#[tokio::test]
async fn for_a_reader_that_goes_on_reading_more_and_more_is_asked_for_at_once() {
    let stage = Stage::new().await;
    let file = stage.file("film", 19 * CHUNK - 7, 1);
    stage.assert_whole(&file).await;
    let last = 16 * CHUNK..file.row.size;
    let expected = [chunks(0..1), chunks(1..2), chunks(2..4), chunks(4..8), chunks(8..16), last];
    assert_eq!(in_order(stage.origin.gets()), expected);
    stage.chunk_files(19).await;
}

#[tokio::test]
async fn what_a_reader_names_the_last_byte_of_is_asked_for_at_once() {
    let stage = Stage::new().await;
    let file = stage.file("film", 16 * CHUNK, 1);
    stage.assert_read(&file, 3 * CHUNK + 5..8 * CHUNK + 1).await;
    assert_eq!(stage.origin.gets(), [chunks(3..9)]);
    stage.chunk_files(6).await;
    stage.assert_read(&file, CHUNK..12 * CHUNK).await;
    assert_eq!(in_order(stage.origin.gets()), [1..3, 3..9, 9..12].map(chunks));
    stage.chunk_files(11).await;
}

#[tokio::test]
async fn what_is_kept_already_ends_a_stretch() {
    let stage = Stage::new().await;
    let file = stage.file("film", 16 * CHUNK, 1);
    stage.assert_read(&file, chunks(5..6)).await;
    stage.chunk_files(1).await;
    stage.assert_whole(&file).await;
    let expected = [0..1, 1..2, 2..4, 4..5, 5..6, 6..14, 14..16].map(chunks);
    assert_eq!(in_order(stage.origin.gets()), expected);
}

#[tokio::test]
async fn a_stretch_ends_behind_the_chunk_at_which_its_reader_left() {
    let stage = Stage::new().await;
    let file = stage.file("film", 8 * CHUNK, 1);
    let mut reader = stage.start(&file, 0..file.row.size).await.unwrap();
    let mut read = next(&mut reader).await.unwrap().unwrap().len() as u64;
    stage.chunk_files(2).await;
    let held = stage.origin.hold();
    while read <= CHUNK {
        read += next(&mut reader).await.unwrap().unwrap().len() as u64;
    }
    eventually("the next two are asked for", || (stage.origin.gets().len() == 3).then_some(())).await;
    drop(reader);
    drop(held);
    stage.chunk_files(3).await;
    eventually("nothing is on its way", || (stage.chunks.index.bytes() < 4 * CHUNK).then_some(())).await;
    stage.chunk_files(3).await;
    stage.assert_whole(&file).await;
}

#[tokio::test]
async fn a_stretch_that_breaks_off_is_asked_for_again_from_there() {
    let stage = Stage::new().await;
    let file = stage.file("film", 4 * CHUNK, 1);
    let whole = CHUNK as usize;
    (0..2).for_each(|_| stage.origin.break_after(whole));
    stage.origin.break_after(whole + 20_000);
    stage.assert_whole(&file).await;
    let expected = [chunks(0..1), chunks(1..2), chunks(2..4), 3 * CHUNK + 20_000..4 * CHUNK];
    assert_eq!(in_order(stage.origin.gets()), expected);
    stage.chunk_files(4).await;
}

#[tokio::test]
async fn a_range_deep_in_a_chunk_does_not_wait_for_its_beginning() {
    let stage = Stage::with(1 << 30, 1 << 20).await;
    let file = stage.file("film", 1 << 20, 1);
    let wanted = 600_000..600_100;
    stage.assert_read(&file, wanted.clone()).await;
    assert_eq!(stage.origin.gets().first().map(|range| range.start), Some(wanted.start));
    stage.assert_whole(&file).await;
    let asked: u64 = stage.origin.gets().iter().map(|range| range.end - range.start).sum();
    assert_eq!(asked, file.row.size, "and nothing is asked for twice");
    stage.chunk_files(1).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_asked_for_again_from_there() {
    let stage = Stage::new().await;
    let file = stage.file("film", CHUNK, 1);
    stage.origin.break_after(10_000);
    stage.origin.break_after(20_000);
    stage.assert_whole(&file).await;
    assert_eq!(stage.origin.gets(), [0..CHUNK, 10_000..CHUNK, 30_000..CHUNK]);
    stage.chunk_files(1).await;
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up_and_nothing_of_it_kept() {
    let stage = Stage::new().await;
    let file = stage.file("film", CHUNK, 1);
    stage.origin.break_after(10_000);
    (0..30).for_each(|_| stage.origin.break_after(0));
    assert!(matches!(stage.read(&file, 0..CHUNK).await, Err(Failed::Cut(ReadError::Truncated | ReadError::Failed(_)))));
    stage.chunk_files(0).await;
}

#[tokio::test]
async fn two_versions_are_never_mixed() {
    let stage = Stage::new().await;
    let old = stage.file("film", 2 * CHUNK, 1);
    stage.assert_read(&old, 0..CHUNK).await;
    let new = stage.file("film", 2 * CHUNK, 2);
    assert!(matches!(stage.read(&old, 0..2 * CHUNK).await, Err(Failed::Cut(ReadError::Changed))));
    assert!(matches!(stage.read(&old, CHUNK..2 * CHUNK).await, Err(Failed::Refused(StorageError::Changed))));
    stage.assert_whole(&new).await;
    stage.origin.remove("film");
    stage.assert_whole(&new).await;
    let gone = stage.file("other", CHUNK, 3);
    stage.origin.remove("other");
    assert!(matches!(stage.read(&gone, 0..CHUNK).await, Err(Failed::Refused(StorageError::Missing))));
}

#[tokio::test]
async fn a_forgotten_file_leaves_the_disk_and_not_the_readers_it_has() {
    let stage = Stage::new().await;
    let (file, other) = (stage.file("film", 3 * CHUNK, 1), stage.file("other", CHUNK, 1));
    stage.assert_whole(&file).await;
    stage.assert_whole(&other).await;
    stage.chunk_files(4).await;
    let mut reader = stage.start(&file, 0..CHUNK).await.unwrap();
    let first = next(&mut reader).await.unwrap().unwrap();
    stage.chunks.forget(&file.id);
    stage.chunk_files(1).await;
    assert!([first, rest(&mut reader).await.unwrap()].concat() == file.bytes[..CHUNK as usize]);
    assert_eq!(stage.chunks.index.files().len(), 1);
}

#[tokio::test]
async fn a_fill_that_is_forgotten_meanwhile_is_finished_and_not_kept() {
    let stage = Stage::new().await;
    let file = stage.file("film", CHUNK, 1);
    let held = stage.origin.hold();
    let mut reader = stage.start(&file, 0..CHUNK).await.unwrap();
    stage.chunks.forget(&file.id);
    drop(held);
    assert!(rest(&mut reader).await.unwrap() == file.bytes);
    stage.chunk_files(0).await;
    assert_eq!(stage.chunks.index.bytes(), 0);
}

#[tokio::test]
async fn an_object_removed_in_storage_is_found_out_by_a_later_hit() {
    let mut stage = Stage::new().await;
    let file = stage.file("film", CHUNK, 1);
    stage.assert_whole(&file).await;
    stage.chunk_files(1).await;
    stage.restart_after(|_| {}).await;
    stage.origin.remove("film");
    stage.assert_whole(&file).await;
    stage.chunk_files(0).await;
    let is_gone = matches!(stage.read(&file, 0..CHUNK).await, Err(Failed::Refused(StorageError::Missing)));
    assert!(is_gone);
    assert_eq!(stage.origin.heads(), 0, "it was not there to be counted");
}

#[tokio::test]
async fn the_bucket_is_told_for_whose_trace_it_is_asked() {
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let stage = Stage::new().await;
    let read = async |file: &File, trace: Option<TraceContext>| {
        let object = stage.chunks.object(&file.id, &file.row).unwrap().on_behalf(trace.map(Arc::new));
        object.check().await.unwrap();
        assert!(rest(&mut object.start(0..file.row.size).await.unwrap()).await.unwrap() == file.bytes);
    };
    read(&stage.file("traced", 5 * CHUNK, 1), TraceContext::read([PARENT.as_bytes()], [])).await;
    let asked = stage.origin.traces();
    assert!(asked.len() > 2 && asked.iter().all(|trace| trace.as_deref() == Some(PARENT)), "{asked:?}");
    read(&stage.file("other", 5 * CHUNK, 1), None).await;
    assert!(stage.origin.traces()[asked.len()..].iter().all(Option::is_none));
}
