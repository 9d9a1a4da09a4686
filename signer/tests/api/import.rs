//! `signer import`: what storage holds already becomes files.

use crate::harness::{Said, Server, form, key_of, signer};
use serde_json::{Value, json};
use std::fs;

impl Server {
    /// With the table that this is the text of.
    async fn import(&self, table: impl AsRef<[u8]>, arguments: &[&str]) -> Said {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        fs::write(&path, table).unwrap();
        self.import_with(&[&["--csv", path.to_str().unwrap()], arguments].concat()).await
    }

    async fn import_with(&self, arguments: &[&str]) -> Said {
        let (storage, catalog) = self.urls();
        let urls = ["import", "--storage-url", storage.as_str(), "--database-url", catalog.as_str()];
        signer(&[&urls, arguments].concat()).await
    }

    async fn seen(&self, user: &str, id: &str) -> Value {
        let answer = self.get(&format!("/api/files/{id}")).by(user).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["data"]["file"].clone()
    }

    async fn count(&self) -> usize {
        self.texts("SELECT id FROM files").await.len()
    }
}

impl Said {
    /// The ids in the order of the table that was printed.
    fn ids(&self) -> Vec<&str> {
        let mut lines = self.out.lines();
        assert_eq!(lines.next(), Some("path,file_id"), "{self:?}");
        lines.map(|line| line.rsplit_once(',').unwrap().1).collect()
    }

    fn refused(&self) -> Vec<&str> {
        let mut lines: Vec<_> = self.err.lines().collect();
        assert!(lines.pop().is_some_and(|line| line.contains(" objects: ")), "{self:?}");
        lines
    }
}

#[tokio::test]
async fn a_table_makes_files_of_objects_and_again_refreshes_them() {
    let server = Server::start().await;
    server.put_object("videos/1.mp4", b"one").await;
    server.put_object("videos/a, \"b\" é.bin", b"second").await;
    let table = "\u{feff}user_id,path,filename,content_type,job_id,created_at\r\n\
                 user_1,videos/1.mp4,Été.mov,video/quicktime,job_1,2026-01-02T03:04:05.006Z\r\n\
                 user_2,\"videos/a, \"\"b\"\" é.bin\",,,,\r\n";
    let said = server.import(table, &[]).await;
    assert_eq!((said.code, said.refused()), (0, vec![]), "{said:?}");
    assert!(said.err.ends_with("2 objects: 2 new, 0 refreshed, 0 refused\n"), "{said:?}");
    let [one, other] = said.ids()[..] else { panic!("{said:?}") };
    assert!(said.out.contains(&format!("\"videos/a, \"\"b\"\" é.bin\",{other}")), "{said:?}");
    let file = server.seen("user_1", one).await;
    for (field, value) in [
        ("filename", json!("Été.mov")),
        ("content_type", json!("video/quicktime")),
        ("job_id", json!("job_1")),
        ("size", json!(3)),
        ("sha256", json!(null)),
        ("created_at", json!("2026-01-02T03:04:05.006Z")),
    ] {
        assert_eq!(file[field], value, "{field}");
    }
    assert_eq!(server.seen("user_2", other).await["filename"], "a, \"b\" é.bin");
    assert_eq!(server.post(&format!("/api/files/{one}/signed-url")).by("user_1").send().await.status, 200);

    server.put_object("videos/1.mp4", b"longer").await;
    let again = server.import(table, &[]).await;
    assert_eq!((again.code, again.ids()), (0, vec![one, other]), "{again:?}");
    assert!(again.err.ends_with("2 objects: 0 new, 2 refreshed, 0 refused\n"), "{again:?}");
    assert_eq!(server.seen("user_1", one).await["size"], 6);
    let told = server.texts("SELECT kind || ' ' || file_id FROM changes").await;
    assert_eq!(told, [format!("file_changed {one}")], "gateways hear of other bytes, and of nothing else");
    assert_eq!(server.fsck(&[]).await.code, 0);
}

#[tokio::test]
async fn ids_that_links_name_already_are_kept_and_a_clash_is_told() {
    let server = Server::start().await;
    for path in ["a", "b", "c"] {
        server.put_object(path, b"x").await;
    }
    let said = server.import("path,user_id,file_id\na,user_1,Old_id-1\nb,user_1,\n", &[]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.ids()[0], "Old_id-1");
    let minted = said.ids()[1].to_owned();
    let said = server.import("path,user_id,file_id\nc,user_1,Old_id-1\nb,user_1,other\na,user_1,Old_id-1\n", &[]).await;
    let expected = [
        "line 2: c: the file id Old_id-1 is another object's".to_owned(),
        format!("line 3: b: the object is the file {minted} already"),
    ];
    assert_eq!((said.code, said.refused(), said.ids()), (1, vec![&*expected[0], &*expected[1]], vec!["Old_id-1"]));
    let link = server.post("/api/files/Old_id-1/signed-url").by("user_1").send().await;
    assert!(link.json()["data"]["url"].as_str().unwrap().contains("/files/secure/Old_id-1?"));
}

#[tokio::test]
async fn a_rule_makes_files_of_what_is_listed_and_takes_nothing_of_the_signers_own() {
    let server = Server::start().await;
    let own = server.stored("user_9", "own.mp4", b"own").await["id"].as_str().unwrap().to_owned();
    for path in ["users/user_1/a b.mp4", "users/user_2/é.bin", "users/user_1/thumbs/a.png", "users/x:y/a", "other/a"] {
        server.put_object(path, b"theirs").await;
    }
    let said = server.import_with(&["--rule", "users/{user_id}/{filename}", "--prefix", "users/"]).await;
    let mut refused = said.refused();
    refused.sort_unstable();
    let expected = ["users/user_1/thumbs/a.png: it does not fit the rule", "users/x:y/a: user_id must be a user id"];
    assert_eq!((said.code, refused), (1, expected.to_vec()), "{said:?}");
    let mut paths: Vec<_> = said.out.lines().skip(1).map(|line| line.rsplit_once(',').unwrap().0).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["users/user_1/a b.mp4", "users/user_2/é.bin"]);
    let listed = server.get("/api/files").by("user_1").send().await.json();
    assert_eq!(listed["data"]["files"][0]["filename"], "a b.mp4");

    let all = server.import_with(&["--rule", "{any}/{user_id}/{rest}"]).await;
    assert!(!all.out.contains("managed/") && !all.err.contains("managed/"), "{all:?}");
    assert_eq!(server.seen("user_9", &own).await["filename"], "own.mp4");
    assert_eq!(server.object(&key_of(&own)).await, b"own");
    assert_eq!(server.fsck(&[]).await.code, 0);
}

#[tokio::test]
async fn what_cannot_be_registered_is_told_by_its_line_and_holds_up_nothing() {
    let server = Server::start().await;
    let own = server.stored("user_9", "own.mp4", b"own").await["id"].as_str().unwrap().to_owned();
    for path in ["good", "last", "theirs", "barred"] {
        server.put_object(path, b"x").await;
    }
    assert_eq!(server.import("path,user_id\ntheirs,user_2\n", &[]).await.code, 0);
    server.sql("INSERT INTO users (id, blocked_at) VALUES ('user_3', 1)").await;
    let long = "n".repeat(1025);
    let table = [
        "path,user_id,filename".to_owned(),
        "../../etc/passwd,user_1,".into(),
        "/etc/passwd,user_1,".into(),
        format!("{},user_1,", key_of(&own)),
        "managed/.staging/x,user_1,".into(),
        "good,user_1,\"a\nb\"".into(),
        "gone,user_1,".into(),
        "theirs,user_1,".into(),
        "barred,user_3,".into(),
        "good,user:1,".into(),
        format!("good,user_1,{long}"),
        "good,user_1".into(),
        "good,user_1,\"a\"b".into(),
        format!("good,user_1,{}", "x".repeat(70_000)),
        "good,,".into(),
        "good,user_1,again".into(),
        "last,user_1,".into(),
    ];
    let said = server.import(table.join("\n"), &[]).await;
    let lines: Vec<_> = said.refused().iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
    let mut numbers: Vec<u64> = lines.iter().map(|line| line["line ".len()..].parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16], "{said:?}");
    for part in [
        "line 4: path must not lie below `managed/`",
        "line 8: gone: no object lies there",
        "line 9: theirs: the object is another user's file",
        "line 10: barred: its owner is blocked or deleted",
        "line 13: 2 fields, where the header has 3",
        "line 15: more than 64 KiB",
    ] {
        assert!(said.err.contains(part), "{part} is not in\n{}", said.err);
    }
    for value in ["passwd", "user:1", "nnnn", "xxxx"] {
        assert!(!said.err.contains(value) && !said.out.contains(value), "{value}");
    }
    let ids = said.ids();
    assert_eq!((said.code, ids.len(), ids[0]), (1, 3, ids[1]), "the same object twice is one file");
    assert_eq!(server.seen("user_1", ids[0]).await["filename"], "again");
    assert_eq!(server.count().await, 4);
}

#[tokio::test]
async fn nothing_but_an_object_that_lies_there_itself_becomes_a_file() {
    let server = Server::start().await;
    if !server.is_folder() {
        return;
    }
    server.put_object("users/user_1/real", b"x").await;
    let (root, outside) = (server.root(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("secret"), "outside").unwrap();
    fs::create_dir(outside.path().join("more")).unwrap();
    fs::write(outside.path().join("more/deep"), "outside").unwrap();
    let at = |name: &str| root.join("users/user_1").join(name);
    std::os::unix::fs::symlink(outside.path().join("secret"), at("link")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("more"), at("folder")).unwrap();
    std::os::unix::fs::symlink(outside.path(), root.join("elsewhere")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let said = server.import_with(&["--rule", "users/{user_id}/{rest}"]).await;
    assert_eq!((said.code, said.ids().len(), said.refused().len()), (1, 1, 4), "{said:?}");
    let table = "path,user_id\nusers/user_1/link,user_1\nusers/user_1/folder/deep,user_1\nelsewhere/secret,user_1\n";
    let said = server.import(table, &[]).await;
    assert_eq!((said.code, said.ids().len(), said.refused().len()), (1, 0, 3), "{said:?}");
}

#[tokio::test]
async fn a_rehearsal_tells_and_writes_nothing() {
    let server = Server::start().await;
    server.put_object("a", b"x").await;
    let table = "path,user_id\na,user_1\ngone,user_1\n";
    let said = server.import(table, &["--dry-run"]).await;
    assert_eq!((said.code, said.out.as_str(), said.refused().len()), (1, "", 1), "{said:?}");
    assert!(said.err.contains("nothing was written: 2 objects: 1 new, 0 refreshed, 1 refused"), "{said:?}");
    assert_eq!(server.count().await, 0);
    assert_eq!(server.objects().await, ["a"]);
}

/// One by one they cannot be looked at: the path goes round in a circle.
#[tokio::test]
async fn an_import_stops_once_storage_seems_to_be_away_whatever_can_be_looked_at_behind_that() {
    let server = Server::start().await;
    if !server.is_folder() {
        return;
    }
    server.put_object("good", b"x").await;
    std::os::unix::fs::symlink(server.root().join("circle"), server.root().join("circle")).unwrap();
    let unknown = |count: usize| "circle/a,user_1\n".repeat(count);
    let said = server.import(format!("path,user_id\n{}", unknown(9)), &[]).await;
    assert_eq!((said.code, said.refused().len()), (1, 9), "{said:?}");
    let said = server.import(format!("path,user_id\n{}good,user_1\n{}", unknown(10), unknown(1)), &[]).await;
    assert_eq!((said.code, said.ids().len()), (69, 1), "{said:?}");
    assert!(said.err.contains("stopped: "), "{said:?}");
}

/// More than are registered at once; a part of them were before an interruption.
#[tokio::test]
async fn an_import_that_was_interrupted_is_begun_anew_and_keeps_what_it_had() {
    let server = Server::start().await;
    let paths: Vec<_> = (0..210).map(|number| format!("users/user_{}/{number}", number % 3)).collect();
    let putting = paths.iter().map(|path| server.put_object(path, b"x"));
    futures_util::future::join_all(putting).await;
    let table = |count: usize| {
        let rows = paths.iter().take(count).map(|path| format!("{path},{}\n", path.split('/').nth(1).unwrap()));
        ["path,user_id\n".to_owned()].into_iter().chain(rows).collect::<String>()
    };
    let first = server.import(table(120), &[]).await;
    assert_eq!((first.code, first.ids().len()), (0, 120), "{}", first.err);
    let whole = server.import(table(210), &[]).await;
    assert_eq!((whole.code, &whole.ids()[..120]), (0, &first.ids()[..]), "{}", whole.err);
    assert!(whole.err.ends_with("210 objects: 90 new, 120 refreshed, 0 refused\n"), "{}", whole.err);
    let by_rule = server.import_with(&["--rule", "users/{user_id}/{any}"]).await;
    assert!(by_rule.err.ends_with("210 objects: 0 new, 210 refreshed, 0 refused\n"), "{}", by_rule.err);
    assert_eq!(server.count().await, 210);
}

#[tokio::test]
async fn what_was_asked_for_wrongly_is_told_before_anything_is_written() {
    let server = Server::start().await;
    server.put_object("a", b"x").await;
    for (table, why) in [
        ("", "no header"),
        ("a,user_1\n", "a column that is none of path, user_id"),
        ("path\na\n", "no column user_id"),
        ("path,user_id,path\na,user_1,a\n", "the column path twice"),
        ("path,\"user_id\na,user_1\n", "no header"),
    ] {
        let said = server.import(table, &[]).await;
        assert_eq!((said.code, said.out.as_str()), (64, ""), "{said:?}");
        assert!(said.err.contains(why), "{why} is not in {}", said.err);
    }
    for arguments in [
        &[][..],
        &["--csv", "x", "--rule", "{user_id}/{rest}"],
        &["--csv", "x", "--prefix", "users"],
        &["--rule", "users/{filename}"],
        &["--rule", "{user_id}/{rest}", "--prefix", "managed/a"],
        &["--rule", "{user_id}/{rest}", "--prefix", "../a"],
        &["--rule", "{user_id}/{rest}", "now"],
    ] {
        let said = server.import_with(arguments).await;
        assert_eq!((said.code, said.out.as_str()), (64, ""), "{arguments:?} {said:?}");
    }
    assert_eq!(server.import_with(&["--csv", "/nowhere/table.csv"]).await.code, 69);
    let (storage, _) = server.urls();
    let nowhere =
        ["import", "--rule", "{user_id}/{rest}", "--storage-url", &storage, "--database-url", "sqlite:///nowhere/a"];
    assert_eq!(signer(&nowhere).await.code, 69);
    assert_eq!(server.count().await, 0);
}

/// Every object would be told to be missing, or none be found.
#[tokio::test]
async fn import_takes_no_storage_that_no_signer_has_used() {
    let server = Server::start().await;
    let (folder, (_, catalog)) = (tempfile::tempdir().unwrap(), server.urls());
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::create_dir(at("empty")).unwrap();
    fs::write(at("table.csv"), "path,user_id\na,user_1\n").unwrap();
    let mut unused = vec![format!("file://{}", at("empty")), format!("file://{}", at("none"))];
    if !server.is_folder() {
        unused.push("s3://no-such-bucket/a".into());
    }
    for storage in unused {
        for owners in [["--csv", &at("table.csv")], ["--rule", "{user_id}/{rest}"]] {
            let urls = ["import", "--storage-url", &storage, "--database-url", &catalog];
            let said = signer(&[&urls[..], &owners].concat()).await;
            assert_eq!((said.code, said.out.as_str()), (69, ""), "{storage}: {said:?}");
        }
    }
    assert_eq!(server.count().await, 0);
}

#[tokio::test]
async fn import_says_what_it_takes() {
    let help = signer(&["import", "--help"]).await;
    assert_eq!(help.code, 0);
    for part in ["--csv <FILE>", "--rule <RULE>", "--prefix <PATH>", "--dry-run", "created_at", "1  some were refused"]
    {
        assert!(help.out.contains(part), "{part} is not in\n{}", help.out);
    }
    let said = signer(&["import", "--rule", "a"]).await;
    assert_eq!(said.code, 64);
    for part in ["STORAGE_URL is required", "DATABASE_URL is required", "--rule must hold {user_id}, once"] {
        assert!(said.err.contains(part), "{part} is not in\n{}", said.err);
    }
}

/// As with uploads, the row is there and the object was never touched.
#[tokio::test]
async fn uploads_go_on_beside_an_import() {
    let server = Server::start().await;
    for number in 0..50 {
        server.put_object(&format!("u/user_1/{number}"), b"x").await;
    }
    let uploading = async {
        for _ in 0..5 {
            assert_eq!(server.upload("user_1", form().file("a", b"bytes")).send().await.status, 200);
        }
    };
    let (said, ()) = tokio::join!(server.import_with(&["--rule", "u/{user_id}/{any}"]), uploading);
    assert_eq!((said.code, said.ids().len(), server.count().await), (0, 50, 55), "{said:?}");
}
