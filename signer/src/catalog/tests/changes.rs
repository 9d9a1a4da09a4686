//! The `changes` feed.

use super::{NOW, file, fresh, id, user};
use crate::catalog::{changes::Change, database::Statement};

#[tokio::test]
async fn what_ends_access_is_told_in_its_order() {
    let (catalog, _fresh) = fresh().await;
    catalog.insert(&file("user_1", "a")).await.unwrap();
    catalog.insert(&file("user_1", "b")).await.unwrap();
    assert!(catalog.feed().await.is_empty());
    catalog.revoke_file_urls(&user("user_1"), &id("a"), NOW).await.unwrap();
    catalog.mark_deleted(&user("user_1"), &id("b"), NOW).await.unwrap();
    catalog.block_user(&user("user_1"), NOW).await.unwrap();
    catalog.unblock_user(&user("user_1"), NOW).await.unwrap();
    catalog.revoke_user_urls(&user("user_2"), NOW).await.unwrap();
    let told: Vec<_> = catalog.feed().await;
    let told: Vec<_> = told.iter().map(|(kind, subject)| (kind.as_str(), subject.as_str())).collect();
    let expected = [
        ("file_revoked", "a"),
        ("file_deleted", "b"),
        ("user_blocked", "user_1"),
        ("user_unblocked", "user_1"),
        ("user_revoked", "user_2"),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_was_not_done_is_not_told() {
    let (catalog, _fresh) = fresh().await;
    catalog.insert(&file("user_1", "a")).await.unwrap();
    catalog.mark_deleted(&user("user_2"), &id("a"), NOW).await.unwrap();
    catalog.revoke_file_urls(&user("user_2"), &id("a"), NOW).await.unwrap();
    let mut dropped = catalog.database.begin().await.unwrap();
    dropped.append(Change::FileDeleted(&id("a")), NOW).await.unwrap();
    drop(dropped);
    catalog.block_user(&user("user_1"), NOW).await.unwrap();
    assert_eq!(catalog.feed().await, [("user_blocked".into(), "user_1".into())]);
}

/// A writer that began first and commits last must not hide behind the number of one that was faster.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_that_goes_by_numbers_misses_nothing_of_many_writers() {
    const WRITERS: usize = 6;
    const EACH: usize = 20;
    let (catalog, _fresh) = fresh().await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let catalog = catalog.clone();
            tokio::spawn(async move {
                for turn in 0..EACH {
                    // On SQLite one may be passed over by the others for as long as is waited for a turn.
                    let mut turns = 0..10;
                    let mut transaction = loop {
                        match catalog.database.begin().await {
                            Ok(begun) => break begun,
                            Err(error) => assert!(turns.next().is_some(), "{error:?}"),
                        }
                    };
                    let user = user(&format!("user_{writer}_{turn}"));
                    transaction.append(Change::UserBlocked(&user), NOW).await.unwrap();
                    tokio::task::yield_now().await;
                    transaction.commit().await.unwrap();
                }
            })
        })
        .collect();
    let (mut last, mut seen) = (0, 0);
    while seen < WRITERS * EACH {
        let statement = Statement::new("SELECT seq FROM changes WHERE seq > $1 ORDER BY seq LIMIT 7").bind(last);
        for row in catalog.database.all(statement).await.unwrap() {
            let seq: i64 = row.get("seq").unwrap();
            assert_eq!(seq, last + 1, "a number was skipped");
            (last, seen) = (seq, seen + 1);
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(catalog.feed().await.len(), WRITERS * EACH);
}

#[tokio::test]
async fn old_changes_go_and_the_numbers_go_on() {
    let (catalog, _fresh) = fresh().await;
    for (turn, name) in ["a", "b", "c"].into_iter().enumerate() {
        catalog.block_user(&user(name), NOW + i64::try_from(turn).unwrap()).await.unwrap();
    }
    assert_eq!(catalog.trim_changes(NOW).await.unwrap(), 0);
    assert_eq!(catalog.trim_changes(NOW + 1).await.unwrap(), 1);
    assert_eq!(catalog.trim_changes(NOW + 9).await.unwrap(), 1);
    assert_eq!(catalog.feed().await, [("user_blocked".into(), "c".into())]);
    catalog.block_user(&user("d"), NOW).await.unwrap();
    let rows = catalog.database.all(Statement::new("SELECT seq FROM changes ORDER BY seq")).await.unwrap();
    let numbers: Vec<i64> = rows.iter().map(|row| row.get("seq").unwrap()).collect();
    assert_eq!(numbers, [3, 4]);
}
