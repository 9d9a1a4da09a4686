//! What upkeep asks of the catalog.

use super::{NOW, SECOND, file, fresh, id, user};
use crate::{
    catalog::{FileRow, Kind, State, UploadRow},
    storage::Progress,
    uploads::Description,
};

const DAY: i64 = 24 * 60 * 60 * 1000;

fn upload(name: &str) -> UploadRow {
    UploadRow {
        id: id(name),
        owner: user("user_1"),
        kind: Kind::Stream,
        handle: None,
        state: State::Open,
        object_key: format!("managed/{name}"),
        declared_size: None,
        description: Description::default(),
        received: 0,
        created_at: NOW,
        expires_at: NOW + DAY,
    }
}

#[tokio::test]
async fn files_end_in_the_second_that_they_were_given() {
    let (catalog, _fresh) = fresh().await;
    for (name, expires_at) in [("a", Some(SECOND)), ("b", Some(SECOND)), ("c", Some(SECOND + 1)), ("d", None)] {
        catalog.insert(&FileRow { expires_at, ..file("user_1", name) }).await.unwrap();
    }
    assert_eq!(catalog.mark_outlived_deleted(NOW - 1000, 9).await.unwrap(), 0);
    assert_eq!(catalog.mark_outlived_deleted(NOW, 1).await.unwrap(), 1);
    assert_eq!(catalog.mark_outlived_deleted(NOW, 9).await.unwrap(), 1);
    assert_eq!(catalog.mark_outlived_deleted(NOW, 9).await.unwrap(), 0);
    let mut told = catalog.feed().await;
    told.sort();
    assert_eq!(told, [("file_deleted".into(), "a".into()), ("file_deleted".into(), "b".into())]);
    assert_eq!(catalog.deleted("", 9).await.unwrap().len(), 2);
    assert_eq!(catalog.mark_outlived_deleted(NOW + 1000, 9).await.unwrap(), 1);
}

#[tokio::test]
async fn the_owner_may_delete_an_outlived_file_before_that() {
    let (catalog, _fresh) = fresh().await;
    catalog.insert(&FileRow { expires_at: Some(SECOND), ..file("user_1", "a") }).await.unwrap();
    assert!(catalog.mark_deleted(&user("user_2"), &id("a"), NOW).await.unwrap().is_none());
    assert!(catalog.mark_deleted(&user("user_1"), &id("a"), NOW).await.unwrap().is_some());
    assert_eq!(catalog.mark_outlived_deleted(NOW, 9).await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_in_use_is_known_whatever_becomes_of_it() {
    let (catalog, _fresh) = fresh().await;
    for name in ["ready", "deleted"] {
        catalog.insert(&file("user_1", name)).await.unwrap();
    }
    catalog.mark_deleted(&user("user_1"), &id("deleted"), NOW).await.unwrap();
    for name in ["open", "ended", "gone", "finished"] {
        let _ = catalog.begin_upload(&upload(name), &Progress::default(), None).await.unwrap();
    }
    for name in ["ended", "gone"] {
        assert!(catalog.end_upload(&id(name)).await.unwrap());
    }
    catalog.upload_is_gone("gone", NOW).await.unwrap();
    let _ = catalog.finish_upload(&file("user_1", "finished"), None, None, None).await.unwrap();
    let ids = ["ready", "deleted", "open", "ended", "gone", "finished", "unknown"].map(id);
    let known = catalog.known(&ids).await.unwrap();
    let mut files: Vec<_> = known.files.iter().map(|(id, key)| format!("{id} {key}")).collect();
    files.sort();
    assert_eq!(files, ["deleted managed/deleted", "finished managed/finished", "ready managed/ready"]);
    let mut uploads: Vec<_> = known.uploads.iter().map(ToString::to_string).collect();
    uploads.sort();
    assert_eq!(uploads, ["ended", "open"]);
    assert!(catalog.known(&[]).await.unwrap().files.is_empty());
    let many: Vec<_> = (0..1000).map(|number| id(&format!("id{number}"))).collect();
    assert!(catalog.known(&many).await.unwrap().files.is_empty());
}

#[tokio::test]
async fn what_storage_must_hold_is_read_in_pages() {
    let (catalog, _fresh) = fresh().await;
    for name in ["a", "b", "c", "d"] {
        catalog.insert(&file("user_1", name)).await.unwrap();
    }
    catalog.mark_deleted(&user("user_1"), &id("b"), NOW).await.unwrap();
    let names = async |after, limit| {
        let page = catalog.promised(after, limit).await.unwrap();
        page.iter().map(|file| file.id.to_string()).collect::<String>()
    };
    assert_eq!((names("", 9).await, names("", 2).await, names("c", 9).await), ("acd".into(), "ac".into(), "d".into()));
    let one = catalog.promise_of(&id("a")).await.unwrap().unwrap();
    assert_eq!((one.object_key.as_str(), one.size, one.etag.as_str()), ("managed/a", 1 << 40, "\"abc\""));
    assert!(catalog.promise_of(&id("b")).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_chore_is_one_process_to_do_once_in_its_time() {
    let (catalog, _fresh) = fresh().await;
    let ask = async |now| {
        let asking = (0..8).map(|_| {
            let catalog = catalog.clone();
            tokio::spawn(async move { catalog.take_chore("storage", DAY, now).await.unwrap() })
        });
        let told = futures_util::future::join_all(asking).await;
        told.into_iter().filter(|mine| matches!(mine, Ok(true))).count()
    };
    for (now, told) in [(NOW, 0), (NOW, 0), (NOW + DAY - 1, 0), (NOW + DAY, 1), (NOW + DAY, 0)] {
        assert_eq!(ask(now).await, told, "{}", now - NOW);
    }
    assert!(!catalog.take_chore("other", DAY, NOW + DAY).await.unwrap(), "each has a time of its own");
    assert!(catalog.take_chore("storage", DAY / 2, NOW + DAY).await.unwrap(), "an interval that became shorter counts");
    assert!(!catalog.take_chore("storage", DAY / 2, NOW + DAY).await.unwrap());
}
