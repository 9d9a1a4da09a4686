//! What a stream makes of the changes that it did not see come, and what is known of a file while nobody can be asked.

use super::{BELIEVED, Catalog, Feed, Found, Key, Touched, Watch, feed::Outcome};
use crate::response::Described;
use proto::{
    catalog::{FileEntry, UserStanding},
    etag::ETag,
    keys::KeyRing,
    signed_url::{Grant, sign_v1, verify},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const NOW: u64 = 1_800_000_000;

fn feed() -> Arc<Feed> {
    Arc::new(Feed::new(Duration::from_secs(300)))
}

fn grant() -> Grant {
    let keys = KeyRing::from_settings(Some(&"k".repeat(32)), None, false).unwrap();
    let target = sign_v1(&keys, &"file".parse().unwrap(), &"user".parse().unwrap(), NOW + 9);
    let (path, query) = target.split_once('?').unwrap();
    verify(path, query, &keys, NOW, 0).unwrap()
}

fn entry() -> FileEntry {
    FileEntry {
        owner: "user".parse().unwrap(),
        object_key: "managed/file".into(),
        filename: "film.mp4".into(),
        content_type: "video/mp4".into(),
        size: 9,
        etag: ETag::from_storage("\"abc\"").unwrap(),
        modified_at: NOW,
        ready: true,
        expires_at: Some(NOW),
        urls_revoked_before: None,
    }
}

fn watch(feed: &Arc<Feed>) -> Watch {
    Watch::new(Arc::clone(feed), grant(), Arc::new(Described::new(entry())), feed.generation())
}

fn of_file(id: &str, entry: Option<FileEntry>) -> Vec<Outcome> {
    vec![Outcome::File(id.parse().unwrap(), entry)]
}

#[test]
fn a_stream_hears_of_its_own_file_and_user_only() {
    let (feed, blocked) = (feed(), UserStanding { blocked: true, ..UserStanding::default() });
    let (mut file, mut user) = (watch(&feed), watch(&feed));
    feed.tell(of_file("other", None));
    feed.tell(vec![Outcome::User("other".parse().unwrap(), blocked)]);
    feed.tell(of_file("file", Some(entry())));
    assert!(!file.is_over() && !user.is_over());
    feed.tell(vec![Outcome::User("user".parse().unwrap(), blocked)]);
    assert!(user.is_over());
    let mut late = watch(&feed);
    feed.tell(of_file("file", None));
    assert!(late.is_over() && file.is_over());
    assert!(!watch(&feed).is_over(), "it was admitted after all of that");
}

#[test]
fn a_stream_that_cannot_know_what_it_missed_is_over() {
    let feed = feed();
    let (mut behind, mut beside) = (watch(&feed), watch(&feed));
    for _ in 0..10_000 {
        feed.tell(of_file("other", None));
    }
    assert!(!beside.is_over());
    feed.tell(of_file("other", None));
    assert!(behind.is_over() && !beside.is_over());
    feed.tell_of_a_gap();
    assert!(beside.is_over());
}

#[test]
fn who_keeps_files_learns_which_to_look_at() {
    let feed = feed();
    let (seen, touched) = feed.touched_since(0);
    assert_eq!(touched, Touched::Files(Vec::new()));
    feed.tell(of_file("file", None));
    let (seen, touched) = feed.touched_since(seen);
    assert_eq!(touched, Touched::Files(vec!["file".parse().unwrap()]));
    feed.tell_of_a_gap();
    let (seen, touched) = feed.touched_since(seen);
    assert_eq!((touched, feed.touched_since(seen).1), (Touched::Any, Touched::Files(Vec::new())));
}

#[test]
fn a_feed_is_current_for_two_seconds_and_in_grace_for_as_long_as_was_set() {
    let (feed, strict, now) = (feed(), Feed::new(Duration::ZERO), Instant::now());
    assert!(!feed.is_current(now) && !feed.is_in_grace(now) && feed.is_silent(now), "nothing was read yet");
    feed.was_read(now);
    let after = |milliseconds: u64| now + Duration::from_millis(milliseconds);
    assert!(feed.is_current(after(1_900)) && !feed.is_current(after(2_000)));
    assert!(!feed.is_silent(after(4_900)) && feed.is_silent(after(5_000)));
    assert!(feed.is_in_grace(after(299_900)) && !feed.is_in_grace(after(300_000)));
    assert!(!strict.vouches(now), "nothing was read yet");
    strict.was_read(now);
    assert!(strict.vouches(after(1_900)) && !strict.vouches(after(2_000)) && feed.vouches(after(299_900)));
}

/// Whose database is away, and which found the file a little longer ago than is believed.
fn catalog_without_database(grace: Duration, now: Instant) -> (Catalog, Key) {
    let catalog = Catalog::open(&"sqlite:///nowhere/catalog.db".parse().unwrap(), grace).unwrap();
    catalog.feed.was_read(now);
    let (file, key): (_, Key) = (Described::new(entry()), ("file".parse().unwrap(), "user".parse().unwrap()));
    let asked = now.checked_sub(BELIEVED + Duration::from_secs(1));
    let found = Found { file: Some(Arc::new(file)), user: UserStanding::default(), asked };
    catalog.found.insert(key.clone(), found);
    (catalog, key)
}

#[tokio::test]
async fn who_asks_again_in_vain_and_who_comes_meanwhile_have_what_is_known() {
    let now = Instant::now() + BELIEVED * 2;
    let (catalog, key) = catalog_without_database(Duration::from_secs(300), now);
    let taken = catalog.turns.take(&key).unwrap();
    assert!(catalog.find(&grant(), now).await.unwrap().file.is_some(), "another one is asking");
    drop(taken);
    for _ in 0..2 {
        assert!(catalog.find(&grant(), now).await.unwrap().file.is_some(), "asked in vain");
    }
    assert!(catalog.turns.take(&key).is_some(), "and gave the turn back");
}

#[tokio::test]
async fn without_grace_what_is_known_and_old_is_no_answer() {
    let now = Instant::now() + BELIEVED * 2;
    let (catalog, _) = catalog_without_database(Duration::ZERO, now);
    assert!(catalog.find(&grant(), now).await.is_err());
}

#[tokio::test]
async fn what_was_asked_for_before_all_was_forgotten_is_not_remembered() {
    let (catalog, key) = catalog_without_database(Duration::ZERO, Instant::now());
    let (found, before) = (catalog.found.get(&key).unwrap(), catalog.feed.generation());
    catalog.remember(&key, found.clone(), before);
    assert!(catalog.found.get(&key).is_some());
    catalog.forget_all();
    catalog.feed.tell_of_a_gap();
    catalog.forget_all();
    catalog.remember(&key, found, before);
    assert!(catalog.found.get(&key).is_none(), "its answer was on the way meanwhile");
}
