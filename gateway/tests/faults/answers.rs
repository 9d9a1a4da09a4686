//! Storage that answers with an error (G1), of which the client learns nothing (G14).

use crate::{
    LONG, Stage, before_origin, both_ways,
    harness::{self, Fault, PATIENCE, bytes, eventually},
    outcome::Outcome,
};

const SIZE: usize = 300_000;

both_ways! {
    a_busy_answer_is_asked_again,
    storage_that_stays_busy_is_503,
    refused_credentials_are_502_and_counted,
    an_object_that_is_not_there_is_404,
    an_answer_that_makes_no_sense_is_502,
    another_version_is_502,
    an_error_in_mid_body_cuts_it,
    a_passing_error_in_mid_body_is_mended,
    head_fails_as_get_does,
}

fn a_busy_answer_is_asked_again(stage: &Stage) {
    for status in [500, 502, 503, 504, 429] {
        for times in [1, 2] {
            let film = stage.film(SIZE);
            stage.origin.next(times, Fault::Status(status));
            stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
            assert!(stage.origin.gets(&film).len() > times, "{status} x{times} was met");
        }
    }
    stage.assert_unharmed();
}

fn storage_that_stays_busy_is_503(stage: &Stage) {
    for status in [500, 503, 429] {
        let film = stage.film(SIZE);
        stage.origin.always(Fault::Status(status));
        for request in [stage.gateway.get(&film.url()), stage.gateway.get(&film.url()).range("bytes=5-")] {
            stage.outcome(request, &film.bytes).assert_refused(503, "storage_unavailable");
        }
        stage.origin.recover();
        stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
    }
    stage.assert_unharmed();
}

fn refused_credentials_are_502_and_counted(stage: &Stage) {
    const REFUSALS: &str = "gateway_refusals_total";
    for status in [401, 403] {
        let film = stage.film(SIZE);
        let before = stage.gateway.metric_where(REFUSALS, "storage_error");
        stage.origin.always(Fault::Status(status));
        stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_refused(502, "storage_error");
        assert!(stage.gateway.metric_where(REFUSALS, "storage_error") > before, "an operator has to see it");
        assert!(stage.gateway.log().contains(&status.to_string()), "the reason is in the log");
        stage.origin.recover();
        stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
    }
    stage.assert_unharmed();
}

fn an_object_that_is_not_there_is_404(stage: &Stage) {
    let film = stage.film(SIZE);
    stage.origin.always(Fault::Status(404));
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_refused(404, "not_found");
    stage.origin.recover();
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();

    let film = stage.film(SIZE);
    stage.gateway.storage().delete(&film.object_key);
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_refused(404, "not_found");
    stage.assert_unharmed();
}

fn an_answer_that_makes_no_sense_is_502(stage: &Stage) {
    for status in [204, 301, 304, 400, 405, 409, 410, 416, 418, 451, 499] {
        let film = stage.film(SIZE);
        stage.origin.always(Fault::Status(status));
        let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
        assert!(matches!(outcome, Outcome::Refused(502, _)), "{status}: {outcome:?}");
        stage.origin.recover();
        stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
    }
    stage.assert_unharmed();
}

fn another_version_is_502(stage: &Stage) {
    let film = stage.film(SIZE);
    stage.origin.always(Fault::Status(412));
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_refused(502, "storage_changed");
    stage.origin.recover();
    stage.gateway.replace_object(&film, b"other bytes");
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_refused(502, "storage_changed");
    stage.assert_unharmed();
}

fn an_error_in_mid_body_cuts_it(stage: &Stage) {
    for status in [403, 404, 412, 416, 503] {
        let film = stage.film(LONG);
        let before = stage.gateway.metric("gateway_broken_bodies_total");
        stage.origin.after(1, Fault::Status(status));
        let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
        assert!(matches!(outcome, Outcome::Cut(_)), "{status}: {outcome:?}");
        assert!(stage.gateway.metric("gateway_broken_bodies_total") > before, "an operator has to see it");
        stage.origin.recover();
        stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
    }
    stage.assert_unharmed();
}

fn a_passing_error_in_mid_body_is_mended(stage: &Stage) {
    for status in [500, 503, 429] {
        let film = stage.film(2 << 20);
        let mut count = 0;
        stage.origin.plan(move |_| {
            count += 1;
            (count % 2 == 0).then_some(Fault::Status(status))
        });
        stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_exact();
    }
    stage.assert_unharmed();
}

fn head_fails_as_get_does(stage: &Stage) {
    for (status, wanted) in [(503, 503), (403, 502), (404, 404), (412, 502)] {
        let film = stage.film(SIZE);
        stage.origin.always(Fault::Status(status));
        let head = stage.gateway.head(&film.url()).send();
        assert_eq!((head.status(), head.body()), (wanted, &b""[..]), "{status}");
        head.assert_error_headers();
    }
    stage.assert_unharmed();
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn credentials_that_storage_itself_refuses_are_502_and_unready() {
    let (setup, origin) = before_origin(harness::setup().set("AWS_SECRET_ACCESS_KEY", "not the right one"));
    let stage = Stage { gateway: setup.start_unready(), origin, is_cached: false };
    eventually("the gateway is up", PATIENCE, || stage.gateway.readiness());
    let film = stage.gateway.store("film.mp4", &bytes(SIZE));
    stage.outcome(stage.gateway.get(&film.url()), &film.bytes).assert_refused(502, "storage_error");
    assert_eq!(stage.gateway.readiness(), Some(503));
    assert!(stage.gateway.log().contains("SignatureDoesNotMatch"), "the reason is in the log");
    assert_eq!(stage.gateway.exited(), None);
}

#[test]
#[ignore = "needs S3: TEST_STORAGE_URL"]
fn a_bucket_that_is_not_there_is_unready_and_told_to_nobody() {
    let (setup, origin) = before_origin(harness::setup().set("STORAGE_URL", "s3://no-such-bucket/prefix"));
    let stage = Stage { gateway: setup.start_unready(), origin, is_cached: false };
    eventually("the gateway is up", PATIENCE, || stage.gateway.readiness());
    let film = stage.gateway.store("film.mp4", &bytes(SIZE));
    let outcome = stage.outcome(stage.gateway.get(&film.url()), &film.bytes);
    assert!(matches!(outcome, Outcome::Refused(404 | 502, _)), "{outcome:?}");
    assert_eq!(stage.gateway.readiness(), Some(503));
}
