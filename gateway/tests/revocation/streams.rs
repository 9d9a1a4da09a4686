//! Streams in flight. Their clients take nothing more, so that they are in flight for as long as a test wants.

use crate::harness::{self, Ended, File, Gateway, PATIENCE, Request, bytes, eventually, now};

/// More than the system buffers of one connection.
const LARGE: usize = 32 << 20;

struct Stage {
    gateway: Gateway,
    content: Vec<u8>,
}

impl Stage {
    fn new() -> Self {
        Self { gateway: harness::start(), content: bytes(LARGE) }
    }

    fn film(&self, owner: &str) -> File {
        self.gateway.file("film.mp4").owner(owner).store(&self.content)
    }

    fn stream(&self, url: &str) -> harness::Download {
        let download = Request::open_with_window(self.gateway.get(url), 4096);
        assert_eq!(download.head().status(), 200);
        download
    }

    #[track_caller]
    fn await_cut(&self, count: u64) {
        let series = "gateway_broken_bodies_total{reason=\"revoked\"}";
        eventually("streams are cut", PATIENCE, || (self.gateway.series(series) >= count).then_some(()));
        assert_eq!(self.gateway.series(series), count, "no others");
    }

    #[track_caller]
    fn assert_cut(&self, mut download: harness::Download) {
        let (rest, ended) = download.rest();
        assert!(rest.len() < LARGE && ended != Ended::Open, "{} bytes, {ended:?}", rest.len());
    }

    #[track_caller]
    fn assert_whole(&self, mut download: harness::Download) {
        assert!(download.rest().0 == self.content);
    }

    /// Every change before it has been seen, by whoever it concerned.
    fn await_all_seen(&self) {
        let marker = self.film("user_marker");
        let seen = self.gateway.metric("gateway_feed_changes_total");
        self.gateway.catalog().delete(&marker);
        eventually("the feed is read", PATIENCE, || {
            (self.gateway.metric("gateway_feed_changes_total") > seen).then_some(())
        });
        eventually("its URL is refused", PATIENCE, || {
            (self.gateway.head(&marker.url()).send().status() == 404).then_some(())
        });
    }
}

#[test]
fn streams_of_a_deleted_file_are_cut_and_no_others() {
    let stage = Stage::new();
    let (film, other) = (stage.film("user_1"), stage.film("user_1"));
    let (one, two, another) = (stage.stream(&film.url()), stage.stream(&film.url()), stage.stream(&other.url()));
    stage.gateway.catalog().delete(&film);
    stage.await_cut(2);
    stage.assert_cut(one);
    stage.assert_cut(two);
    stage.assert_whole(another);
    stage.gateway.assert_unharmed();
}

#[test]
fn streams_of_a_blocked_and_of_a_deleted_user_are_cut_and_no_others() {
    let stage = Stage::new();
    let users = ["user_blocked", "user_banned", "user_gone", "user_untouched"];
    let streams = users.map(|user| stage.stream(&stage.film(user).url()));
    stage.gateway.catalog().block("user_blocked");
    stage.gateway.catalog().ban("user_banned");
    stage.gateway.catalog().delete_user("user_gone");
    stage.await_cut(3);
    let [blocked, banned, gone, untouched] = streams;
    [blocked, banned, gone].into_iter().for_each(|stream| stage.assert_cut(stream));
    stage.assert_whole(untouched);
}

#[test]
fn a_new_owner_ends_the_streams_of_the_old_one() {
    let stage = Stage::new();
    let film = stage.film("user_1");
    let stream = stage.stream(&film.url());
    stage.gateway.catalog().give(&film, "user_2");
    stage.await_cut(1);
    stage.assert_cut(stream);
}

#[test]
fn a_revocation_cuts_the_streams_of_older_urls_only() {
    let stage = Stage::new();
    let (film, line) = (stage.film("user_1"), now() - 100);
    let issued = |second: u64| stage.stream(&film.link_v2().with("iat", &second.to_string()).url());
    let (first, older, newer) = (stage.stream(&film.url()), issued(line - 1), issued(line));
    stage.gateway.catalog().revoke_file(&film, line);
    stage.await_cut(2);
    stage.assert_cut(first);
    stage.assert_cut(older);
    stage.gateway.catalog().revoke_user("user_1", line);
    stage.await_all_seen();
    stage.await_cut(2);
    stage.assert_whole(newer);
}

#[test]
fn what_does_not_end_access_cuts_nothing() {
    let stage = Stage::new();
    let film = stage.film("user_1");
    stage.gateway.catalog().block("user_2");
    let stream = stage.stream(&film.url());
    stage.gateway.catalog().unblock("user_2");
    stage.gateway.catalog().unblock("user_1");
    stage.gateway.catalog().refresh(&film);
    stage.await_all_seen();
    stage.assert_whole(stream);
    stage.await_cut(0);
}

#[test]
fn a_gateway_that_fell_behind_believes_nothing_that_it_remembered() {
    let stage = Stage::new();
    let (film, kept) = (stage.film("user_1"), stage.film("user_1"));
    stage.await_all_seen();
    assert_eq!(stage.gateway.get(&film.url()).range("bytes=0-1").send().status(), 206);
    stage.gateway.signal(rustix::process::Signal::STOP);
    stage.gateway.catalog().delete(&film);
    stage.gateway.catalog().block("user_2");
    stage.gateway.catalog().trim_changes();
    stage.gateway.signal(rustix::process::Signal::CONT);
    eventually("the gap is seen", PATIENCE, || (stage.gateway.metric("gateway_feed_gaps_total") == 1.0).then_some(()));
    eventually("the file is gone", PATIENCE, || {
        (stage.gateway.get(&film.url()).range("bytes=0-1").send().status() == 404).then_some(())
    });
    assert_eq!(stage.gateway.get(&kept.url()).range("bytes=0-1").send().status(), 206);
    stage.gateway.assert_unharmed();
}

#[test]
fn a_row_that_cannot_be_used_holds_up_no_other_change() {
    let stage = Stage::new();
    let (broken, film) = (stage.film("user_1"), stage.film("user_1"));
    let streams = [stage.stream(&broken.url()), stage.stream(&film.url())];
    stage.gateway.catalog().run("UPDATE files SET etag = '' WHERE id = $1", &[&broken.id]);
    stage.gateway.catalog().revoke_file(&broken, 1);
    stage.gateway.catalog().delete(&film);
    stage.await_cut(2);
    streams.into_iter().for_each(|stream| stage.assert_cut(stream));
    assert_eq!(stage.gateway.readiness(), Some(200));
}
