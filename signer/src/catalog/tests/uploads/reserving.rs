//! What is on its way counts in its owner's total.

use super::*;
use futures_util::future::join_all;

#[tokio::test]
async fn an_upload_comes_back_as_it_was_begun() {
    let (catalog, _fresh) = fresh().await;
    let mut row = upload("user_1", "a", Some(7));
    row.description.metadata = [("title".into(), "ünïcode \u{0} and \"quotes\"".into())].into();
    row.description.expires_at = Some(SECOND + 1);
    assert_eq!(catalog.begins(&row, None).await, Step::Done);
    let (found, standing) = catalog.upload_by_handle("sha256-of-a").await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{row:?}"));
    assert!(!standing.blocked && !standing.deleted);
    let found = catalog.own_upload(&user("user_1"), &id("a")).await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{row:?}"));
    assert!(catalog.own_upload(&user("user_2"), &id("a")).await.unwrap().is_none());
    assert!(catalog.upload_by_handle("sha256-of-b").await.unwrap().is_none());
}

#[tokio::test]
async fn a_handle_and_an_id_are_taken_once_and_streams_have_no_handle() {
    let (catalog, _fresh) = fresh().await;
    let begin = async |row: &UploadRow| catalog.begin_upload(row, &Progress::default(), None).await;
    assert!(begin(&upload("user_1", "a", None)).await.is_ok());
    assert!(begin(&upload("user_1", "a", None)).await.is_err());
    let same_handle = UploadRow { handle: Some("sha256-of-a".into()), ..upload("user_2", "b", None) };
    assert!(begin(&same_handle).await.is_err());
    for name in ["c", "d"] {
        assert!(begin(&stream("user_1", name, None)).await.is_ok());
    }
}

#[tokio::test]
async fn files_and_uploads_together_stay_within_the_total() {
    let (catalog, _fresh) = fresh().await;
    assert!(catalog.insert(&made_of("user_1", "stored", 30)).await.unwrap());
    let begin = async |name, size| catalog.begins(&upload("user_1", name, Some(size)), Some(100)).await;
    assert_eq!(begin("a", 50).await, Step::Done);
    assert_eq!(begin("b", 21).await, Step::NoRoom);
    assert_eq!(catalog.state("user_1", "b").await, None);
    catalog.begun(&stream("user_1", "c", None), Some(100)).await;
    assert_eq!(catalog.finishes(&made_of("user_1", "c", 21), None, Some(100)).await, Step::NoRoom);
    assert!(!catalog.has_row(&id("c")).await.unwrap());
    assert_eq!(begin("d", 20).await, Step::Done);
    assert_eq!(begin("e", 0).await, Step::Done, "an empty one adds nothing");
    assert_eq!(catalog.begins(&upload("user_2", "f", Some(100)), Some(100)).await, Step::Done);
    assert_eq!(catalog.begins(&upload("user_1", "g", Some(1 << 40)), None).await, Step::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_that_begin_at_once_never_pass_the_total() {
    let (catalog, _fresh) = fresh().await;
    let begun = join_all((0..20).map(|number| {
        let catalog = catalog.clone();
        tokio::spawn(async move {
            let row = upload("user_1", &format!("u{number}"), Some(10));
            (number, catalog.begins(&row, Some(75)).await)
        })
    }))
    .await;
    let begun: Vec<_> = begun.into_iter().map(Result::unwrap).collect();
    let admitted: Vec<_> = begun.iter().filter(|(_, step)| *step == Step::Done).map(|(number, _)| number).collect();
    assert_eq!(admitted.len(), 7);
    assert!(begun.iter().all(|(_, step)| matches!(step, Step::Done | Step::NoRoom)));
    for number in admitted {
        let file = made_of("user_1", &format!("u{number}"), 10);
        assert_eq!(catalog.finishes(&file, None, Some(75)).await, Step::Done);
    }
    assert_eq!(catalog.usage(&user("user_1")).await.unwrap(), (70, 7));
}

/// Of a size that nobody knows, what came counts: at each step, and at the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_of_unknown_size_at_once_never_pass_the_total() {
    let (catalog, _fresh) = fresh().await;
    let stored = join_all((0..20).map(|number| {
        let catalog = catalog.clone();
        tokio::spawn(async move {
            let name = format!("u{number}");
            assert_eq!(catalog.begins(&stream("user_1", &name, None), Some(100)).await, Step::Done);
            // Some have told what they received before they end, others have not.
            if number % 2 == 0 && catalog.advances(("user_1", &name), None, 9, NOW).await != Step::Done {
                return Step::NoRoom;
            }
            catalog.finishes(&made_of("user_1", &name, 9), None, Some(100)).await
        })
    }))
    .await;
    let stored: Vec<_> = stored.into_iter().map(Result::unwrap).collect();
    assert!(stored.iter().all(|step| matches!(step, Step::Done | Step::NoRoom)), "{stored:?}");
    let (bytes, files) = catalog.usage(&user("user_1")).await.unwrap();
    assert_eq!(files, stored.iter().filter(|step| **step == Step::Done).count() as u64);
    assert!((1..=11).contains(&files) && bytes == files * 9, "{files}");
}

#[tokio::test]
async fn what_a_step_would_take_too_far_is_not_noted() {
    let (catalog, _fresh) = fresh().await;
    assert_eq!(catalog.begins(&stream("user_1", "a", None), Some(100)).await, Step::Done);
    assert_eq!(catalog.begins(&stream("user_1", "b", None), Some(100)).await, Step::Done);
    assert_eq!(catalog.advances(("user_1", "a"), None, 60, NOW).await, Step::Done);
    assert_eq!(catalog.advances(("user_1", "b"), None, 41, NOW).await, Step::NoRoom);
    assert_eq!(catalog.own_upload(&user("user_1"), &id("b")).await.unwrap().unwrap().received, 0);
    assert_eq!(catalog.advances(("user_1", "b"), None, 40, NOW).await, Step::Done);
    assert!(catalog.end_upload(&id("a")).await.unwrap());
    assert_eq!(catalog.advances(("user_1", "b"), None, 100, NOW).await, Step::Done, "what ended counts no more");
}

#[tokio::test]
async fn a_size_is_declared_once_and_within_the_total() {
    let (catalog, _fresh) = fresh().await;
    assert_eq!(catalog.begins(&upload("user_1", "a", None), Some(100)).await, Step::Done);
    catalog.held("a", "me", NOW).await;
    let declare = async |holder, size| {
        let (upload, owner) = (id("a"), user("user_1"));
        catalog.declare_upload((&upload, &owner), holder, size, Some(100)).await.unwrap()
    };
    assert_eq!(declare("other", 5).await, Step::Lost);
    assert_eq!(declare("me", 101).await, Step::NoRoom);
    assert_eq!(declare("me", 100).await, Step::Done);
    assert_eq!(declare("me", 99).await, Step::Lost);
    let (found, _) = catalog.upload_by_handle("sha256-of-a").await.unwrap().unwrap();
    assert_eq!(found.declared_size, Some(100));
    assert_eq!(catalog.begins(&upload("user_1", "b", Some(1)), Some(100)).await, Step::NoRoom);
}

#[tokio::test]
async fn a_user_who_may_not_store_begins_nothing_and_goes_on_with_nothing() {
    let (catalog, _fresh) = fresh().await;
    assert_eq!(catalog.begins(&stream("user_1", "a", None), None).await, Step::Done);
    assert_eq!(catalog.begins(&upload("user_1", "b", None), None).await, Step::Done);
    catalog.block_user(&user("user_1"), NOW).await.unwrap();
    assert_eq!(catalog.begins(&stream("user_1", "c", None), Some(100)).await, Step::Blocked);
    assert_eq!(catalog.state("user_1", "c").await, None);
    assert_eq!(catalog.advances(("user_1", "a"), None, 1, NOW).await, Step::Blocked);
    assert_eq!(catalog.finishes(&made_of("user_1", "a", 1), None, None).await, Step::Blocked);
    assert_eq!(catalog.state("user_1", "a").await, Some(State::Open), "whoever was refused has to end it");
    assert!(!catalog.has_row(&id("a")).await.unwrap());
    let (_, standing) = catalog.upload_by_handle("sha256-of-b").await.unwrap().unwrap();
    assert!(standing.blocked && !standing.deleted);
    catalog.unblock_user(&user("user_1"), NOW).await.unwrap();
    assert_eq!(catalog.finishes(&made_of("user_1", "a", 1), None, None).await, Step::Done);
}
