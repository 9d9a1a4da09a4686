//! An upload ends without a file.

use super::*;

const DAY: i64 = 24 * HOUR;

async fn ended(catalog: &Catalog) -> Vec<String> {
    let ended = catalog.ended_uploads("", 9).await.unwrap();
    ended.into_iter().map(|(id, key)| format!("{id} {key}")).collect()
}

#[tokio::test]
async fn what_nobody_goes_on_with_expires_and_counts_no_more() {
    let (catalog, _fresh) = fresh().await;
    catalog.begun(&upload("user_1", "a", Some(100)), Some(100)).await;
    assert_eq!(catalog.expire_uploads(NOW + HOUR - 1, 9).await.unwrap(), 0);
    assert_eq!(catalog.expire_uploads(NOW + HOUR, 9).await.unwrap(), 1);
    assert_eq!(catalog.state("user_1", "a").await, Some(State::Expired));
    assert!(matches!(catalog.holds("a", "me", NOW).await, Hold::Over));
    assert_eq!(catalog.finishes(&made_of("user_1", "a", 100), None, None).await, Step::Lost);
    assert_eq!(catalog.begins(&upload("user_1", "b", Some(100)), Some(100)).await, Step::Done);
}

/// Clean-up that comes while somebody resumes takes nothing from them.
#[tokio::test]
async fn what_is_being_written_does_not_expire() {
    let (catalog, _fresh) = fresh().await;
    catalog.begun(&upload("user_1", "a", Some(10)), None).await;
    let last = NOW + HOUR - 1;
    catalog.held("a", "me", last).await;
    assert_eq!(catalog.expire_uploads(last + LEASE - 1, 9).await.unwrap(), 0);
    assert_eq!(catalog.advances(("user_1", "a"), Some("me"), 1, last + LEASE - 1).await, Step::Done);
    catalog.release_upload(&id("a"), "me").await.unwrap();
    assert_eq!(catalog.expire_uploads(last + LEASE, 9).await.unwrap(), 0, "progress moves the end on");
    assert_eq!(catalog.expire_uploads(last + LEASE - 1 + HOUR, 9).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_past_its_time_cannot_be_taken_up_again() {
    let (catalog, _fresh) = fresh().await;
    catalog.begun(&upload("user_1", "a", Some(10)), None).await;
    assert!(matches!(catalog.holds("a", "me", NOW + HOUR).await, Hold::Over));
    catalog.held("a", "me", NOW + HOUR - 1).await;
    catalog.held("a", "me", NOW + HOUR).await;
}

#[tokio::test]
async fn an_end_is_found_until_storage_holds_nothing_of_it() {
    let (catalog, _fresh) = fresh().await;
    for row in [upload("user_1", "a", None), stream("user_1", "b", None), stream("user_1", "c", None)] {
        catalog.begun(&row, None).await;
    }
    assert!(ended(&catalog).await.is_empty());
    for name in ["a", "b"] {
        assert!(catalog.end_upload(&id(name)).await.unwrap());
        assert!(!catalog.end_upload(&id(name)).await.unwrap());
    }
    assert_eq!(ended(&catalog).await, ["a managed/a", "b managed/b"]);
    assert_eq!(catalog.ended_uploads("a", 9).await.unwrap().len(), 1);
    assert_eq!(catalog.ended_uploads("", 1).await.unwrap().len(), 1);
    for name in ["a", "b", "c"] {
        catalog.upload_is_gone(name, NOW).await.unwrap();
    }
    assert!(ended(&catalog).await.is_empty());
    let states = [catalog.state("user_1", "a").await, catalog.state("user_1", "b").await];
    assert_eq!(states, [Some(State::Expired), None], "who has its URL is told for a day");
    assert_eq!(catalog.state("user_1", "c").await, Some(State::Open), "what is not ended does not go");
    assert_eq!(catalog.forget_uploads(NOW + DAY - 1).await.unwrap(), 0);
    assert_eq!(catalog.forget_uploads(NOW + DAY).await.unwrap(), 1);
    assert_eq!(catalog.state("user_1", "a").await, None);
}

#[tokio::test]
async fn one_that_was_taken_back_is_as_if_it_had_never_been() {
    let (catalog, _fresh) = fresh().await;
    catalog.begun(&upload("user_1", "a", None), None).await;
    catalog.remove_upload(&id("a")).await.unwrap();
    assert_eq!(catalog.state("user_1", "a").await, Some(State::Open), "it is not over yet");
    catalog.end_upload(&id("a")).await.unwrap();
    catalog.remove_upload(&id("a")).await.unwrap();
    assert!(catalog.upload_by_handle("sha256-of-a").await.unwrap().is_none());
    assert!(ended(&catalog).await.is_empty());
}

#[tokio::test]
async fn all_uploads_of_a_user_end_together() {
    let (catalog, _fresh) = fresh().await;
    for (owner, name) in [("user_1", "a"), ("user_1", "b"), ("user_1", "c"), ("user_2", "d")] {
        catalog.begun(&upload(owner, name, None), None).await;
    }
    assert_eq!(catalog.finishes(&made_of("user_1", "c", 1), None, None).await, Step::Done);
    catalog.held("a", "me", NOW).await;
    assert_eq!(catalog.end_uploads_of(&user("user_1")).await.unwrap(), 2);
    assert_eq!(ended(&catalog).await, ["a managed/a", "b managed/b"]);
    assert_eq!(catalog.advances(("user_1", "a"), Some("me"), 1, NOW).await, Step::Lost);
    assert_eq!(catalog.state("user_2", "d").await, Some(State::Open));
}
