//! Objects that become files, and what is said of files later.

use super::{NOW, SECOND, file, fresh, id, user};
use crate::catalog::{Candidate, Description, FileRow, Registered};
use proto::etag::ETag;
use std::collections::BTreeMap;

fn found(registered: Registered) -> FileRow {
    match registered {
        Registered::File { row, .. } => *row,
        refused => panic!("{refused:?}"),
    }
}

fn candidate(file: FileRow) -> Candidate {
    Candidate { file, given: Description::default(), keeps_id: false }
}

/// One whose links are there already.
fn linked(owner: &str, id: &str, object_key: &str) -> Candidate {
    Candidate { keeps_id: true, ..candidate(FileRow { object_key: object_key.into(), ..file(owner, id) }) }
}

/// The same object, read again under another id.
fn again(owner: &str, fresh_id: &str) -> FileRow {
    FileRow { object_key: "videos/a".into(), ..file(owner, fresh_id) }
}

#[tokio::test]
async fn the_same_object_and_owner_is_the_same_file() {
    let (catalog, _fresh) = fresh().await;
    let first = found(catalog.register(&candidate(again("user_1", "a")), NOW).await.unwrap());
    let second = found(catalog.register(&candidate(again("user_1", "b")), NOW).await.unwrap());
    assert_eq!((first.id.as_str(), second.id.as_str()), ("a", "a"));
    assert_eq!(second.sha256.as_deref(), Some("00ff"), "the same bytes have the same hash");
    assert!(catalog.feed().await.is_empty(), "its bytes are the same");
    let mut other = again("user_1", "c");
    (other.size, other.etag) = (7, ETag::from_storage("\"other\"").unwrap());
    let given = Description { job_id: Some("j".into()), metadata: Some(BTreeMap::new()), ..Description::default() };
    let third = found(catalog.register(&Candidate { given, ..candidate(other) }, NOW).await.unwrap());
    assert_eq!((third.id.as_str(), third.size, third.sha256.as_deref()), ("a", 7, None));
    assert_eq!((third.filename.as_str(), third.job_id.as_deref(), third.metadata.len()), ("film é.mp4", Some("j"), 0));
    assert_eq!(catalog.feed().await, [("file_changed".into(), "a".into())]);
}

#[tokio::test]
async fn an_object_has_one_owner() {
    let (catalog, _fresh) = fresh().await;
    let register = async |file| catalog.register(&candidate(file), NOW).await.unwrap();
    register(again("user_1", "a")).await;
    assert!(matches!(register(again("user_2", "b")).await, Registered::Taken));
    catalog.mark_deleted(&user("user_1"), &id("a"), NOW).await.unwrap();
    assert!(matches!(register(again("user_1", "c")).await, Registered::Taken));
    catalog.remove("a").await.unwrap();
    assert_eq!(found(register(again("user_2", "d")).await).id.as_str(), "d");
}

#[tokio::test]
async fn a_blocked_user_registers_nothing() {
    let (catalog, _fresh) = fresh().await;
    catalog.block_user(&user("user_1"), NOW).await.unwrap();
    let refused = catalog.register(&candidate(again("user_1", "a")), NOW).await.unwrap();
    assert!(matches!(refused, Registered::Barred) && !catalog.has_row(&id("a")).await.unwrap());
}

#[tokio::test]
async fn an_id_that_links_name_is_kept_or_refused() {
    let (catalog, _fresh) = fresh().await;
    let register = async |owner, id, key| catalog.register(&linked(owner, id, key), NOW).await.unwrap();
    assert_eq!(found(register("user_1", "a", "videos/a").await).id.as_str(), "a");
    assert_eq!(found(register("user_1", "a", "videos/a").await).id.as_str(), "a");
    assert!(matches!(register("user_1", "a", "videos/b").await, Registered::IdTaken));
    assert!(matches!(register("user_1", "b", "videos/a").await, Registered::Known(known) if known == id("a")));
    catalog.mark_deleted(&user("user_1"), &id("a"), NOW).await.unwrap();
    assert!(matches!(register("user_1", "a", "videos/b").await, Registered::IdTaken), "its links may be about");
}

#[tokio::test]
async fn of_many_each_is_told_in_its_place_and_one_refusal_holds_up_no_other() {
    let (catalog, _fresh) = fresh().await;
    catalog.register(&linked("user_2", "theirs", "c"), NOW).await.unwrap();
    catalog.register(&linked("user_1", "known", "d"), NOW).await.unwrap();
    catalog.block_user(&user("user_3"), NOW).await.unwrap();
    let mut refreshed = linked("user_1", "known", "d");
    refreshed.file.size = 7;
    let many = [
        linked("user_1", "z", "z"),
        linked("user_1", "c", "c"),
        refreshed,
        linked("user_3", "barred", "b"),
        linked("user_1", "theirs", "e"),
        linked("user_1", "z", "z"),
    ];
    let names = |all: Vec<Registered>| {
        all.iter().map(|one| format!("{one:?}").split([' ', '(']).next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let expected = ["File", "Taken", "File", "Barred", "IdTaken", "File"];
    assert_eq!(names(catalog.register_all(&many, NOW, false).await.unwrap()), expected);
    assert!(!catalog.has_row(&id("z")).await.unwrap(), "nothing was kept");
    let told = catalog.feed().await;
    let registered = catalog.register_all(&many, NOW, true).await.unwrap();
    assert!(matches!(registered[0], Registered::File { is_new: true, .. }));
    assert!(matches!(registered[5], Registered::File { is_new: false, .. }));
    assert_eq!(names(registered), expected);
    assert!(catalog.has_row(&id("z")).await.unwrap() && !catalog.has_row(&id("barred")).await.unwrap());
    assert_eq!(catalog.feed().await[told.len()..], [("file_changed".into(), "known".into())]);
}

#[tokio::test]
async fn a_file_is_described_anew_by_its_owner_only() {
    let (catalog, _fresh) = fresh().await;
    let mut row = file("user_1", "a");
    row.expires_at = Some(SECOND + 1);
    catalog.insert(&row).await.unwrap();
    let metadata = BTreeMap::from([("b".to_owned(), "2".to_owned())]);
    let describe = async |owner: &str, now| {
        catalog.describe(&user(owner), &id("a"), (Some("new"), Some(&metadata)), now).await.unwrap()
    };
    assert!(describe("user_2", NOW).await.is_none() && describe("user_1", NOW + 1000).await.is_none());
    let changed = describe("user_1", NOW).await.unwrap();
    assert_eq!((changed.filename.as_str(), &changed.metadata, changed.size), ("new", &metadata, row.size));
    let kept = catalog.describe(&user("user_1"), &id("a"), (None, None), NOW).await.unwrap().unwrap();
    assert_eq!((kept.filename.as_str(), &kept.metadata), ("new", &metadata));
    assert_eq!(catalog.feed().await, [("file_changed".into(), "a".into())], "gateways know it by its old name");
}

#[tokio::test]
async fn many_are_looked_up_at_once_and_only_ones_own() {
    let (catalog, _fresh) = fresh().await;
    for (owner, name) in [("user_1", "a"), ("user_1", "b"), ("user_2", "c")] {
        catalog.insert(&file(owner, name)).await.unwrap();
    }
    let ids: Vec<_> = ["b", "c", "nothing", "a", "b"].into_iter().map(id).collect();
    let mut rows = catalog.own_files(&user("user_1"), &ids, SECOND).await.unwrap();
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(catalog.own_files(&user("user_1"), &[], SECOND).await.unwrap().is_empty());
    let hundred: Vec<_> = (0..100).map(|number| id(&format!("f{number}"))).collect();
    assert!(catalog.own_files(&user("user_1"), &hundred, SECOND).await.unwrap().is_empty());
}

#[tokio::test]
async fn usage_is_the_sum_of_ready_files() {
    let (catalog, _fresh) = fresh().await;
    assert_eq!(catalog.usage(&user("user_1")).await.unwrap(), (0, 0));
    for name in ["a", "b", "c"] {
        catalog.insert(&file("user_1", name)).await.unwrap();
    }
    catalog.mark_deleted(&user("user_1"), &id("c"), NOW).await.unwrap();
    assert_eq!(catalog.usage(&user("user_1")).await.unwrap(), (2 << 40, 2));
    assert_eq!(catalog.usage(&user("user_2")).await.unwrap(), (0, 0));
}
