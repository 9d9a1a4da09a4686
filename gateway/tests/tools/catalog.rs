//! `explain --catalog`: what the catalog says of file and user, with the gateway's own verdict.

use crate::{Said, harness, tool_with};
use harness::{File, Gateway, LinkV1, SECRET};

fn explain(gateway: &Gateway, url: &str) -> Said {
    let catalog = gateway.catalog().url();
    let variables = [("FILE_SIGNING_SECRET", SECRET), ("DATABASE_URL", &catalog)];
    let said = tool_with(&variables, b"", &["explain", "--catalog", url]);
    said.assert_harmless();
    said
}

/// A gateway with a file, the catalog then changed.
fn changed(change: impl FnOnce(&Gateway, &File)) -> (Gateway, File) {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    change(&gateway, &file);
    (gateway, file)
}

#[test]
fn a_file_that_is_there_is_described() {
    let (gateway, file) = changed(|_, _| ());
    let said = explain(&gateway, &file.url());
    assert_eq!(said.code, 0, "{said:?}");
    said.assert_says(&[
        "opens: ",
        "ok not revoked: neither",
        "ok there, and the user's own: there; the user's own; 5 bytes of video/mp4",
    ]);
}

#[test]
fn why_the_catalog_refuses_is_told() {
    for (refused, words, change) in [
        ("404 not_found", "there is no file of this id", (|_, _| ()) as fn(&Gateway, &File)),
        ("404 not_found", "deleted, and its object is still to go", |gateway, file| gateway.catalog().delete(file)),
        ("404 not_found", "not the user's: its owner is user_other", |gateway, file| {
            gateway.catalog().give(file, "user_other");
        }),
        ("404 not_found", "kept until 1000 (", |gateway, file| gateway.catalog().expire(file, 1_000)),
        ("404 not_found", "the user is deleted", |gateway, file| gateway.catalog().delete_user(&file.user)),
        ("403 revoked", "NO not revoked: the user is blocked", |gateway, file| gateway.catalog().block(&file.user)),
        ("403 revoked", "URLs of the file issued before ", |gateway, file| {
            gateway.catalog().revoke_file(file, harness::now() + 3600);
        }),
        ("403 revoked", "URLs of the user issued before ", |gateway, file| {
            gateway.catalog().revoke_user(&file.user, harness::now() + 3600);
        }),
    ] {
        let (gateway, file) = changed(change);
        let is_there = words != "there is no file of this id";
        let link = if is_there { file.link() } else { LinkV1::new("none", &file.user) };
        let said = explain(&gateway, &link.url());
        assert_eq!(said.code, 1, "{words}");
        said.assert_says(&[&format!("refused with {refused}"), words]);
    }
}

#[test]
fn what_the_url_itself_is_refused_for_goes_first() {
    let (gateway, file) = changed(|gateway, file| gateway.catalog().block(&file.user));
    explain(&gateway, &file.link().expires(1).url()).assert_says(&["refused with 410 expired", "the user is blocked"]);
    explain(&gateway, "/files/secure/a?b").assert_says(&["refused with 400 malformed"]);
}

#[test]
fn a_catalog_that_cannot_be_read_is_told_with_another_exit_code() {
    let url = LinkV1::new("file_1", "user_1").url();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let none = format!("sqlite://{}", folder.path().join("none.db").display());
    for (database, code) in [(none.as_str(), 69), ("", 64), ("mysql://user:hunter2@nowhere/files", 64)] {
        let said = tool_with(
            &[("FILE_SIGNING_SECRET", SECRET), ("DATABASE_URL", database)],
            b"",
            &["explain", "--catalog", &url],
        );
        assert_eq!((said.code, said.out.as_str()), (code, ""), "{database}");
        assert!(!said.assert_harmless().err.contains("hunter2"), "{}", said.err);
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is made");
}

#[test]
fn every_mistake_in_the_settings_is_told_at_once() {
    let variables =
        [("FILE_SIGNING_SECRET", "short"), ("GATEWAY_MAX_URL_SECONDS", "soon"), ("DATABASE_URL", "mysql://a/b")];
    let said = tool_with(&variables, b"", &["explain", "--catalog", &LinkV1::new("file_1", "user_1").url()]);
    assert_eq!((said.code, said.out.as_str()), (64, ""));
    for (name, _) in variables {
        assert!(said.err.contains(name), "{name}: {}", said.err);
    }
}
