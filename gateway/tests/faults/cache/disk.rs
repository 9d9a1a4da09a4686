//! A disk that fails the cache: storage serves instead, no client notices, and the log says so once a minute (G7).

use super::{CHUNK, Stage, cached_setup, files_below};
use crate::{
    harness::{Connection, PATIENCE, Setup, eventually},
    outcome::Outcome,
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

/// Serves several files more than once, whatever the disk does, and warns of it, but not often.
#[track_caller]
fn assert_degrades(stage: &Stage, since: Instant) {
    let films: Vec<_> = (0..4).map(|_| stage.film(12 * CHUNK)).collect();
    for _ in 0..2 {
        for film in &films {
            stage.assert_served(film);
            let part = stage.gateway.get(&film.url()).range("bytes=100-700000");
            stage.outcome(part, &film.bytes[100..=700_000]).assert_exact();
        }
    }
    let (warnings, minutes) = (stage.warnings(), since.elapsed().as_secs() / 60);
    assert!(warnings > 0, "an operator has to see it\n{}", stage.gateway.log());
    assert!(warnings as u64 <= minutes + 1, "{warnings} warnings in {minutes} minutes and a bit");
    assert!(stage.gateway.metric("gateway_cache_failures_total") > 0.0, "an operator has to see it");
}

/// The cache's folder inside this setup's home.
fn folder(setup: &Setup) -> PathBuf {
    setup.home().join("cache")
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_full_disk_is_no_trouble_to_clients() {
    let setup = cached_setup();
    let folder = folder(&setup);
    let (since, stage) = (Instant::now(), Stage::of(setup.tmpfs(&folder, "size=3m")));
    assert_degrades(&stage, since);
    // Only the gateway sees what is mounted there.
    let seen_by_it = format!("/proc/{}/root{}", stage.gateway.pid(), folder.display());
    let total: u64 = files_below(Path::new(&seen_by_it)).values().sum();
    assert!(total <= 3 << 20, "{total}");
    // What it holds open there has names that mean nothing here, so only this much can be said of its health.
    assert_eq!(stage.gateway.exited(), None);
    assert!(!stage.gateway.log().contains("panicked"), "{}", stage.gateway.log());
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_disk_that_takes_only_the_beginning_of_a_chunk_is_no_trouble_to_clients() {
    let (since, stage) = (Instant::now(), Stage::of(cached_setup().file_size_limit(100)));
    assert_degrades(&stage, since);
    let longest = files_below(&stage.cache()).values().copied().max().unwrap_or(0);
    assert!(longest <= 100 << 10, "{longest}");
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_disk_that_is_read_only_is_no_trouble_to_clients() {
    let setup = cached_setup();
    let folder = folder(&setup);
    let (since, stage) = (Instant::now(), Stage::of(setup.tmpfs(&folder, "ro,size=3m")));
    assert_degrades(&stage, since);
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_folder_deleted_under_it_is_no_trouble_to_clients() {
    let stage = Stage::cached();
    let (film, _) = stage.cached_film(4);
    fs::remove_dir_all(stage.cache()).expect("the folder is deleted");
    stage.assert_served(&film);
    let others: Vec<_> = (0..4).map(|_| stage.film(12 * CHUNK)).collect();
    for film in others.iter().chain(&others) {
        stage.assert_served(film);
    }
    assert!(stage.warnings() <= 1 + 1, "{}", stage.gateway.log());
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_file_in_place_of_the_folder_is_no_trouble_to_clients() {
    let (since, stage) = (Instant::now(), Stage::cached());
    fs::remove_dir_all(stage.cache()).expect("the folder is deleted");
    fs::write(stage.cache(), b"in the way").expect("a file");
    assert_degrades(&stage, since);
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn chunks_deleted_under_it_are_fetched_again() {
    let stage = Stage::cached();
    let (film, chunks) = stage.cached_film(4);
    for path in &chunks {
        fs::remove_file(path).expect("a chunk");
    }
    for _ in 0..3 {
        stage.assert_served(&film);
    }
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_process_out_of_descriptors_serves_right_bytes_or_says_come_back() {
    let stage = Stage::of(cached_setup().fd_limit(64));
    let films: Vec<_> = (0..40).map(|_| stage.film(3 * CHUNK)).collect();
    std::thread::scope(|scope| {
        for film in &films {
            scope.spawn(|| {
                let Some(mut connection) = Connection::try_open(stage.gateway.public(), PATIENCE) else { return };
                let request = stage.gateway.get(&film.url()).header("Connection", "close");
                let (bytes, _) = connection.send(&request.to_bytes()).rest_within(PATIENCE * 3);
                let Some((head, end)) = crate::harness::Answer::parse_head(&bytes) else { return };
                match head.status() {
                    200 => assert!(film.bytes.starts_with(&bytes[end..]), "other bytes than the file's"),
                    status => assert_eq!(status, 503, "{}", head.head()),
                }
            });
        }
    });
    for film in &films {
        eventually("there is room again", PATIENCE, || {
            let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
            assert!(matches!(outcome, Outcome::Exact | Outcome::Refused(503, _)), "{outcome:?}");
            (outcome == Outcome::Exact).then_some(())
        });
    }
    stage.assert_unharmed();
}
