//! What is found, what is removed, and above all what is not. On a folder, or the bucket that `TEST_STORAGE_URL` names; on
//! SQLite, or the Postgres that `TEST_DATABASE_URL` names.

use super::{
    check::{Check, Pace, Repair},
    finding::{Finding, Removal, Summary},
};
use crate::{
    catalog::{
        Advance, Catalog, FileRow, Hold, Kind, State, Step, UploadRow,
        tests::{Fresh, NOW, file, fresh, user},
    },
    clock,
    storage::{
        Key, Progress,
        tests::{
            Tested, bytes,
            finding::{finished, kinds_of_unfinished, unfinished},
            new_key, write,
        },
    },
    uploads::Description,
};
use proto::id::FileId;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

struct Both {
    catalog: Catalog,
    tested: Tested,
    _fresh: Fresh,
}

impl Both {
    async fn open() -> Self {
        let (catalog, fresh) = fresh().await;
        Self { catalog, tested: Tested::open().await, _fresh: fresh }
    }

    fn check(&self, repair: Repair) -> Check<'_> {
        let pace = Pace { at_once: 2, pauses: false };
        let (catalog, storage) = (&self.catalog, &self.tested.storage);
        Check { catalog, storage, older_than: DAY, repair, accepts_copies: false, pace }
    }

    /// Compares as one does so much later, and tells what is found.
    async fn compare(&self, repair: Repair, later: u64) -> (Summary, Vec<String>) {
        Self::told(&self.check(repair), later).await
    }

    /// The same, and what was put back from a copy is accepted.
    async fn accept(&self) -> (Summary, Vec<String>) {
        Self::told(&Check { accepts_copies: true, ..self.check(Repair::Nothing) }, 0).await
    }

    async fn told(check: &Check<'_>, later: u64) -> (Summary, Vec<String>) {
        let mut lines = Vec::new();
        let now = clock::unix_seconds() + later;
        let mut tell = |finding: &Finding| {
            let line = match finding {
                Finding::Orphan { found, removal, .. } => format!("orphan {:?} {} {removal:?}", found.kind, found.file),
                Finding::Missing(file) => format!("missing {}", file.id),
                Finding::Changed(file, _) => format!("changed {}", file.id),
                Finding::Accepted(file) => format!("accepted {}", file.id),
            };
            lines.push(line);
        };
        let summary = check.run(now, &mut tell).await.unwrap();
        lines.sort();
        (summary, lines)
    }

    /// A file with its object.
    async fn store(&self) -> (Key, FileId) {
        let (key, id) = finished(&self.tested).await;
        let stored = self.tested.storage.look(key.as_str()).await.unwrap().unwrap();
        let row = FileRow { size: stored.size, etag: stored.etag, ..self.row(&id) };
        assert!(self.catalog.insert(&row).await.unwrap());
        (key, id)
    }

    fn row(&self, id: &FileId) -> FileRow {
        FileRow { object_key: Key::of(id).as_str().into(), ..file("user_1", id.as_str()) }
    }

    /// An upload of which storage holds nothing yet.
    async fn begin(&self, id: &FileId) {
        let row = UploadRow {
            id: id.clone(),
            owner: user("user_1"),
            kind: Kind::Tus,
            handle: Some(format!("sha256-of-{id}")),
            state: State::Open,
            object_key: Key::of(id).as_str().into(),
            declared_size: None,
            description: Description::default(),
            received: 0,
            created_at: NOW,
            expires_at: NOW + Kind::Tus.lifetime(),
        };
        let begun = self.catalog.begin_upload(&row, &self.tested.storage.start(None), None).await.unwrap();
        assert_eq!(begun, Step::Done);
    }
}

#[tokio::test]
async fn files_with_their_objects_and_uploads_under_way_are_as_they_should_be() {
    let both = Both::open().await;
    for _ in 0..7 {
        both.store().await;
    }
    let (_, open) = unfinished(&both.tested).await;
    both.begin(&open).await;
    // A process that died between the object and its row.
    let (_, nearly) = finished(&both.tested).await;
    both.begin(&nearly).await;
    let (_, deleted) = both.store().await;
    both.catalog.mark_deleted(&user("user_1"), &deleted, NOW).await.unwrap();
    let (summary, lines) = both.compare(Repair::All, 9 * DAY).await;
    assert_eq!(lines, [""; 0]);
    assert!(summary.is_clean());
    let entries = 9 + kinds_of_unfinished(&both.tested).len() as u64;
    assert_eq!((summary.files, summary.entries, summary.young), (7, entries, 0));
}

#[tokio::test]
async fn what_belongs_to_nothing_is_found_and_removed_when_it_is_asked_for_and_old_enough() {
    let both = Both::open().await;
    let (kept, _) = both.store().await;
    let (_, object) = finished(&both.tested).await;
    let (_, parts) = unfinished(&both.tested).await;
    let kinds = kinds_of_unfinished(&both.tested);
    let expected = |removal: Removal| {
        let mut lines = vec![format!("orphan Object {object} {removal:?}")];
        lines.extend(kinds.iter().map(|kind| format!("orphan {kind:?} {parts} {removal:?}")));
        lines.sort();
        lines
    };
    let all = both.tested.found().await;
    let (summary, lines) = both.compare(Repair::All, DAY - HOUR).await;
    assert_eq!((lines.len(), summary.young), (0, 1 + kinds.len() as u64));
    let (summary, lines) = both.compare(Repair::Nothing, DAY + HOUR).await;
    assert_eq!(lines, expected(Removal::NotAsked));
    assert_eq!((summary.orphans, summary.removed), (1 + kinds.len() as u64, 0));
    assert_eq!(both.tested.found().await, all);
    let (summary, lines) = both.compare(Repair::All, DAY + HOUR).await;
    // What is left of one upload may go together, before the last of it is come to.
    let removed = expected(Removal::Done);
    assert!(lines.len() >= 2 && lines.iter().all(|line| removed.contains(line)), "{lines:?}");
    assert_eq!(summary.removed, summary.orphans);
    assert!(both.compare(Repair::All, DAY + HOUR).await.0.is_clean());
    assert_eq!(both.tested.found().await.len(), 1);
    assert_eq!(both.tested.object(&kept).await, b"0123456789");
}

#[tokio::test]
async fn objects_of_others_in_the_same_storage_are_never_touched() {
    let both = Both::open().await;
    let (_, id) = new_key();
    let foreign = [
        "videos/a.mp4".into(),
        "managed.txt".into(),
        "managed-2/ab/0123456789ab".into(),
        format!("managed/{id}"),
        format!("managed/zz/{id}"),
        "managed/zz/notes.txt".into(),
        "managed/.trash/0123456789ab".into(),
        "managed/.staging/notes.txt".into(),
        format!("managed/.tails/{id}"),
        format!("managed/ab/cd/{id}"),
        format!("other/{}", Key::of(&id).as_str()),
    ];
    for key in &foreign {
        both.tested.put(key, b"theirs").await;
    }
    // Registered by a service, and so in the catalog: its object is theirs all the same.
    let theirs = both.tested.storage.look("videos/a.mp4").await.unwrap().unwrap();
    let row = FileRow {
        object_key: "videos/a.mp4".into(),
        size: theirs.size,
        etag: theirs.etag,
        ..file("user_1", "registered")
    };
    assert!(both.catalog.insert(&row).await.unwrap());
    assert!(both.compare(Repair::All, 99 * DAY).await.0.is_clean());
    both.catalog.mark_deleted(&user("user_1"), &row.id, NOW).await.unwrap();
    both.catalog.remove(row.id.as_str()).await.unwrap();
    assert!(both.compare(Repair::All, 99 * DAY).await.0.is_clean());
    for key in &foreign {
        let stored = both.tested.storage.look(key).await.unwrap();
        assert_eq!(stored.map(|stored| stored.size), Some(6), "{key}");
    }
}

/// However old it is, and whatever else is cleared beside it.
#[tokio::test]
async fn an_upload_that_is_being_resumed_loses_nothing() {
    let both = Both::open().await;
    let (key, id) = new_key();
    both.begin(&id).await;
    let Hold::Yes(held) = both.catalog.hold_upload(&id, "me", NOW).await.unwrap() else { panic!("it is open") };
    let whole = bytes(20 << 20, 7);
    let (first, others) = whole.split_at(7 << 20);
    let mut upload = both.tested.resume(&key, &held.progress).await;
    write(&mut upload, first).await;
    let progress = upload.checkpoint().await.unwrap().clone();
    drop(upload);
    let advance = Advance { holder: Some("me"), progress: &progress, hash_state: None, expires_at: NOW + 1000 };
    let advanced = both.catalog.advance_upload((&id, &user("user_1")), advance, None, NOW).await.unwrap();
    assert_eq!(advanced, Step::Done);
    both.tested.storage.settle().await;

    let (_, orphan) = unfinished(&both.tested).await;
    let mut upload = both.tested.resume(&key, &progress).await;
    let (middle, end) = others.split_at(8 << 20);
    write(&mut upload, middle).await;
    let (summary, lines) = both.compare(Repair::All, 9 * DAY).await;
    assert!(summary.orphans > 0 && lines.iter().all(|line| line.contains(orphan.as_str())), "{lines:?}");
    let later: Progress = upload.checkpoint().await.unwrap().clone();
    assert_eq!(later.offset, (15 << 20) as u64);
    assert!(both.compare(Repair::All, 9 * DAY).await.0.is_clean());
    write(&mut upload, end).await;
    let stored = upload.finish().await.unwrap();
    assert!(both.compare(Repair::All, 9 * DAY).await.0.is_clean(), "an object whose row is about to come");
    let row = FileRow { size: stored.size, etag: stored.etag, ..both.row(&id) };
    assert_eq!(both.catalog.finish_upload(&row, Some("me"), None, None).await.unwrap(), Step::Done);
    both.compare(Repair::All, 9 * DAY).await;
    assert!(both.tested.object(&key).await == whole);
    assert!(both.compare(Repair::All, 9 * DAY).await.0.is_clean());
}

#[tokio::test]
async fn a_row_that_came_since_the_page_was_read_keeps_what_is_there() {
    let both = Both::open().await;
    let (key, id) = finished(&both.tested).await;
    let found =
        crate::storage::Found { kind: crate::storage::Kind::Object, file: id.clone(), size: 10, modified_at: 0 };
    both.begin(&id).await;
    let check = both.check(Repair::All);
    assert_eq!(check.clear(&found, &mut 0, &mut 0).await.unwrap(), None);
    assert_eq!(both.tested.object(&key).await, b"0123456789");
    assert!(both.catalog.end_upload(&id).await.unwrap());
    assert_eq!(check.clear(&found, &mut 0, &mut 0).await.unwrap(), None, "the sweep clears that");
    both.catalog.upload_is_gone(id.as_str(), NOW).await.unwrap();
    assert_eq!(check.clear(&found, &mut 0, &mut 0).await.unwrap(), Some(Removal::Done));
    assert!(both.tested.storage.look(key.as_str()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_file_without_its_object_or_with_another_is_told_of_and_kept() {
    let both = Both::open().await;
    let (missing, missing_id) = both.store().await;
    let (longer, longer_id) = both.store().await;
    let (other, other_id) = both.store().await;
    both.store().await;
    let (deleted, deleted_id) = both.store().await;
    both.tested.storage.delete(&missing).await.unwrap();
    both.tested.storage.delete(&deleted).await.unwrap();
    both.catalog.mark_deleted(&user("user_1"), &deleted_id, NOW).await.unwrap();
    both.tested.put(longer.as_str(), b"0123456789+").await;
    if both.tested.is_folder() {
        // The validator of a local file is its time; in a bucket it is of the bytes.
        let aged = std::fs::File::options().append(true).open(both.tested.at(other.as_str())).unwrap();
        aged.set_modified(std::time::UNIX_EPOCH).unwrap();
    } else {
        both.tested.put(other.as_str(), b"9876543210").await;
    }
    let mut expected =
        vec![format!("missing {missing_id}"), format!("changed {longer_id}"), format!("changed {other_id}")];
    expected.sort();
    let (summary, lines) = both.compare(Repair::All, 9 * DAY).await;
    assert_eq!(lines, expected);
    assert_eq!((summary.missing, summary.changed, summary.orphans), (1, 2, 0));
    assert_eq!(both.compare(Repair::All, 9 * DAY).await.1, expected);
}

/// Of a bucket that was filled from another one, or a folder whose times were not kept.
#[tokio::test]
async fn the_same_bytes_under_another_etag_are_accepted_when_it_is_asked_for_and_no_others() {
    let both = Both::open().await;
    let sha256 = |bytes: &[u8]| hex::encode(<sha2::Sha256 as sha2::Digest>::digest(bytes));
    let kinds = [Some(sha256(b"0123456789")), Some(sha256(b"other bytes")), None];
    let mut ids = Vec::new();
    for sha256 in kinds {
        let (_, id) = finished(&both.tested).await;
        let etag = proto::etag::ETag::from_storage("\"of-the-copy\"").unwrap();
        assert!(both.catalog.insert(&FileRow { size: 10, etag, sha256, ..both.row(&id) }).await.unwrap());
        ids.push(id);
    }
    let changed = |ids: &[FileId]| ids.iter().map(|id| format!("changed {id}")).collect::<Vec<_>>();
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    assert_eq!(both.compare(Repair::Nothing, 0).await.1, sorted(changed(&ids)));
    let (summary, lines) = both.accept().await;
    let expected = [vec![format!("accepted {}", ids[0])], changed(&ids[1..])].concat();
    assert_eq!((lines, summary.accepted, summary.changed), (sorted(expected), 1, 2));
    assert_eq!(both.compare(Repair::Nothing, 0).await.1, sorted(changed(&ids[1..])), "it is a file like any other now");
    let (summary, _) = both.accept().await;
    assert_eq!((summary.accepted, summary.is_clean()), (0, false));
}

/// A catalog that was put back from yesterday.
#[tokio::test]
async fn a_turn_by_the_clock_removes_few_objects_and_says_what_it_left() {
    let both = Both::open().await;
    for _ in 0..5 {
        finished(&both.tested).await;
    }
    unfinished(&both.tested).await;
    let (summary, lines) = both.compare(Repair::Sparing(2), 9 * DAY).await;
    let objects = |end| lines.iter().filter(|line| line.contains("Object") && line.ends_with(end)).count();
    assert_eq!((objects("Done"), objects("Left")), (2, 3), "{lines:?}");
    assert_eq!(summary.orphans, summary.removed + 3);
    assert_eq!(both.tested.found().await.len(), 3);
}
