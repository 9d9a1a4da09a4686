//! How much a user's files may hold together.

use super::{NOW, file, fresh, id, user};
use crate::catalog::FileRow;

fn of_size(owner: &str, name: &str, size: u64) -> FileRow {
    FileRow { size, ..file(owner, name) }
}

#[tokio::test]
async fn files_add_up_to_the_total_and_no_further() {
    let (catalog, _fresh) = fresh().await;
    let insert =
        async |name, size, total| catalog.insert_within(&of_size("user_1", name, size), total, None).await.unwrap();
    assert!(insert("a", 60, Some(100)).await);
    assert!(!insert("b", 41, Some(100)).await && !catalog.has_row(&id("b")).await.unwrap());
    assert!(insert("c", 40, Some(100)).await);
    assert!(insert("d", 0, Some(100)).await, "an empty file adds nothing");
    assert!(!insert("e", 1, Some(100)).await);
    assert!(catalog.insert_within(&of_size("user_2", "f", 100), Some(100), None).await.unwrap());
    catalog.mark_deleted(&user("user_1"), &id("a"), NOW).await.unwrap();
    assert!(insert("g", 60, Some(100)).await, "what is deleted does not count");
    assert!(insert("h", u64::MAX >> 2, None).await);
}

#[tokio::test]
async fn many_at_once_never_pass_the_total() {
    let (catalog, _fresh) = fresh().await;
    let insertions = (0..20).map(|number| {
        let catalog = catalog.clone();
        async move {
            let row = of_size("user_1", &format!("f{number}"), 10);
            catalog.insert_within(&row, Some(75), None).await.unwrap()
        }
    });
    let done = futures_util::future::join_all(insertions).await;
    assert_eq!(done.iter().filter(|done| **done).count(), 7);
    assert_eq!(catalog.usage(&user("user_1")).await.unwrap(), (70, 7));
}
