//! Storage that cannot be reached or does not answer (G2), and a name that leads nowhere (G13).

use crate::{
    Stage, before_origin, both_ways,
    harness::{self, Fault, PATIENCE, Random, bytes, eventually},
    outcome::Outcome,
};
use std::time::Duration;

const SIZE: usize = 300_000;

both_ways! {
    storage_that_is_gone_is_503_until_it_is_back,
    storage_that_never_accepts_is_504,
    an_answer_that_never_comes_is_504,
    a_head_that_drips_is_504,
    a_connection_closed_without_an_answer_is_asked_again,
    a_late_answer_is_still_one,
    one_silent_object_keeps_nobody_else_waiting,
    clients_that_leave_before_an_answer_leave_nothing_behind,
}

fn storage_that_is_gone_is_503_until_it_is_back(stage: &Stage) {
    let film = stage.film(SIZE);
    stage.origin.go_away();
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_refused(503, "storage_unavailable");
    eventually("/readyz says 503", PATIENCE, || (stage.gateway.readiness() == Some(503)).then_some(()));
    stage.origin.recover();
    eventually("/readyz says 200", PATIENCE, || (stage.gateway.readiness() == Some(200)).then_some(()));
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
    stage.assert_unharmed();
}

fn storage_that_never_accepts_is_504(stage: &Stage) {
    let film = stage.film(SIZE);
    stage.origin.get_stuck();
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_refused(504, "storage_timeout");
    stage.origin.recover();
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
    stage.assert_unharmed();
}

fn an_answer_that_never_comes_is_504(stage: &Stage) {
    let film = stage.film(SIZE);
    stage.origin.always(Fault::Silence);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let head = stage.gateway.head(&film.url()).send();
            assert_eq!((head.status(), head.body()), (504, &b""[..]));
        });
        scope.spawn(|| {
            let part = stage.gateway.get(&film.url()).range("bytes=100-199");
            stage.outcome(part, &film.bytes[100..200]).assert_refused(504, "storage_timeout");
        });
        stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_refused(504, "storage_timeout");
    });
    stage.origin.recover();
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
    stage.assert_unharmed();
}

fn a_head_that_drips_is_504(stage: &Stage) {
    let film = stage.film(SIZE);
    stage.origin.always(Fault::Drip);
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_refused(504, "storage_timeout");
    stage.assert_unharmed();
}

fn a_connection_closed_without_an_answer_is_asked_again(stage: &Stage) {
    for times in [1, 2] {
        let film = stage.film(SIZE);
        stage.origin.next(times, Fault::HangUp);
        stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
    }
    let film = stage.film(SIZE);
    stage.origin.always(Fault::HangUp);
    let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
    assert!(matches!(outcome, Outcome::Refused(502 | 503, _)), "{outcome:?}");
    stage.assert_unharmed();
}

fn a_late_answer_is_still_one(stage: &Stage) {
    let film = stage.film(SIZE);
    stage.origin.always(Fault::Late(Duration::from_secs(1)));
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
    stage.assert_unharmed();
}

fn one_silent_object_keeps_nobody_else_waiting(stage: &Stage) {
    let (silent, other) = (stage.film(SIZE), stage.gateway.store("other.mp4", &Random::seeded(7).bytes(SIZE)));
    let key = silent.object_key.clone();
    stage.origin.plan(move |seen| seen.path.ends_with(&key).then_some(Fault::Held));
    let waiting: Vec<_> = (0..30)
        .map(|_| {
            let mut connection = stage.gateway.connect();
            connection.send(&stage.gateway.get(&silent.url()).to_bytes());
            connection
        })
        .collect();
    eventually("storage is asked", PATIENCE, || (!stage.origin.gets(&silent).is_empty()).then_some(()));
    stage.outcome(stage.gateway.get(&other.url()), &other.bytes).assert_exact();
    stage.origin.release();
    for mut connection in waiting {
        connection.answer("GET").assert_whole(&silent.bytes);
    }
    stage.assert_unharmed();
}

fn clients_that_leave_before_an_answer_leave_nothing_behind(stage: &Stage) {
    let film = stage.film(SIZE);
    stage.origin.always(Fault::Silence);
    let waiting: Vec<_> = (0..30)
        .map(|_| {
            let mut connection = stage.gateway.connect();
            connection.send(&stage.gateway.get(&film.url()).to_bytes());
            connection
        })
        .collect();
    eventually("storage is asked", PATIENCE, || (!stage.origin.gets(&film).is_empty()).then_some(()));
    drop(waiting);
    stage.gateway.assert_at_rest();
    eventually("no request is left", PATIENCE, || {
        (stage.gateway.metric("gateway_requests_in_flight") == 0.0).then_some(())
    });
    stage.origin.recover();
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_name_that_leads_nowhere_is_503_with_the_reason_only_in_the_log() {
    let (setup, origin) = before_origin(harness::setup());
    let setup = setup.set("AWS_ENDPOINT", "http://no-such-host.invalid:8333");
    let stage = Stage { gateway: setup.start_unready(), origin, is_cached: false };
    eventually("the gateway is up", PATIENCE, || stage.gateway.readiness());
    assert_eq!(stage.gateway.readiness(), Some(503));
    let film = stage.gateway.store("film.mp4", &bytes(SIZE));
    let answer = stage.gateway.get(&film.url()).send();
    assert!(!String::from_utf8_lossy(answer.body()).contains("invalid"), "{answer:?}");
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_refused(503, "storage_unavailable");
    assert!(stage.gateway.log().contains("no-such-host.invalid"), "the reason is in the log");
}
