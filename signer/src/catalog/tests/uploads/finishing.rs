//! An upload becomes a file, whole or not at all.

use super::*;
use crate::{
    catalog::Statement,
    idempotency::{Answered, Key},
};

#[tokio::test]
async fn an_upload_in_one_request_becomes_the_file_and_is_no_more() {
    let (catalog, _fresh) = fresh().await;
    catalog.begun(&stream("user_1", "a", None), None).await;
    let file = made_of("user_1", "a", 10);
    assert_eq!(catalog.finishes(&file, None, Some(10)).await, Step::Done);
    assert_eq!(catalog.state("user_1", "a").await, None);
    let found = catalog.own_file(&user("user_1"), &id("a"), SECOND).await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{file:?}"));
    assert_eq!(catalog.finishes(&file, None, None).await, Step::Lost);
}

#[tokio::test]
async fn one_with_a_url_tells_of_its_end_until_it_expires() {
    let (catalog, _fresh) = fresh().await;
    catalog.begun(&upload("user_1", "a", None), None).await;
    catalog.held("a", "me", NOW).await;
    assert_eq!(catalog.finishes(&made_of("user_1", "a", 10), Some("me"), Some(10)).await, Step::Done);
    let (found, _) = catalog.upload_by_handle("sha256-of-a").await.unwrap().unwrap();
    assert_eq!((found.state, found.received, found.declared_size), (State::Finished, 10, Some(10)));
    assert!(matches!(catalog.holds("a", "me", NOW).await, Hold::Over));
    assert_eq!(catalog.advances(("user_1", "a"), Some("me"), 11, NOW).await, Step::Lost);
    assert!(!catalog.end_upload(&id("a")).await.unwrap());
    assert_eq!(catalog.expire_uploads(i64::MAX, 9).await.unwrap(), 0);
    assert_eq!(catalog.forget_uploads(found.expires_at - 1).await.unwrap(), 0);
    assert_eq!(catalog.forget_uploads(found.expires_at).await.unwrap(), 1);
    assert!(catalog.has_row(&id("a")).await.unwrap());
}

#[tokio::test]
async fn the_bytes_of_one_that_finishes_count_once() {
    let (catalog, _fresh) = fresh().await;
    catalog.begun(&upload("user_1", "a", Some(60)), Some(100)).await;
    catalog.begun(&upload("user_1", "b", Some(40)), Some(100)).await;
    assert_eq!(catalog.finishes(&made_of("user_1", "a", 60), None, Some(100)).await, Step::Done);
    assert_eq!(catalog.begins(&upload("user_1", "c", Some(1)), Some(100)).await, Step::NoRoom);
    assert_eq!(catalog.finishes(&made_of("user_1", "b", 41), None, Some(100)).await, Step::NoRoom);
    assert!(!catalog.has_row(&id("b")).await.unwrap());
    assert_eq!(catalog.state("user_1", "b").await, Some(State::Open), "as it was");
    assert_eq!(catalog.finishes(&made_of("user_1", "b", 40), None, Some(100)).await, Step::Done);
}

#[tokio::test]
async fn a_step_that_fails_undoes_those_before_it() {
    let (catalog, _fresh) = fresh().await;
    catalog.begun(&upload("user_1", "a", None), None).await;
    catalog.held("a", "me", NOW).await;
    let run = async |statement| catalog.database.execute(Statement::new(statement)).await.unwrap();
    run("ALTER TABLE files RENAME TO files_away").await;
    assert!(catalog.finish_upload(&made_of("user_1", "a", 1), Some("me"), None, None).await.is_err());
    run("ALTER TABLE files_away RENAME TO files").await;
    assert_eq!(catalog.state("user_1", "a").await, Some(State::Open));
    assert_eq!(catalog.finishes(&made_of("user_1", "a", 1), Some("me"), None).await, Step::Done);
}

#[tokio::test]
async fn the_answer_is_kept_with_the_file_or_not_at_all() {
    let (catalog, _fresh) = fresh().await;
    let key = Key { scope: "user_1".into(), key: "k".into() };
    let answered = Answered { key: key.clone(), file_id: "a".into(), answer: "{}".into() };
    catalog.claim(&key, "same", NOW).await.unwrap();
    catalog.begun(&stream("user_1", "a", None), None).await;
    let finish = async |size, total| {
        let file = made_of("user_1", "a", size);
        catalog.finish_upload(&file, None, total, Some(&answered)).await.unwrap()
    };
    assert_eq!(finish(11, Some(10)).await, Step::NoRoom);
    catalog.block_user(&user("user_1"), NOW).await.unwrap();
    assert_eq!(finish(10, Some(10)).await, Step::Blocked);
    catalog.unblock_user(&user("user_1"), NOW).await.unwrap();
    assert_eq!(catalog.claim(&key, "same", NOW).await.unwrap(), crate::catalog::Claim::UnderWay);
    assert_eq!(finish(10, Some(10)).await, Step::Done);
    assert_eq!(catalog.claim(&key, "same", NOW).await.unwrap(), crate::catalog::Claim::Answered("{}".into()));
}

/// Two replicas, each with the whole object.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_that_finish_at_once_one_does() {
    let (catalog, _fresh) = fresh().await;
    let presigned = UploadRow { kind: Kind::Presigned, ..upload("user_1", "a", Some(10)) };
    catalog.begun(&presigned, None).await;
    let finishing = (0..4).map(|_| {
        let catalog = catalog.clone();
        tokio::spawn(async move { catalog.finishes(&made_of("user_1", "a", 10), None, Some(10)).await })
    });
    let finished = futures_util::future::join_all(finishing).await;
    assert_eq!(finished.iter().filter(|step| matches!(step, Ok(Step::Done))).count(), 1);
    assert_eq!(finished.iter().filter(|step| matches!(step, Ok(Step::Lost))).count(), 3);
    assert_eq!(catalog.state("user_1", "a").await, Some(State::Finished));
}
