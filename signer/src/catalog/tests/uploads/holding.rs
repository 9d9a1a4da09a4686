//! One writer at a time.

use super::*;

#[tokio::test]
async fn an_upload_is_held_by_one_until_it_lets_go() {
    let (catalog, _fresh) = fresh().await;
    catalog.begun(&upload("user_1", "a", Some(10)), None).await;
    catalog.held("a", "first", NOW).await;
    assert!(matches!(catalog.holds("a", "second", NOW).await, Hold::Taken));
    catalog.held("a", "first", NOW).await;
    catalog.release_upload(&id("a"), "second").await.unwrap();
    assert!(matches!(catalog.holds("a", "second", NOW).await, Hold::Taken));
    catalog.release_upload(&id("a"), "first").await.unwrap();
    catalog.held("a", "second", NOW).await;
    assert!(matches!(catalog.holds("unknown", "second", NOW).await, Hold::Over));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_reach_for_it_at_once_one_holds_it() {
    let (catalog, _fresh) = fresh().await;
    catalog.begun(&upload("user_1", "a", Some(10)), None).await;
    let reaching = (0..8).map(|number| {
        let catalog = catalog.clone();
        tokio::spawn(async move { catalog.holds("a", &format!("holder_{number}"), NOW).await })
    });
    let held = futures_util::future::join_all(reaching).await;
    assert_eq!(held.iter().filter(|hold| matches!(hold, Ok(Hold::Yes(_)))).count(), 1);
    assert_eq!(held.iter().filter(|hold| matches!(hold, Ok(Hold::Taken))).count(), 7);
}

#[tokio::test]
async fn who_stood_still_is_displaced_and_cannot_go_forward() {
    let (catalog, _fresh) = fresh().await;
    catalog.begun(&upload("user_1", "a", Some(10)), None).await;
    catalog.held("a", "first", NOW).await;
    assert_eq!(catalog.advances(("user_1", "a"), Some("first"), 3, NOW + 5_000).await, Step::Done);
    assert!(matches!(catalog.holds("a", "second", NOW + LEASE).await, Hold::Taken), "progress holds on");
    let held = catalog.held("a", "second", NOW + 5_000 + LEASE).await;
    assert_eq!((held.progress, held.upload.received), (at(3), 3));
    assert_eq!(catalog.advances(("user_1", "a"), Some("first"), 9, NOW + 5_001 + LEASE).await, Step::Lost);
    assert_eq!(catalog.finishes(&made_of("user_1", "a", 10), Some("first"), None).await, Step::Lost);
    assert_eq!(catalog.finishes(&made_of("user_1", "a", 10), None, None).await, Step::Lost);
    let (found, _) = catalog.upload_by_handle("sha256-of-a").await.unwrap().unwrap();
    assert_eq!((found.received, found.state), (3, State::Open));
    assert_eq!(catalog.advances(("user_1", "a"), Some("second"), 4, NOW).await, Step::Done);
}

#[tokio::test]
async fn an_offset_that_was_told_never_goes_back() {
    let (catalog, _fresh) = fresh().await;
    catalog.begun(&upload("user_1", "a", Some(10)), None).await;
    catalog.held("a", "me", NOW).await;
    for (offset, step) in [(5, Step::Done), (4, Step::Lost), (5, Step::Done), (6, Step::Done)] {
        assert_eq!(catalog.advances(("user_1", "a"), Some("me"), offset, NOW).await, step, "{offset}");
    }
}

#[tokio::test]
async fn whoever_goes_on_is_given_what_was_noted_last() {
    let (catalog, _fresh) = fresh().await;
    let begun = Progress { part_bytes: 6 << 20, ..Progress::default() };
    let row = upload("user_1", "a", Some(1 << 40));
    assert_eq!(catalog.begin_upload(&row, &begun, None).await.unwrap(), Step::Done);
    assert_eq!(catalog.held("a", "me", NOW).await.progress, begun);
    let mut progress = Progress { multipart: Some("id/of+it".into()), ..begun };
    // More than go into one statement, and some steps without a new part.
    for parts in [0, 1, 1, 3, 2_345, 2_345, 2_346] {
        progress.parts = (1..=parts).map(|number| format!("\"etag-{number}\"")).collect();
        progress.offset += 1;
        let state = format!("state-{}", progress.offset);
        let step =
            Advance { holder: Some("me"), progress: &progress, hash_state: Some(&state), expires_at: NOW + HOUR };
        let advanced = catalog.advance_upload((&row.id, &row.owner), step, None, NOW).await.unwrap();
        assert_eq!(advanced, Step::Done);
        let held = catalog.held("a", "me", NOW).await;
        assert_eq!((held.progress, held.hash_state), (progress.clone(), Some(state)));
    }
    assert!(catalog.end_upload(&row.id).await.unwrap());
    catalog.upload_is_gone(row.id.as_str(), NOW).await.unwrap();
    let left = catalog.database.all(super::super::Statement::new("SELECT etag FROM upload_parts")).await.unwrap();
    assert!(left.is_empty());
}
