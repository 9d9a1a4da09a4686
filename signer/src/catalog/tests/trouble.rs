//! A catalog that cannot do as asked says so, leaves nothing half done, and recovers by itself.

use super::{NOW, file, fresh, id, user};
use crate::catalog::{Catalog, Statement};
use proto::storage::CatalogUrl;
use std::io::Write;

#[tokio::test]
async fn a_change_that_cannot_be_told_is_not_made() {
    let (catalog, _fresh) = fresh().await;
    catalog.insert(&file("user_1", "a")).await.unwrap();
    let run = async |statement| catalog.database.execute(Statement::new(statement)).await.unwrap();
    run("ALTER TABLE changes RENAME TO changes_away").await;
    assert!(catalog.mark_deleted(&user("user_1"), &id("a"), NOW).await.is_err());
    assert!(catalog.block_user(&user("user_1"), NOW).await.is_err());
    run("ALTER TABLE changes_away RENAME TO changes").await;
    assert!(!catalog.standing(&user("user_1")).await.unwrap().blocked);
    assert!(catalog.mark_deleted(&user("user_1"), &id("a"), NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn a_statement_that_is_held_up_ends_in_an_error_and_the_next_one_works() {
    let (catalog, fresh) = fresh().await;
    catalog.insert(&file("user_1", "a")).await.unwrap();
    let held_up = if fresh.is_sqlite() { "database is locked" } else { "statement timeout" };
    let mut other = catalog.database.begin().await.unwrap();
    other.execute(Statement::new("UPDATE files SET filename = 'held'")).await.unwrap();
    let error = catalog.mark_deleted(&user("user_1"), &id("a"), NOW).await.unwrap_err().to_string();
    assert!(error.contains(held_up), "{error}");
    drop(other);
    assert!(catalog.mark_deleted(&user("user_1"), &id("a"), NOW).await.unwrap().is_some());
    assert_eq!(catalog.feed().await.len(), 1);
}

#[tokio::test]
async fn when_every_connection_is_taken_a_request_waits_and_then_is_refused() {
    let (catalog, fresh) = fresh().await;
    if fresh.is_sqlite() {
        // One transaction holds up all others; that is the test above.
        return;
    }
    let mut taken = Vec::new();
    while let Ok(transaction) = catalog.database.begin().await {
        taken.push(transaction);
    }
    assert!(catalog.ping().await.is_err());
    taken.clear();
    assert!(catalog.ping().await.is_ok());
}

/// What a restart of the server does to whoever is connected.
#[tokio::test]
async fn connections_that_were_cut_are_replaced() {
    let (catalog, fresh) = fresh().await;
    if fresh.is_sqlite() {
        return;
    }
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut transaction = catalog.database.begin().await.unwrap();
        let row = transaction.optional(Statement::new("SELECT CAST(pg_backend_pid() AS BIGINT) AS pid")).await.unwrap();
        held.push((transaction, row.unwrap().get::<i64>("pid").unwrap()));
    }
    for (_, pid) in &held {
        let cut = Statement::new("SELECT pg_terminate_backend(CAST($1 AS INT), 10000)").bind(*pid);
        catalog.database.all(cut).await.unwrap();
    }
    for (mut transaction, _) in held {
        assert!(transaction.all(Statement::new("SELECT 1")).await.is_err());
    }
    assert!(catalog.insert(&file("user_1", "a")).await.unwrap());
}

/// As SQLite does of itself when the disk fails in the middle of a commit, or is full.
#[tokio::test]
async fn a_transaction_that_the_database_took_back_itself_spoils_no_connection() {
    let (catalog, fresh) = fresh().await;
    if !fresh.is_sqlite() {
        return;
    }
    let run = async |statement| catalog.database.execute(Statement::new(statement)).await.unwrap();
    run("CREATE TRIGGER fault BEFORE INSERT ON changes BEGIN SELECT RAISE(ROLLBACK, 'fault'); END").await;
    catalog.insert(&file("user_1", "a")).await.unwrap();
    // More often than there are connections.
    for _ in 0..20 {
        let error = catalog.mark_deleted(&user("user_1"), &id("a"), NOW).await.unwrap_err().to_string();
        assert!(error.contains("fault"), "{error}");
    }
    run("DROP TRIGGER fault").await;
    assert!(catalog.mark_deleted(&user("user_1"), &id("a"), NOW).await.unwrap().is_some());
}

/// What a kill in mid-write leaves: rows that were acknowledged, and an end of the log that is none.
#[tokio::test]
async fn a_torn_end_of_the_log_costs_no_row_before_it() {
    let (catalog, fresh) = fresh().await;
    let CatalogUrl::Sqlite(path) = &fresh.url else { return };
    catalog.insert(&file("user_1", "a")).await.unwrap();
    catalog.mark_deleted(&user("user_1"), &id("a"), NOW).await.unwrap();
    catalog.insert(&file("user_1", "b")).await.unwrap();
    let killed = path.parent().unwrap().join("killed.db");
    for end in ["", "-wal"] {
        let of = |path: &std::path::Path| format!("{}{end}", path.display());
        std::fs::copy(of(path), of(&killed)).unwrap();
    }
    let mut log = std::fs::File::options().append(true).open(format!("{}-wal", killed.display())).unwrap();
    log.write_all(&[0x5a; 9_000]).unwrap();
    let recovered = Catalog::open(&CatalogUrl::Sqlite(killed)).await.unwrap();
    assert!(recovered.has_row(&id("b")).await.unwrap());
    assert_eq!(recovered.feed().await, [("file_deleted".into(), "a".into())]);
    assert!(recovered.insert(&file("user_1", "c")).await.unwrap());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_not_opened_and_not_touched() {
    let (catalog, fresh) = fresh().await;
    let CatalogUrl::Sqlite(path) = &fresh.url else { return };
    catalog.close().await;
    let other = path.parent().unwrap().join("letter.txt");
    std::fs::write(&other, "not a database at all\n".repeat(99)).unwrap();
    assert!(Catalog::open(&CatalogUrl::Sqlite(other.clone())).await.is_err());
    assert_eq!(std::fs::read_to_string(other).unwrap(), "not a database at all\n".repeat(99));
}

/// A disk without room, as far as a database notices.
#[tokio::test]
async fn a_catalog_that_cannot_grow_refuses_and_goes_on_when_it_can() {
    let (catalog, fresh) = fresh().await;
    if !fresh.is_sqlite() {
        return;
    }
    catalog.insert(&file("user_1", "a")).await.unwrap();
    // The bound is a connection's own, and this transaction holds the one that made it.
    let mut bounded = catalog.database.begin().await.unwrap();
    bounded.all(Statement::new("PRAGMA max_page_count = 1")).await.unwrap();
    let large = format!("INSERT INTO users (id) VALUES ('{}')", "x".repeat(1 << 20));
    let error = bounded.execute(Statement::new(large.leak())).await.unwrap_err().to_string();
    assert!(error.contains("full"), "{error}");
    bounded.all(Statement::new("PRAGMA max_page_count = 1073741823")).await.unwrap();
    drop(bounded);
    assert!(catalog.insert(&file("user_1", "b")).await.unwrap());
    assert!(catalog.has_row(&id("a")).await.unwrap());
}
