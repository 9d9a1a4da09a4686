//! What lies in the cache: whose it is, how much of it there is, and what becomes of it when files change (G10).

use super::{CHUNK, Stage, cached_setup, files_below};
use crate::{
    harness::{Answer, Random, eventually},
    outcome::Outcome,
};
use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

/// What a gateway has for following a change, and a slow machine besides.
const FOLLOWS: Duration = Duration::from_secs(10);

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_cached_file_is_served_without_a_word_to_storage() {
    let stage = Stage::cached();
    let (film, _) = stage.cached_film(4);
    assert!(stage.gateway.metric("gateway_cache_misses_total") >= 4.0);
    let (asked, hits) = (stage.origin.seen().len(), stage.gateway.metric("gateway_cache_hits_total"));
    let origin_requests = stage.gateway.metric("gateway_origin_requests_total");
    stage.assert_served(&film);
    let part = stage.gateway.get(&film.url()).range("bytes=300000-700000");
    stage.outcome(part, &film.bytes[300_000..=700_000]).assert_exact();
    assert_eq!(stage.origin.seen().len(), asked, "storage is asked again");
    assert!(stage.gateway.metric("gateway_cache_hits_total") > hits);
    assert_eq!(stage.gateway.metric("gateway_origin_requests_total"), origin_requests);
    assert!(stage.gateway.metric("gateway_cache_bytes") >= (4 * CHUNK) as f64);
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn every_request_to_storage_is_counted() {
    let stage = Stage::cached();
    let (seen, counted) = (stage.origin.seen().len(), stage.gateway.metric("gateway_origin_requests_total"));
    let film = stage.film(4 * CHUNK);
    stage.assert_served(&film);
    assert_eq!(stage.fetched(&film), film.size(), "every byte once");
    for get in stage.origin.gets(&film) {
        let range = get.range.expect("every GET is bounded");
        assert_eq!(range.start % CHUNK as u64, 0, "chunks are aligned");
    }
    let new = stage.origin.seen().len() - seen;
    assert_eq!(stage.gateway.metric("gateway_origin_requests_total") - counted, new as f64);
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn nobody_else_can_look_into_the_cache() {
    let stage = Stage::cached();
    let (film, chunks) = stage.cached_film(1);
    let mode = fs::metadata(stage.cache()).expect("a folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    for path in chunks {
        let name = path.display().to_string();
        for inner in [film.id.as_str(), &film.object_key, &film.user, "film"] {
            assert!(!name.contains(inner), "{name} tells whose it is");
        }
    }
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn the_cache_grows_no_larger_than_it_may() {
    const BOUND: u64 = 4 << 20;
    let stage = Stage::of(cached_setup().set("GATEWAY_CACHE_BYTES", &BOUND.to_string()));
    let films: Vec<_> = (0..4).map(|_| stage.film(12 * CHUNK)).collect();
    for _ in 0..2 {
        for film in &films {
            stage.assert_served(film);
        }
    }
    let total: u64 = stage.cached_files().values().sum();
    assert!(total > BOUND / 4 && total <= BOUND + BOUND / 50, "{total} bytes of {BOUND}");
    let told = stage.gateway.metric("gateway_cache_bytes");
    assert!(told > 0.0 && told <= BOUND as f64, "{told}");
    assert!(stage.gateway.metric("gateway_cache_evictions_total") > 0.0);
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_bound_smaller_than_one_chunk_still_serves() {
    let stage = Stage::of(cached_setup().set("GATEWAY_CACHE_BYTES", "100000"));
    let film = stage.film(5 * CHUNK);
    for _ in 0..2 {
        stage.assert_served(&film);
    }
    assert!(stage.cached_files().values().sum::<u64>() <= 100_000 + CHUNK as u64);
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_deleted_file_leaves_the_disk() {
    let stage = Stage::cached();
    let (film, chunks) = stage.cached_film(4);
    stage.gateway.catalog().delete(&film);
    eventually("its chunks are gone", FOLLOWS, || chunks.iter().all(|path| !path.exists()).then_some(()));
    // HEAD, for a body that is on its way then is cut.
    eventually("it is not found", FOLLOWS, || (stage.gateway.head(&film.url()).send().status() == 404).then_some(()));
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_file_registered_again_is_served_anew_and_its_old_chunks_leave_the_disk() {
    let stage = Stage::cached();
    let (film, chunks) = stage.cached_film(4);
    let new = stage.gateway.replace_object(&film, &Random::seeded(5).bytes(3 * CHUNK));
    stage.gateway.catalog().refresh(&new);
    eventually("the new version is served", FOLLOWS, || {
        let raw = stage.gateway.get(&film.url()).send_raw(FOLLOWS);
        let (head, end) = Answer::parse_head(&raw.bytes).expect("a head");
        let body = &raw.bytes[end..];
        // One of the old version is cut where its chunks go while it is on its way.
        assert!(head.status() == 502 || film.bytes.starts_with(body) || new.bytes.starts_with(body), "a mix");
        (body == new.bytes).then_some(())
    });
    eventually("the old chunks are gone", FOLLOWS, || chunks.iter().all(|path| !path.exists()).then_some(()));
    stage.assert_served(&new);
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn an_object_replaced_while_half_of_it_is_cached_is_never_mixed() {
    let stage = Stage::cached();
    let film = stage.film(8 * CHUNK);
    let half = stage.gateway.get(&film.url()).range(&format!("bytes=0-{}", 2 * CHUNK - 1));
    stage.outcome(half, &film.bytes[..2 * CHUNK]).assert_exact();
    stage.cached_files();
    let new = stage.gateway.replace_object(&film, &Random::seeded(6).bytes(8 * CHUNK));
    // Against the old version: right bytes up to the first chunk that is not there any more.
    let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
    assert!(matches!(outcome, Outcome::Cut(_) | Outcome::Refused(502, _)), "{outcome:?}");
    stage.gateway.catalog().refresh(&new);
    eventually("the new version is served", FOLLOWS, || {
        let answer = stage.gateway.get(&film.url()).range("bytes=0-99").send();
        (answer.status() == 206 && answer.body() == &new.bytes[..100]).then_some(())
    });
    stage.assert_served(&new);
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn files_of_equal_size_and_equal_bytes_stay_apart() {
    let stage = Stage::cached();
    let same = Random::seeded(8).bytes(2 * CHUNK);
    let (one, two) = (stage.gateway.store("one.mp4", &same), stage.gateway.store("two.mp4", &same));
    stage.assert_served(&one);
    stage.assert_served(&two);
    stage.gateway.catalog().delete(&one);
    eventually("it is gone", FOLLOWS, || (stage.gateway.head(&one.url()).send().status() == 404).then_some(()));
    stage.assert_served(&two);
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn without_a_cache_nothing_is_written() {
    let stage = Stage::uncached();
    stage.assert_served(&stage.film(4 * CHUNK));
    assert!(files_below(&stage.cache()).is_empty() && !stage.gateway.home().join("off").exists());
    stage.assert_unharmed();
}
