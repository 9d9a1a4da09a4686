//! The `audit` table.

use super::{NOW, by, file, fresh, id, user};
use crate::catalog::{Audit, Catalog, Page, Statement};
use serde_json::json;

async fn lines(catalog: &Catalog) -> Vec<(String, String)> {
    let statement = Statement::new("SELECT action, details FROM audit WHERE actor = $1 ORDER BY at, id");
    let rows = catalog.database.all(statement.bind("user_admin")).await.unwrap();
    rows.iter().map(|row| (row.get("action").unwrap(), row.get("details").unwrap())).collect()
}

#[tokio::test]
async fn what_is_done_is_written_down_with_it_and_what_is_not_is_not() {
    let (catalog, _fresh) = fresh().await;
    catalog.insert(&file("user_1", "a")).await.unwrap();
    assert!(catalog.mark_deleted_by(&by("one"), &id("nothing"), NOW).await.unwrap().is_none());
    assert_eq!(catalog.mark_deleted_by(&by("two"), &id("a"), NOW).await.unwrap().unwrap(), "managed/a");
    assert!(catalog.mark_deleted_by(&by("three"), &id("a"), NOW + 1).await.unwrap().is_none());
    catalog.block_user_by(&by("four"), &user("user_1"), NOW + 2).await.unwrap();
    let found: Vec<_> = lines(&catalog).await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(found, ["two", "four"]);
    let feed: Vec<_> = catalog.feed().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(feed, ["file_deleted", "user_blocked"]);
}

#[tokio::test]
async fn whoever_looks_is_written_down_and_sees_what_the_owner_does() {
    let (catalog, _fresh) = fresh().await;
    for name in ["a", "b"] {
        catalog.insert(&file("user_1", name)).await.unwrap();
    }
    catalog.insert(&file("user_2", "c")).await.unwrap();
    let page = Page { limit: 9, ..Page::default() };
    let seen = catalog.list_by(&by("look"), &user("user_1"), &page, NOW).await.unwrap();
    assert_eq!(seen.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(lines(&catalog).await.len(), 1);
}

#[tokio::test]
async fn lines_keep_their_details_and_their_order() {
    let (catalog, _fresh) = fresh().await;
    let detailed = Audit { details: Some(json!({"a": "\u{fc}"})), ..by("first") };
    catalog.write_down(&[detailed, by("second")], NOW).await.unwrap();
    let expected = [("first", "{\"a\":\"\u{fc}\"}"), ("second", "{}")];
    assert_eq!(lines(&catalog).await, expected.map(|(action, details)| (action.to_owned(), details.to_owned())));
}
