//! Answers of storage that do not fit the question (G4, B13): refused or cut, and nothing wrong is kept.

use crate::{
    ALL, LONG, Stage, both_ways,
    harness::{Fault, File, PATIENCE, Random, eventually},
    outcome::Outcome,
};

const MIB: usize = 1 << 20;

both_ways! {
    a_first_answer_that_does_not_fit_is_502_and_not_kept,
    a_later_answer_that_does_not_fit_cuts_the_body_and_is_not_kept,
    an_answer_longer_or_without_a_length_is_exact_or_broken,
    absurd_content_ranges_are_502,
    the_whole_object_instead_of_a_part_is_never_passed_on,
    another_part_than_the_one_asked_for_is_never_passed_on,
    bytes_that_are_no_http_are_502,
}

fn header(name: &'static str, value: &str) -> Fault {
    Fault::Header(name, Some(value.to_owned()))
}

/// Heads that are not those of the part that was asked for.
fn unfit_heads() -> Vec<Fault> {
    vec![
        Fault::Renamed(200),
        Fault::Header("Content-Range", None),
        Fault::Header("ETag", None),
        header("ETag", "\"another\""),
        header("ETag", "W/\"another\""),
        header("ETag", "unquoted"),
        header("ETag", ""),
        header("Content-Range", "bytes 0-0/1"),
        header("Content-Range", "bytes 1-131071/1048576"),
        header("Content-Range", "bytes 0-131071/1048577"),
        header("Content-Range", "bytes */1048576"),
        header("Content-Range", "items 0-131071/1048576"),
        header("Content-Range", "nonsense"),
    ]
}

fn a_first_answer_that_does_not_fit_is_502_and_not_kept(stage: &Stage) {
    for fault in unfit_heads() {
        let film = stage.film(MIB);
        stage.origin.always(fault.clone());
        let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
        assert!(matches!(outcome, Outcome::Refused(502, _)), "{fault:?}: {outcome:?}");
        stage.origin.recover();
        stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
    }
    stage.assert_unharmed();
}

fn a_later_answer_that_does_not_fit_cuts_the_body_and_is_not_kept(stage: &Stage) {
    for fault in unfit_heads() {
        let film = stage.film(LONG);
        let before = stage.gateway.metric("gateway_broken_bodies_total");
        stage.origin.after(1, fault.clone());
        let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
        assert!(matches!(outcome, Outcome::Cut(_)), "{fault:?}: {outcome:?}");
        assert!(stage.gateway.metric("gateway_broken_bodies_total") > before, "an operator has to see it");
        stage.origin.recover();
        stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
    }
    stage.assert_unharmed();
}

fn an_answer_longer_or_without_a_length_is_exact_or_broken(stage: &Stage) {
    let faults = [
        Fault::Long(1),
        Fault::Long(100_000),
        Fault::Trailing(1),
        Fault::Trailing(100_000),
        Fault::Chunked(ALL),
        Fault::Unframed(ALL),
        header("Content-Length", "50000"),
        header("Content-Length", "99999999"),
        header("Content-Length", "18446744073709551616"),
        header("Content-Length", "-1"),
        header("Content-Length", "many"),
    ];
    for fault in faults {
        for early in [0, 1] {
            let film = stage.film(200_000);
            stage.origin.after(early, fault.clone());
            let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
            let is_sound = matches!(outcome, Outcome::Exact | Outcome::Cut(_) | Outcome::Refused(502 | 503, _));
            assert!(is_sound, "{fault:?}: {outcome:?}");
            stage.origin.recover();
            // What came behind an answer can spoil the next one on that connection, once.
            eventually("the bucket is itself again", PATIENCE, || {
                match stage.outcome(stage.gateway.get(&film.url()), &film.bytes) {
                    Outcome::Refused(502 | 503, _) => None,
                    outcome => {
                        outcome.assert_exact();
                        Some(())
                    }
                }
            });
        }
    }
    stage.assert_unharmed();
}

fn absurd_content_ranges_are_502(stage: &Stage) {
    let long = "9".repeat(200);
    for value in [
        "bytes 0-131071/9223372036854775807",
        "bytes 0-131071/18446744073709551615",
        "bytes 0-18446744073709551615/18446744073709551616",
        "bytes 9223372036854775807-9223372036854775808/9223372036854775809",
        "bytes 131071-0/1048576",
        "bytes -1-131071/1048576",
        "bytes 0-131071/0",
        "bytes 0-131071/-1",
        "bytes 0-131071/*",
        "bytes 0-131071/",
        "bytes 0-/1048576",
        "bytes /",
        "",
        &format!("bytes 0-131071/{long}"),
        &format!("bytes {long}-{long}/{long}"),
    ] {
        let film = stage.film(MIB);
        stage.origin.always(header("Content-Range", value));
        let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
        assert!(matches!(outcome, Outcome::Refused(502, _)), "{value:?}: {outcome:?}");
    }
    stage.assert_unharmed();
}

/// An answer as storage could give it, with these bytes of the object from `first` on.
fn answer(film: &File, status: u16, first: usize, end: usize) -> Vec<u8> {
    let range = match status {
        206 => format!("Content-Range: bytes {first}-{}/{}\r\n", end - 1, film.size()),
        _ => String::new(),
    };
    let head = format!(
        "HTTP/1.1 {status} Fine\r\nETag: {}\r\nLast-Modified: {}\r\n{range}Content-Length: {}\r\n\r\n",
        film.etag,
        film.last_modified(),
        end - first
    );
    [head.as_bytes(), &film.bytes[first..end]].concat()
}

fn the_whole_object_instead_of_a_part_is_never_passed_on(stage: &Stage) {
    let film = stage.film(LONG);
    stage.origin.always(Fault::Raw(answer(&film, 200, 0, LONG)));
    let part = stage.gateway.get(&film.url()).range("bytes=500000-500099");
    stage.outcome(part, &film.bytes[500_000..500_100]).assert_bad_gateway();
    stage.origin.after(1, Fault::Raw(answer(&film, 200, 0, LONG)));
    let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
    assert!(matches!(outcome, Outcome::Cut(_)), "{outcome:?}");
    stage.assert_unharmed();
}

fn another_part_than_the_one_asked_for_is_never_passed_on(stage: &Stage) {
    let mut random = Random::seeded(41);
    for early in [0, 1] {
        for _ in 0..5 {
            let film = stage.film(LONG);
            let first = usize::try_from(random.below(LONG as u64 - 1)).expect("an index");
            let end = first + 1 + usize::try_from(random.below((LONG - first) as u64)).expect("an index");
            stage.origin.after(early, Fault::Raw(answer(&film, 206, first, end)));
            let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
            let is_sound = matches!((&outcome, early), (Outcome::Refused(502, _), 0) | (Outcome::Cut(_), 1));
            assert!(is_sound, "{first}..{end} at answer {early}: {outcome:?}");
        }
    }
    stage.assert_unharmed();
}

fn bytes_that_are_no_http_are_502(stage: &Stage) {
    let many_headers = format!("HTTP/1.1 206 Fine\r\n{}\r\n", "X-Filler: x\r\n".repeat(10_000));
    for bytes in [
        b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00".to_vec(),
        b"HTTP/9.9 206 Fine\r\n\r\n".to_vec(),
        b"HTTP/1.1 999999 Fine\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"HTTP/1.1 206 Fine\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nbytes".to_vec(),
        b"<html>It works!</html>".to_vec(),
        many_headers.into_bytes(),
        Random::seeded(43).bytes(4096),
    ] {
        let film = stage.film(MIB);
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
        stage.origin.always(Fault::Raw(bytes));
        let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
        assert!(matches!(outcome, Outcome::Refused(502 | 503, _)), "{start:?}: {outcome:?}");
    }
    stage.assert_unharmed();
}
