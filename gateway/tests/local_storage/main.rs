//! Storage that is a folder: nothing outside it is ever read, nothing in it blocks (C11, G12), nothing is too large (B13).
#[path = "../harness/mod.rs"]
mod harness;

mod numbers;

use harness::{Ended, File, Gateway, PATIENCE, Random, Stored, bytes, eventually};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const OUTSIDE: &[u8] = b"canary: the contents of a file outside the folder";

/// A row whose key leads to `key` and whose validators are those of `target`, so that nothing but the way there is wrong.
fn row(gateway: &Gateway, key: &str, target: &Path) -> File {
    let size = fs::metadata(target).expect("a target").len();
    gateway.file("clip.mp4").object_key(key).register(Stored::of_local_file(target), size)
}

fn outside(gateway: &Gateway) -> PathBuf {
    let path = gateway.home().join("outside.txt");
    fs::write(&path, OUTSIDE).expect("a file outside");
    path
}

/// 404, at once, and no byte of what lies there.
#[track_caller]
fn assert_not_found(gateway: &Gateway, file: &File) {
    let start = Instant::now();
    for request in [gateway.get(&file.url()), gateway.get(&file.url()).range("bytes=0-1")] {
        let answer = request.send();
        assert_eq!(answer.status(), 404, "{}: {answer:?}", file.object_key);
        answer.assert_error(404, "File not found", "not_found");
        assert!(!String::from_utf8_lossy(answer.body()).contains("canary"));
    }
    let head = gateway.head(&file.url()).send();
    assert_eq!(head.status(), 404, "HEAD {}", file.object_key);
    assert!(start.elapsed() < Duration::from_secs(10), "an open that blocks");
}

#[test]
fn a_symbolic_link_does_not_lead_out_of_the_folder() {
    let gateway = harness::start();
    let (folder, outside) = (gateway.storage().folder().to_owned(), outside(&gateway));
    symlink(&outside, folder.join("absolute")).expect("a link");
    symlink("../outside.txt", folder.join("relative")).expect("a link");
    symlink(gateway.home(), folder.join("parent")).expect("a link");
    symlink("absolute", folder.join("twice")).expect("a link");
    symlink("/proc/self/environ", folder.join("environ")).expect("a link");
    for key in ["absolute", "relative", "parent/outside.txt", "twice"] {
        assert!(fs::read(folder.join(key)).is_ok_and(|bytes| bytes == OUTSIDE), "{key} leads there");
        assert_not_found(&gateway, &row(&gateway, key, &outside));
    }
    assert_not_found(&gateway, &row(&gateway, "environ", Path::new("/proc/self/environ")));
    gateway.assert_unharmed();
}

#[test]
fn a_key_does_not_lead_out_of_the_folder() {
    let gateway = harness::start();
    let outside = outside(&gateway);
    fs::create_dir(gateway.storage().folder().join("a")).expect("a folder");
    let absolute = outside.display().to_string();
    for key in
        ["../outside.txt", "a/../../outside.txt", "./../outside.txt", "a/b/../../../outside.txt", absolute.as_str()]
    {
        assert_not_found(&gateway, &row(&gateway, key, &outside));
    }
    let passwd = Path::new("/etc/passwd");
    for key in ["/etc/passwd", "//etc/passwd", "../../../../../../../../etc/passwd"] {
        assert_not_found(&gateway, &row(&gateway, key, passwd));
    }
    gateway.assert_unharmed();
}

#[test]
fn what_is_no_regular_file_is_not_found_and_blocks_nobody() {
    let gateway = harness::start();
    let folder = gateway.storage().folder().to_owned();
    let mode = Mode::from_raw_mode(0o666);
    mknodat(CWD, folder.join("fifo"), FileType::Fifo, mode, 0).expect("a FIFO");
    std::os::unix::net::UnixListener::bind(folder.join("socket")).expect("a socket");
    fs::create_dir(folder.join("folder")).expect("a folder");
    symlink("/dev/zero", folder.join("link-to-device")).expect("a link");
    let mut keys = vec!["fifo", "socket", "folder", "folder/", "link-to-device"];
    let zero = rustix::fs::makedev(1, 5);
    if mknodat(CWD, folder.join("device"), FileType::CharacterDevice, mode, zero).is_ok() {
        keys.push("device"); // only root may make one
    }
    let regular = gateway.store("regular.mp4", b"");
    for key in keys {
        let target = folder.join(key.trim_end_matches('/'));
        assert_not_found(&gateway, &row(&gateway, key, &target));
    }
    gateway.get(&regular.url()).send().assert_whole(b"");
    gateway.assert_unharmed();
}

#[test]
fn keys_that_are_no_paths_are_not_found() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    let path = gateway.storage().folder().join(&file.object_key);
    let long = "n".repeat(256);
    let deep = "d/".repeat(3_000) + "x";
    for key in ["", "/", ".", "..", "a//b", "nul\0byte", &format!("{}/below-a-file", file.object_key), &long, &deep] {
        assert_not_found(&gateway, &row(&gateway, key, &path));
    }
    gateway.assert_unharmed();
}

#[test]
fn keys_of_every_spelling_are_served() {
    let gateway = harness::start();
    let long = "n".repeat(255);
    for key in [
        "plain",
        "in/folders/of/many/levels/clip.mp4",
        "with space",
        "percent%2Fescape",
        "percent%2e%2e",
        "ключ/映画.mp4",
        "e\u{301}",
        "\u{1f3ac}",
        "-leading",
        "..hidden",
        "back\\slash",
        "quote\"star*question?",
        "CON",
        "managed/0190a1b2",
        &long,
    ] {
        let file = gateway.file("clip.mp4").object_key(key).store(key.as_bytes());
        gateway.get(&file.url()).send().assert_whole(key.as_bytes());
    }
    gateway.assert_unharmed();
}

#[test]
fn a_file_that_may_not_be_read_is_refused_without_a_word_about_why() {
    const NOBODY: u32 = 65_534;
    let setup = harness::setup();
    let is_root = rustix::process::geteuid().is_root();
    let gateway = if is_root { setup.user(NOBODY).start_without_canary() } else { setup.start_without_canary() };
    let readable = gateway.store("readable.mp4", b"bytes");
    gateway.get(&readable.url()).send().assert_whole(b"bytes");

    let file = gateway.store("clip.mp4", b"bytes");
    let path = gateway.storage().folder().join(&file.object_key);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("the owner may");
    let answer = gateway.get(&file.url()).send();
    assert!(matches!(answer.status(), 404 | 502 | 503), "{answer:?}");
    answer.assert_error_shape(answer.status());
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    for inner in [file.object_key.as_str(), "ermission", "os error", "/files/"] {
        assert!(!text.contains(inner), "{inner} is none of the client's business: {text}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("the owner may");
    gateway.get(&file.url()).send().assert_whole(b"bytes");
    assert_eq!(gateway.exited(), None);
}

#[test]
fn a_file_touched_since_it_was_registered_is_another_version() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    let path = gateway.storage().folder().join(&file.object_key);
    let before = fs::metadata(&path).and_then(|meta| meta.modified()).expect("a time");
    let object = fs::File::options().write(true).open(&path).expect("the object");
    object.set_modified(before + Duration::from_nanos(1)).expect("a time");
    gateway.get(&file.url()).send().assert_error_code(502, "storage_changed");
    object.set_modified(before).expect("a time");
    gateway.get(&file.url()).send().assert_whole(b"bytes");
}

#[test]
fn the_gateway_changes_nothing_in_its_storage() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", &bytes(100_000));
    let listing = || {
        let folder = gateway.storage().folder().join("objects");
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
        let mut names: Vec<_> =
            entries.map(|entry| (entry.file_name(), entry.metadata().expect("meta").len())).collect();
        names.sort();
        names
    };
    let before = listing();
    for range in ["bytes=0-", "bytes=0-1,5-6", "bytes=99999999-"] {
        let _ = gateway.get(&file.url()).range(range).send();
    }
    assert_eq!(listing(), before);
}

#[test]
fn a_file_cut_or_grown_since_it_was_registered_is_another_version() {
    let gateway = harness::start();
    for length in [0, 1, 99_999, 100_001, 200_000] {
        let file = gateway.store("clip.mp4", &bytes(100_000));
        let object = fs::File::options().write(true).open(gateway.storage().folder().join(&file.object_key));
        object.and_then(|object| object.set_len(length)).expect("another length");
        for request in [gateway.get(&file.url()), gateway.get(&file.url()).range("bytes=0-1")] {
            request.send().assert_error_code(502, "storage_changed");
        }
    }
    gateway.assert_unharmed();
}

#[test]
fn a_folder_that_is_gone_is_unready_and_serves_again_when_it_is_back() {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    let (folder, away) = (gateway.storage().folder().to_owned(), gateway.home().join("away"));
    fs::rename(&folder, &away).expect("the folder goes");
    let answer = gateway.get(&file.url()).send();
    assert!(matches!(answer.status(), 404 | 502 | 503), "{answer:?}");
    answer.assert_error_shape(answer.status());
    assert_eq!(gateway.readiness(), Some(503));
    fs::create_dir(&folder).expect("another folder of the same name");
    gateway.get(&file.url()).send().assert_error(404, "File not found", "not_found");
    fs::remove_dir(&folder).and_then(|()| fs::rename(&away, &folder)).expect("the folder comes back");
    gateway.get(&file.url()).send().assert_whole(&file.bytes);
    assert_eq!(gateway.readiness(), Some(200));
    gateway.assert_unharmed();
}

mod in_mid_download {
    use super::*;

    const LARGE: usize = 64 << 20;

    /// What a client gets to whose file this happens when it has read a little.
    fn received_when(gateway: &Gateway, file: &File, happens: impl FnOnce(&Path)) -> Vec<u8> {
        let mut download = gateway.get(&file.url()).open_with_window(64 << 10);
        let first = download.take(100_000);
        happens(&gateway.storage().folder().join(&file.object_key));
        let (rest, ended) = download.rest();
        assert_ne!(ended, Ended::Open, "the client is left waiting");
        [first, rest].concat()
    }

    #[test]
    fn a_file_nobody_may_read_or_find_any_more_is_finished_or_cut() {
        let gateway = harness::start();
        let file = gateway.store("film.mp4", &bytes(LARGE));
        let received = received_when(&gateway, &file, |path| {
            fs::set_permissions(path, fs::Permissions::from_mode(0o000)).expect("the owner may");
        });
        assert!(file.bytes.starts_with(&received), "other bytes than the file's");
        let file = gateway.store("film.mp4", &bytes(LARGE));
        let received = received_when(&gateway, &file, |path| fs::remove_file(path).expect("the owner may"));
        assert!(file.bytes.starts_with(&received), "other bytes than the file's");
        eventually("it is not found", PATIENCE, || (gateway.get(&file.url()).send().status() == 404).then_some(()));
        gateway.assert_unharmed();
    }

    #[test]
    fn a_file_cut_and_grown_again_is_never_padded_with_zeros() {
        let gateway = harness::start();
        let file = gateway.store("film.mp4", &bytes(LARGE));
        let received = received_when(&gateway, &file, |path| {
            let object = fs::File::options().write(true).open(path).expect("the object");
            object.set_len(1_000_000).and_then(|()| object.set_len(LARGE as u64)).expect("a hole");
        });
        assert!(file.bytes.starts_with(&received), "zeros, or other bytes than the file's");
        gateway.assert_unharmed();
    }

    #[test]
    fn a_file_written_over_in_place_is_cut() {
        // Storage replaces files by renaming. Bytes that a stranger writes into one show in what is under way already:
        // the kernel sends from the same pages. But what follows them is not sent.
        let gateway = harness::start();
        let file = gateway.store("film.mp4", &bytes(LARGE));
        let other = Random::seeded(99).bytes(LARGE);
        let received = received_when(&gateway, &file, |path| {
            let object = fs::File::options().write(true).open(path);
            object.and_then(|mut object| object.write_all(&other)).expect("other bytes in the same file");
        });
        assert!(received.len() < LARGE, "a body of two versions looks whole");
        gateway.assert_unharmed();
    }
}

mod beyond_four_gigabytes {
    use super::*;

    const SIZE: u64 = (5 << 30) + 1;
    const EDGE: u64 = 1 << 32;

    /// A sparse file with a few bytes at its marked places.
    fn sparse(gateway: &Gateway) -> File {
        let path = gateway.storage().folder().join("sparse");
        let mut object = fs::File::create(&path).expect("a file");
        object.set_len(SIZE).expect("a sparse file");
        for (at, text) in [(0, "begin"), (EDGE - 4, "before:after"), (SIZE - 3, "end")] {
            object.seek(SeekFrom::Start(at)).and_then(|_| object.write_all(text.as_bytes())).expect("some bytes");
        }
        drop(object);
        row(gateway, "sparse", &path)
    }

    #[test]
    fn ranges_around_the_edge_are_exact() {
        let gateway = harness::start();
        let file = sparse(&gateway);
        for (range, first, last, awaited) in [
            (format!("bytes={}-{}", EDGE - 4, EDGE + 7), EDGE - 4, EDGE + 7, "before:after"),
            (format!("bytes={}-{}", EDGE - 1, EDGE), EDGE - 1, EDGE, "or"),
            (format!("bytes={EDGE}-{EDGE}"), EDGE, EDGE, "r"),
            (format!("bytes={}-{}", EDGE + 1, EDGE + 2), EDGE + 1, EDGE + 2, "e:"),
            ("bytes=-3".to_owned(), SIZE - 3, SIZE - 1, "end"),
            (format!("bytes={}-", SIZE - 3), SIZE - 3, SIZE - 1, "end"),
            (format!("bytes={}-{}", SIZE - 3, u64::MAX), SIZE - 3, SIZE - 1, "end"),
            ("bytes=0-4".to_owned(), 0, 4, "begin"),
        ] {
            let answer = gateway.get(&file.url()).range(&range).send();
            assert_eq!(answer.status(), 206, "{range}");
            assert_eq!(answer.sure_header("content-range"), format!("bytes {first}-{last}/{SIZE}"));
            assert_eq!(answer.body(), awaited.as_bytes(), "{range}");
        }
        let beyond = gateway.get(&file.url()).range(&format!("bytes={SIZE}-")).send();
        assert_eq!(beyond.assert_error_shape(416).sure_header("content-range"), format!("bytes */{SIZE}"));
        gateway.assert_unharmed();
    }

    #[test]
    fn the_whole_length_is_told_and_several_parts_are_exact() {
        let gateway = harness::start();
        let file = sparse(&gateway);
        let head = gateway.head(&file.url()).send();
        assert_eq!((head.status(), head.sure_header("content-length")), (200, SIZE.to_string().as_str()));
        let range = format!("bytes=0-4,{}-{},-3", EDGE - 4, EDGE + 7);
        let parts = harness::parts(&gateway.get(&file.url()).range(&range).send());
        let bodies: Vec<_> = parts.iter().map(|part| String::from_utf8_lossy(&part.body).into_owned()).collect();
        assert_eq!(bodies, ["begin", "before:after", "end"]);
        assert_eq!(parts[1].content_range, format!("bytes {}-{}/{SIZE}", EDGE - 4, EDGE + 7));
    }

    #[test]
    fn a_download_of_it_begins_and_ends_as_the_client_likes() {
        let gateway = harness::start();
        let file = sparse(&gateway);
        let mut whole = gateway.get(&file.url()).open_with_window(64 << 10);
        assert_eq!(whole.head().sure_header("content-length"), SIZE.to_string());
        assert_eq!(whole.take(7), b"begin\0\0");
        drop(whole);
        let over_the_edge = format!("bytes={}-{}", EDGE - (8 << 20), EDGE + (8 << 20) - 1);
        let answer = gateway.get(&file.url()).range(&over_the_edge).send();
        assert_eq!(answer.body().len(), 16 << 20);
        assert_eq!(&answer.body()[(8 << 20) - 4..(8 << 20) + 8], b"before:after");
        gateway.assert_unharmed();
    }
}
