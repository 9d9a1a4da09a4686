//! What the disk does to the cache, and what it leaves of it.

use super::*;
use std::os::unix::fs::{FileExt, PermissionsExt};

#[tokio::test]
async fn the_bound_is_kept_and_a_reader_keeps_what_is_evicted() {
    let stage = Stage::bounded(8 * CHUNK).await;
    let file = stage.file("film", CHUNK, 1);
    stage.assert_whole(&file).await;
    let mut reader = stage.start(&file, 0..CHUNK).await.unwrap();
    let first = next(&mut reader).await.unwrap().unwrap();
    for number in 0..40 {
        let other = stage.file(&format!("other-{number}"), CHUNK, 2);
        stage.assert_whole(&other).await;
        let taken: u64 = files_below(&stage.folder()).values().sum();
        assert!(taken <= 8 * CHUNK, "{taken}");
    }
    assert!(stage.chunks.metrics.evictions.get() >= 32);
    assert!([first, rest(&mut reader).await.unwrap()].concat() == file.bytes);
    stage.assert_whole(&file).await;
}

#[tokio::test]
async fn a_chunk_larger_than_the_cache_is_served_without_it() {
    let stage = Stage::bounded(CHUNK / 2).await;
    let file = stage.file("film", 3 * CHUNK, 1);
    stage.assert_whole(&file).await;
    stage.assert_whole(&file).await;
    stage.chunk_files(0).await;
}

#[tokio::test]
async fn a_restart_keeps_the_chunks_and_their_files() {
    let mut stage = Stage::new().await;
    let (file, other) = (stage.file("film", 3 * CHUNK + 1, 1), stage.file("other", 9, 1));
    stage.assert_whole(&file).await;
    stage.assert_whole(&other).await;
    stage.chunk_files(5).await;
    let asked = stage.origin.gets().len();
    stage.restart_after(|_| {}).await;
    stage.assert_whole(&file).await;
    stage.assert_whole(&other).await;
    assert_eq!(stage.origin.gets().len(), asked, "asked again");
    eventually("the scan ends", || (!stage.chunks.is_scanning()).then_some(())).await;
    assert_eq!(stage.chunks.index.files().len(), 2);
    stage.chunks.forget(&file.id);
    stage.chunk_files(1).await;
}

#[tokio::test]
async fn what_is_not_what_was_written_is_fetched_again() {
    type Meddle = fn(&fs::File, u64);
    let ways: [(&str, Meddle); 6] = [
        ("a bit flipped", |file, _| flip(file, 12_345)),
        ("a bit of the trailer flipped", |file, size| flip(file, size - 100)),
        ("a bit of the trailer's sum flipped", |file, size| flip(file, size - 1)),
        ("cut", |file, size| file.set_len(size - 1).unwrap()),
        ("grown", |file, size| file.set_len(size + 1).unwrap()),
        ("zeros", |file, size| {
            file.set_len(0).unwrap();
            file.set_len(size).unwrap();
        }),
    ];
    for (way, meddle) in ways {
        let mut stage = Stage::new().await;
        let file = stage.file("film", CHUNK, 1);
        stage.assert_whole(&file).await;
        let path = stage.chunk_files(1).await.remove(0);
        stage
            .restart_after(|_| {
                let file = fs::File::options().read(true).write(true).open(&path).unwrap();
                meddle(&file, file.metadata().unwrap().len());
            })
            .await;
        stage.assert_whole(&file).await;
        assert_eq!(stage.origin.gets().len(), 2, "{way}");
        stage.chunk_files(1).await;
        stage.assert_whole(&file).await;
        assert_eq!(stage.origin.gets().len(), 2, "{way}");
        assert!(stage.chunks.metrics.corrupt.get() > 0, "{way}");
    }
}

fn flip(file: &fs::File, at: u64) {
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

#[tokio::test]
async fn one_chunk_in_the_place_of_another_is_fetched_again() {
    let mut stage = Stage::new().await;
    let file = stage.file("film", 2 * CHUNK, 1);
    stage.assert_whole(&file).await;
    let paths = stage.chunk_files(2).await;
    stage.restart_after(|_| assert!(fs::copy(&paths[0], &paths[1]).is_ok())).await;
    stage.assert_whole(&file).await;
    assert!(stage.chunks.metrics.corrupt.get() > 0);
}

#[tokio::test]
async fn what_is_not_ours_stays_and_what_was_unfinished_goes() {
    let mut stage = Stage::new().await;
    let file = stage.file("film", CHUNK, 1);
    stage.assert_whole(&file).await;
    let chunk = stage.chunk_files(1).await.remove(0);
    let folder = stage.folder();
    let foreign = [folder.join("notes.txt"), chunk.with_extension("txt"), chunk.with_file_name("notes.part")];
    let unfinished = chunk.with_file_name("00000000000000ff.part");
    stage
        .restart_after(|_| {
            foreign.iter().for_each(|path| fs::write(path, b"a note").unwrap());
            fs::write(&unfinished, b"half a chunk").unwrap();
        })
        .await;
    eventually("the scan ends", || (!stage.chunks.is_scanning()).then_some(())).await;
    assert!(foreign.iter().all(|path| path.exists()) && !unfinished.exists() && chunk.exists());
}

#[tokio::test]
async fn nobody_else_reads_what_is_cached() {
    let stage = Stage::new().await;
    let file = stage.file("film", CHUNK, 1);
    stage.assert_whole(&file).await;
    let chunk = stage.chunk_files(1).await.remove(0);
    for (path, wanted) in [(stage.folder(), 0o700), (chunk.parent().unwrap().into(), 0o700), (chunk, 0o600)] {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, wanted, "{}", path.display());
    }
    let shared = stage.home.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(super::super::Folder::open(&shared).is_err(), "a folder that anybody may write to");
}

#[tokio::test]
async fn a_disk_that_fails_is_no_readers_affair() {
    let stage = Stage::new().await;
    let file = stage.file("film", 3 * CHUNK, 1);
    let held = stage.origin.hold();
    let mut reader = stage.start(&file, 0..3 * CHUNK).await.unwrap();
    fs::remove_dir_all(stage.folder()).unwrap();
    fs::write(stage.folder(), b"in the way").unwrap();
    drop(held);
    assert!(rest(&mut reader).await.unwrap() == file.bytes);
    let other = stage.file("other", 3 * CHUNK, 1);
    stage.assert_whole(&other).await;
    assert!(stage.chunks.metrics.failures.get() > 0);
    // And once the disk is well again, so is the cache.
    fs::remove_file(stage.folder()).unwrap();
    eventually("the folder is made again", || stage.folder().join("lock").exists().then_some(())).await;
    eventually("the disk is tried again", || (stage.chunks.resting() <= stage.chunks.now()).then_some(())).await;
    stage.assert_whole(&file).await;
    stage.chunk_files(3).await;
}

#[tokio::test]
async fn chunks_removed_or_cut_under_it_are_fetched_again() {
    let stage = Stage::new().await;
    let file = stage.file("film", CHUNK, 1);
    stage.assert_whole(&file).await;
    let path = stage.chunk_files(1).await.remove(0);
    fs::File::options().write(true).open(&path).unwrap().set_len(100).unwrap();
    stage.assert_whole(&file).await;
    eventually("it is kept again", || fs::remove_file(&path).ok()).await;
    eventually("its file is closed", || stage.chunks.open.is_empty().then_some(())).await;
    stage.assert_whole(&file).await;
    stage.chunk_files(1).await;
    assert_eq!(stage.origin.gets().len(), 3);
}

#[tokio::test]
async fn a_folder_has_one_user_at_a_time_and_the_next_takes_it_over() {
    let mut stage = Stage::new().await;
    let file = stage.file("film", CHUNK, 1);
    stage.assert_whole(&file).await;
    stage.chunk_files(1).await;
    let second = open(&stage.origin, stage.home.path(), 1 << 30);
    let elsewhere = open(&stage.origin, &stage.home.path().join("elsewhere"), 1 << 30);
    let first = std::mem::replace(&mut stage.chunks, second);
    stage.assert_whole(&file).await;
    assert_eq!(stage.origin.gets().len(), 2, "without the folder it asks the bucket");
    assert_eq!(stage.chunks.index.bytes(), 0);
    drop(first);
    eventually("the second has taken over", || (stage.chunks.index.bytes() > 0).then_some(())).await;
    stage.assert_whole(&file).await;
    assert_eq!(stage.origin.gets().len(), 2);
    drop(elsewhere);
}
