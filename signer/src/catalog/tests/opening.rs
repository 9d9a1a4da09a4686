//! The schema's upgrade rules.

use super::{Fresh, NOW, file, id, user};
use crate::catalog::{Catalog, Statement};
use futures_util::future::join_all;
use proto::catalog::SCHEMA_VERSION;

async fn versions(catalog: &Catalog) -> Vec<i64> {
    let statement = Statement::new("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version");
    let rows = catalog.database.all(statement).await.unwrap();
    rows.iter().map(|row| row.get("version").unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn signers_that_start_at_once_migrate_once() {
    for _ in 0..5 {
        let fresh = Fresh::new().await;
        let opened = join_all((0..4).map(|_| {
            let url = fresh.url.clone();
            tokio::spawn(async move { Catalog::open(&url).await })
        }));
        for opened in opened.await {
            let catalog = opened.unwrap().unwrap();
            assert_eq!(versions(&catalog).await, Vec::from_iter(1..=SCHEMA_VERSION));
        }
    }
}

#[tokio::test]
async fn a_catalog_keeps_its_rows_when_it_is_opened_again() {
    let fresh = Fresh::new().await;
    let first = fresh.open().await;
    first.insert(&file("user_1", "a")).await.unwrap();
    first.close().await;
    let second = fresh.open().await;
    assert!(second.has_row(&id("a")).await.unwrap());
}

#[tokio::test]
async fn a_newer_schema_serves_too() {
    let fresh = Fresh::new().await;
    let catalog = fresh.open().await;
    for change in [
        "ALTER TABLE files ADD COLUMN of_the_future TEXT",
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT version + 100, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
    ] {
        catalog.database.execute(Statement::new(change)).await.unwrap();
    }
    catalog.close().await;
    let older = fresh.open().await;
    assert!(older.insert(&file("user_1", "a")).await.unwrap());
    assert!(older.mark_deleted(&user("user_1"), &id("a"), NOW).await.unwrap().is_some());
}
