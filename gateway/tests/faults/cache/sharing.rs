//! One GET for all who want a chunk (G8, C18), and one for the next (read-ahead).

use super::{CHUNK, Stage};
use crate::{crowds::waiting_clients, harness::Fault, outcome::Outcome};

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_thousand_clients_of_one_url_cost_every_byte_once_and_no_secret() {
    const SECRETS: [(&str, &str); 2] =
        [("Referer", "https://canary-referer.example/page"), ("Authorization", "Bearer canary-authorization")];
    let stage = Stage::cached();
    let film = stage.film(2 * CHUNK + 100);
    let mut clients = waiting_clients(&stage, &film, 1_000, &SECRETS);
    stage.origin.release();
    for client in &mut clients {
        client.answer("GET").assert_whole(&film.bytes);
    }
    assert_eq!(stage.fetched(&film), film.size(), "every byte once");
    assert!(!stage.gateway.log().contains("canary-referer"), "Referer is in the log");
    assert!(!stage.gateway.log().contains("canary-authorization"), "Authorization is in the log");
    drop(clients);
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn readers_of_a_chunk_that_is_still_coming_see_its_beginning() {
    let stage = Stage::cached();
    let film = stage.film(CHUNK);
    stage.origin.next(1, Fault::Stall(100_000));
    let mut downloads: Vec<_> = (0..10).map(|_| stage.gateway.get(&film.url()).open()).collect();
    for download in &mut downloads {
        assert!(download.take(50_000) == film.bytes[..50_000]);
    }
    assert_eq!(stage.origin.gets(&film).len(), 1, "one GET for all");
    drop(downloads);
    stage.origin.recover();
    stage.assert_served(&film);
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_fill_that_fails_fails_for_all_who_wait_and_for_nobody_after() {
    for fault in [Fault::Status(403), Fault::Header("ETag", Some("\"other\"".into())), Fault::HangUp] {
        let stage = Stage::cached();
        let film = stage.film(CHUNK);
        stage.origin.always(fault.clone());
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
                    assert!(matches!(outcome, Outcome::Refused(502 | 503, _)), "{fault:?}: {outcome:?}");
                });
            }
        });
        stage.origin.recover();
        stage.assert_served(&film);
        stage.assert_unharmed();
    }
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_client_that_leaves_stops_the_reading_within_a_chunk_or_two() {
    let stage = Stage::cached();
    let film = stage.film(64 * CHUNK);
    let mut download = stage.gateway.get(&film.url()).open_with_window(16 << 10);
    assert!(film.bytes.starts_with(&download.take(CHUNK)));
    drop(download);
    stage.gateway.assert_at_rest();
    stage.cached_files();
    // What the kernel took from the gateway before the client left counts as read.
    let kernel = 8 << 20;
    let read = stage.fetched(&film);
    assert!(read <= kernel + 4 * CHUNK as u64, "{read} bytes read for a client that left at {CHUNK}");
    stage.assert_unharmed();
}
