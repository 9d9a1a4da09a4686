//! The `files` table.

use super::{NOW, SECOND, file, fresh, id, user};
use crate::catalog::{Page, Position};

fn page(limit: u32) -> Page {
    Page { limit, ..Page::default() }
}

#[tokio::test]
async fn a_file_comes_back_as_it_was_stored() {
    let (catalog, _fresh) = fresh().await;
    assert!(catalog.is_empty().await.unwrap());
    let mut row = file("user_1", "a");
    row.job_id = Some("job".into());
    row.expires_at = Some(SECOND + 1);
    assert!(catalog.insert(&row).await.unwrap());
    let found = catalog.own_file(&user("user_1"), &id("a"), SECOND).await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{row:?}"));
    assert!(!catalog.is_empty().await.unwrap() && catalog.has_row(&id("a")).await.unwrap());
    assert!(!catalog.has_row(&id("A")).await.unwrap());
}

#[tokio::test]
async fn a_file_is_its_owners_until_it_expires() {
    let (catalog, _fresh) = fresh().await;
    let mut row = file("user_1", "a");
    row.expires_at = Some(SECOND + 1);
    catalog.insert(&row).await.unwrap();
    assert!(catalog.own_file(&user("user_2"), &id("a"), SECOND).await.unwrap().is_none());
    assert!(catalog.own_file(&user("user_1"), &id("a"), SECOND + 1).await.unwrap().is_none());
    assert!(catalog.list(&user("user_1"), &page(9), SECOND + 1).await.unwrap().is_empty());
    assert!(catalog.list(&user("user_2"), &page(9), SECOND).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_id_and_an_object_are_taken_once() {
    let (catalog, _fresh) = fresh().await;
    assert!(catalog.insert(&file("user_1", "a")).await.unwrap());
    assert!(catalog.insert(&file("user_2", "a")).await.is_err());
    let mut same_object = file("user_2", "b");
    same_object.object_key = "managed/a".into();
    assert!(catalog.insert(&same_object).await.is_err());
    assert!(!catalog.has_row(&id("b")).await.unwrap());
}

#[tokio::test]
async fn a_user_who_may_not_store_gets_no_row() {
    let (catalog, _fresh) = fresh().await;
    catalog.block_user(&user("user_1"), NOW).await.unwrap();
    assert!(!catalog.insert(&file("user_1", "a")).await.unwrap());
    assert!(!catalog.has_row(&id("a")).await.unwrap());
    catalog.unblock_user(&user("user_1"), NOW).await.unwrap();
    assert!(catalog.insert(&file("user_1", "a")).await.unwrap());
}

#[tokio::test]
async fn a_listing_is_newest_first_and_goes_on_behind_a_position() {
    let (catalog, _fresh) = fresh().await;
    for (name, created_at) in [("a", NOW), ("b", NOW), ("c", NOW + 1), ("d", NOW - 1)] {
        let mut row = file("user_1", name);
        row.created_at = created_at;
        catalog.insert(&row).await.unwrap();
    }
    let names = async |page: Page| {
        let rows = catalog.list(&user("user_1"), &page, SECOND).await.unwrap();
        rows.iter().map(|row| row.id.to_string()).collect::<String>()
    };
    assert_eq!(names(page(9)).await, "cbad");
    assert_eq!(names(page(2)).await, "cb");
    let after = Some(Position { created_at: NOW, id: id("b") });
    assert_eq!(names(Page { after, ..page(9) }).await, "ad");
}

#[tokio::test]
async fn a_listing_is_narrowed_by_job_and_by_the_beginning_of_the_type() {
    let (catalog, _fresh) = fresh().await;
    for (name, job, content_type) in [("a", "x", "video/mp4"), ("b", "y", "Video/webm"), ("c", "y", "image/x_y")] {
        let mut row = file("user_1", name);
        (row.job_id, row.content_type) = (Some(job.into()), content_type.into());
        catalog.insert(&row).await.unwrap();
    }
    let names = async |job_id: Option<&str>, content_type: Option<&str>| {
        let page = Page { job_id: job_id.map(Into::into), content_type: content_type.map(Into::into), ..page(9) };
        let rows = catalog.list(&user("user_1"), &page, SECOND).await.unwrap();
        rows.iter().map(|row| row.id.to_string()).collect::<String>()
    };
    assert_eq!(names(Some("y"), None).await, "cb");
    assert_eq!(names(None, Some("VIDEO/")).await, "ba");
    assert_eq!(names(Some("y"), Some("video/")).await, "b");
    assert_eq!(names(None, Some("image/x_")).await, "c");
    for none in ["vide_/", "%", "\\", "image/xx", "'"] {
        assert_eq!(names(None, Some(none)).await, "", "{none}");
    }
}

#[tokio::test]
async fn a_deleted_file_is_gone_for_everyone_and_waits_for_its_object() {
    let (catalog, _fresh) = fresh().await;
    for name in ["a", "b", "c"] {
        catalog.insert(&file("user_1", name)).await.unwrap();
    }
    assert_eq!(catalog.mark_deleted(&user("user_2"), &id("a"), NOW).await.unwrap(), None);
    let key = catalog.mark_deleted(&user("user_1"), &id("a"), NOW).await.unwrap();
    assert_eq!(key.as_deref(), Some("managed/a"));
    assert_eq!(catalog.mark_deleted(&user("user_1"), &id("a"), NOW).await.unwrap(), None);
    catalog.mark_deleted(&user("user_1"), &id("c"), NOW).await.unwrap();
    assert!(catalog.own_file(&user("user_1"), &id("a"), SECOND).await.unwrap().is_none());
    let waiting = |name: &str| (name.to_owned(), format!("managed/{name}"));
    assert_eq!(catalog.deleted("", 9).await.unwrap(), [waiting("a"), waiting("c")]);
    assert_eq!(catalog.deleted("a", 9).await.unwrap(), [waiting("c")]);
    assert_eq!(catalog.deleted("", 1).await.unwrap(), [waiting("a")]);
    catalog.remove("a").await.unwrap();
    catalog.remove("b").await.unwrap();
    assert!(!catalog.has_row(&id("a")).await.unwrap(), "its row");
    assert!(catalog.has_row(&id("b")).await.unwrap(), "a ready file's row stays");
}

#[tokio::test]
async fn revoking_a_files_urls_never_goes_back_in_time() {
    let (catalog, _fresh) = fresh().await;
    catalog.insert(&file("user_1", "a")).await.unwrap();
    let revoke = async |owner: &str, now| catalog.revoke_file_urls(&user(owner), &id("a"), now).await.unwrap();
    assert_eq!(revoke("user_2", NOW).await, None);
    assert_eq!(revoke("user_1", NOW).await, Some(SECOND + 1));
    assert_eq!(revoke("user_1", NOW - 5_000).await, Some(SECOND + 1));
    assert_eq!(revoke("user_1", NOW + 5_000).await, Some(SECOND + 6));
    let row = catalog.own_file(&user("user_1"), &id("a"), SECOND).await.unwrap().unwrap();
    assert_eq!(row.urls_revoked_before, Some(SECOND + 6));
    catalog.mark_deleted(&user("user_1"), &id("a"), NOW).await.unwrap();
    assert_eq!(revoke("user_1", NOW).await, None);
}
