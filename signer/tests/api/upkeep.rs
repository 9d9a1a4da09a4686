//! What ends by itself, and storage beside the catalog: by the clock, and by `signer fsck`.

use crate::harness::{Server, WEBHOOK_SECRET, eventually, form, key_of, message, now, signer, unfinished_key};
use signer::webhooks::Secrets;
use std::time::Duration;

const ORPHAN: &str = "0192f3a4b5c67d8e9fa0b1c2d3e4f5a6";
const OTHER: &str = "0192f3a4b5c67d8e9fa0b1c2d3e4f5b7";

/// What the main API keeps in the same storage; some of it is named as if it were ours.
const THEIRS: [&str; 5] =
    ["videos/17.mp4", "managed.txt", "managed/notes.txt", "managed/zz/0192f3a4b5c6", "managed/.trash/0192f3a4b5c6"];

async fn put_theirs(server: &Server) {
    for key in THEIRS {
        server.put_object(key, b"theirs").await;
    }
}

async fn theirs_are_there(server: &Server) {
    for key in THEIRS {
        assert_eq!(server.object(key).await, b"theirs", "{key}");
    }
}

/// In an order of their own.
async fn objects(server: &Server) -> Vec<String> {
    let mut objects = server.objects().await;
    objects.sort();
    objects
}

async fn metric(server: &Server, line: &str) -> bool {
    server.ask("/metrics").send().await.text().lines().any(|found| found == line)
}

#[tokio::test]
async fn an_upload_that_nobody_goes_on_with_ends_and_leaves_nothing() {
    let server = Server::start().await;
    server.unfinished("user_1", ORPHAN, now() - 1).await;
    server.unfinished("user_1", OTHER, now() + 3600).await;
    let server = server.restart().await;
    let mut left = [unfinished_key(&server, OTHER), key_of(OTHER)];
    left.sort();
    eventually("its end", async || objects(&server).await == left).await;
}

#[tokio::test]
async fn uploads_that_expire_are_counted() {
    let secrets = Secrets::read(WEBHOOK_SECRET).unwrap();
    let server = Server::start_with(|config| config.identity.webhooks = Some(secrets)).await;
    server.unfinished("user_1", ORPHAN, now() - 1).await;
    // Somebody's deletion is seen to without waiting for the next minute, and whatever else is due.
    message("user.deleted", "user_2", 1_500).does(&server).await;
    eventually("their count", async || metric(&server, "signer_uploads_total{result=\"expired\"} 1").await).await;
}

#[tokio::test]
async fn a_file_that_is_outlived_goes_with_its_object() {
    let server = Server::start().await;
    let file = server.stored("user_1", "a", b"x").await;
    let kept = server.stored("user_1", "b", b"y").await;
    let [id, kept] = [&file, &kept].map(|file| file["id"].as_str().unwrap());
    let statement = format!("UPDATE files SET expires_at_seconds = {} WHERE id = '{id}'", now() - 1);
    server.sql(statement.leak()).await;
    let path = format!("/api/files/{id}");
    server.get(&path).by("user_1").send().await.refuses(404, "File not found", "not_found");
    let server = server.restart().await;
    eventually("its end", async || server.objects().await == [key_of(kept)]).await;
    let usage = server.get("/api/usage").by("user_1").send().await.json();
    assert_eq!((&usage["data"]["bytes"], &usage["data"]["files"]), (&1.into(), &1.into()));
}

#[tokio::test]
async fn by_the_clock_what_belongs_to_nothing_goes_and_nothing_else() {
    let server = Server::start().await;
    put_theirs(&server).await;
    let file = server.stored("user_1", "a", b"x").await;
    server.unfinished("user_1", OTHER, now() + 3600).await;
    let before = objects(&server).await;
    server.put_object(&key_of(ORPHAN), b"orphan").await;
    server.put_object(&unfinished_key(&server, ORPHAN), b"bytes").await;
    let often = Some(Duration::from_secs(1));
    let server = server.restart_with(|config| (config.gc_every, config.orphan_age) = (often, Duration::ZERO)).await;
    eventually("the orphans' end", async || objects(&server).await == before).await;
    eventually("their count", async || {
        metric(&server, "signer_storage_orphans_removed_total{kind=\"object\"} 1").await
            && metric(&server, "signer_storage_findings{kind=\"orphan\"} 0").await
    })
    .await;
    theirs_are_there(&server).await;
    let path = format!("/api/files/{}", file["id"].as_str().unwrap());
    assert_eq!(server.get(&path).by("user_1").send().await.status, 200);
}

/// Nobody should have to look for it.
#[tokio::test]
async fn by_the_clock_an_object_that_is_missing_is_seen() {
    let server = Server::given(&[("SIGNER_GC_SECONDS", "1")]).await;
    let file = server.stored("user_1", "a", b"x").await;
    let moved =
        format!("UPDATE files SET object_key = 'videos/none.mp4' WHERE id = '{}'", file["id"].as_str().unwrap());
    server.sql(moved.leak()).await;
    eventually("it is seen", async || metric(&server, "signer_storage_findings{kind=\"missing\"} 1").await).await;
    assert_eq!(server.objects().await.len(), 1, "too young to be removed");
}

#[tokio::test]
async fn fsck_finds_nothing_where_all_is_well() {
    let server = Server::start().await;
    put_theirs(&server).await;
    server.stored("user_1", "a", b"x").await;
    server.unfinished("user_1", OTHER, now() + 3600).await;
    let said = server.fsck(&["--older-than", "0s", "--repair"]).await;
    assert_eq!((said.code, said.findings()), (0, Vec::new()), "{said:?}");
    assert!(said.out.starts_with("1 files: 0 missing, 0 changed; 3 entries in storage: 0 orphans"), "{said:?}");
    theirs_are_there(&server).await;
}

#[tokio::test]
async fn fsck_tells_what_is_wrong_and_removes_only_orphans_and_only_when_told_to() {
    let server = Server::start().await;
    put_theirs(&server).await;
    let [lost, changed] = [server.stored("user_1", "a", b"x").await, server.stored("user_1", "b", b"y").await];
    let [lost, changed] = [&lost, &changed].map(|file| file["id"].as_str().unwrap());
    server.put_object(&key_of(changed), b"longer").await;
    let moved = format!("UPDATE files SET object_key = 'videos/none.mp4' WHERE id = '{lost}'");
    server.sql(moved.leak()).await;
    server.put_object(&key_of(ORPHAN), b"orphan").await;
    let before = objects(&server).await;

    let said = server.fsck(&[]).await;
    let broken =
        [format!("changed {} of file {changed}", key_of(changed)), format!("missing videos/none.mp4 of file {lost}")];
    assert_eq!((said.code, said.findings()), (1, broken.iter().map(String::as_str).collect()), "{said:?}");
    assert!(said.out.contains("0 removed, 2 too young to tell"), "{said:?}");
    let mut all = vec![format!("orphan object {ORPHAN}"), format!("orphan object {lost}")];
    all.extend(broken.clone());
    all.sort();
    let said = server.fsck(&["--older-than", "0s"]).await;
    assert_eq!((said.code, said.findings()), (1, all.iter().map(String::as_str).collect()), "{said:?}");
    assert_eq!(objects(&server).await, before);

    let said = server.fsck(&["--older-than", "0s", "--repair"]).await;
    assert_eq!((said.code, said.findings()), (1, all.iter().map(String::as_str).collect()), "{said:?}");
    assert!(said.out.contains(", removed\n"), "{said:?}");
    let said = server.fsck(&["--older-than", "0s", "--repair"]).await;
    assert_eq!((said.code, said.findings()), (1, broken.iter().map(String::as_str).collect()), "{said:?}");
    theirs_are_there(&server).await;
    assert_eq!(server.object(&key_of(changed)).await, b"longer");
}

/// The catalog goes away between an object and its row.
#[tokio::test]
async fn an_object_whose_row_could_not_be_written_is_listed_nowhere_and_goes() {
    let server = Server::start().await;
    server.sql("ALTER TABLE files RENAME TO files_away").await;
    let answer = server.upload("user_1", form().file("a", b"bytes")).send().await;
    answer.refuses(503, "Service unavailable", "catalog_unavailable");
    server.sql("ALTER TABLE files_away RENAME TO files").await;
    let server = server.restart().await;
    assert!(server.signer.is_empty().await.unwrap());
    server.fsck(&["--older-than", "0s", "--repair"]).await;
    eventually("nothing is left", async || server.objects().await.is_empty()).await;
    assert_eq!(server.fsck(&["--older-than", "0s"]).await.code, 0);
}

#[tokio::test]
async fn fsck_says_what_it_takes() {
    let help = signer(&["fsck", "--help"]).await;
    assert_eq!(help.code, 0);
    for part in ["--repair", "--older-than <TIME>", "[default: 24h]", "--storage-url", "69 it could not be compared"] {
        assert!(help.out.contains(part), "{part} is not in\n{}", help.out);
    }
    assert!(signer(&["--help"]).await.out.contains("fsck"));
    let said = signer(&["fsck", "--older-than", "a day"]).await;
    assert_eq!((said.code, said.out.as_str()), (64, ""));
    for part in ["STORAGE_URL is required", "DATABASE_URL is required", "--older-than must be a number"] {
        assert!(said.err.contains(part), "{part} is not in\n{}", said.err);
    }
    for unknown in [&["fsck", "--fix"][..], &["fsk"], &["fsck", "now"], &["--repair"]] {
        assert_eq!(signer(unknown).await.code, 64, "{unknown:?}");
    }
}

/// With another catalog than its own, all of storage would belong to nothing.
#[tokio::test]
async fn fsck_takes_no_catalog_and_no_storage_that_no_signer_has_used() {
    let server = Server::start().await;
    server.stored("user_1", "a", b"x").await;
    let before = objects(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let (storage, catalog) = server.urls();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("empty.db"), "").unwrap();
    std::fs::create_dir(at("empty")).unwrap();
    for (storage, catalog) in [
        (storage.clone(), format!("sqlite://{}", at("none.db"))),
        (storage, format!("sqlite://{}", at("empty.db"))),
        (format!("file://{}", at("empty")), catalog.clone()),
        (format!("file://{}", at("none")), catalog),
    ] {
        let urls = ["--storage-url", storage.as_str(), "--database-url", catalog.as_str()];
        // Settings may stand on either side.
        let said = signer(&[&urls, &["fsck", "--repair", "--older-than", "0s"][..]].concat()).await;
        assert_eq!((said.code, said.out.as_str()), (69, ""), "{said:?}");
        assert!(!said.err.is_empty());
    }
    assert_eq!(objects(&server).await, before);
    let made: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(made.len(), 2, "{made:?}");
}
