//! A proven URL opens a file only while the file is there, is the user's, and nobody took the right back (C16).

use crate::{
    await_verdict,
    harness::{self, File, Gateway, LinkV1, PATIENCE, eventually, now},
    verdict,
};

fn gateway_and_file() -> (Gateway, File) {
    let gateway = harness::start();
    let file = gateway.store("clip.mp4", b"bytes");
    (gateway, file)
}

#[test]
fn deleted_foreign_outlived_and_missing_files_look_the_same() {
    let gateway = harness::start();
    let store = || gateway.store("clip.mp4", b"bytes");
    let (deleted, given, outlived) = (store(), store(), store());
    gateway.catalog().delete(&deleted);
    gateway.catalog().give(&given, "user_other");
    gateway.catalog().expire(&outlived, now());
    let orphaned = gateway.file("clip.mp4").owner("user_gone").store(b"bytes");
    gateway.catalog().delete_user("user_gone");
    let foreign = store();

    let urls = [
        deleted.url(),
        given.url(),
        outlived.url(),
        orphaned.url(),
        foreign.link().user("user_other").url(),
        LinkV1::new("never_was", "user_nobody").url(),
        deleted.link_v2().url(),
    ];
    let bodies = urls.map(|url| {
        let answer = gateway.get(&url).send();
        answer.assert_error(404, "File not found", "not_found");
        let mut json = answer.json();
        json.as_object_mut().expect("an object").remove("request_id");
        json.to_string()
    });
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:#?}");
}

#[test]
fn a_new_owner_is_let_in_and_the_old_one_is_not() {
    let (gateway, file) = gateway_and_file();
    assert_eq!(verdict(&gateway, &file.url()), "granted");
    gateway.catalog().give(&file, "user_new");
    await_verdict(&gateway, &file.url(), "not_found");
    await_verdict(&gateway, &file.link().user("user_new").url(), "granted");
}

#[test]
fn a_deleted_file_is_gone_within_the_bound() {
    let (gateway, file) = gateway_and_file();
    assert_eq!(verdict(&gateway, &file.url()), "granted");
    gateway.catalog().delete(&file);
    await_verdict(&gateway, &file.url(), "not_found");
    gateway.head(&file.url()).send().assert_error_headers();
}

#[test]
fn a_file_registered_after_it_was_asked_for_is_found_within_the_bound() {
    let gateway = harness::start();
    let url = LinkV1::new("comes_later", "user_patient").url();
    assert_eq!(verdict(&gateway, &url), "not_found");
    gateway.file("clip.mp4").id("comes_later").owner("user_patient").store(b"bytes");
    await_verdict(&gateway, &url, "granted");
}

#[test]
fn a_blocked_a_banned_and_a_revoked_user_are_refused_within_the_bound() {
    let gateway = harness::start();
    let file = |user: &str| gateway.file("clip.mp4").owner(user).store(b"bytes");
    let (blocked, banned, revoked) = (file("user_blocked"), file("user_banned"), file("user_revoked"));
    for file in [&blocked, &banned, &revoked] {
        assert_eq!(verdict(&gateway, &file.url()), "granted");
    }
    gateway.catalog().block("user_blocked");
    gateway.catalog().ban("user_banned");
    gateway.catalog().revoke_user("user_revoked", now());
    for file in [&blocked, &banned, &revoked] {
        await_verdict(&gateway, &file.url(), "revoked");
        gateway.get(&file.url()).send().assert_error(403, "Signed URL revoked", "revoked");
    }
    let untouched = file("user_untouched");
    assert_eq!(verdict(&gateway, &untouched.url()), "granted");
}

#[test]
fn revoking_a_file_ends_all_its_version_1_urls_and_the_older_version_2_urls() {
    let gateway = harness::start();
    let (file, other) = (gateway.store("clip.mp4", b"bytes"), gateway.store("other.mp4", b"other"));
    let line = now() - 100;
    gateway.catalog().revoke_file(&file, line);
    await_verdict(&gateway, &file.url(), "revoked");
    let issued = |second: u64| verdict(&gateway, &file.link_v2().with("iat", &second.to_string()).url());
    assert_eq!(issued(line - 1), "revoked");
    assert_eq!(issued(line), "granted");
    assert_eq!(issued(line + 1), "granted");
    assert_eq!(verdict(&gateway, &other.url()), "granted", "another file of the same user");
}

#[test]
fn revoking_a_user_ends_the_urls_of_all_files_alike() {
    let gateway = harness::start();
    let file = gateway.file("clip.mp4").owner("user_line").store(b"bytes");
    let line = now() - 100;
    gateway.catalog().revoke_user("user_line", line);
    await_verdict(&gateway, &file.url(), "revoked");
    let issued = |second: u64| verdict(&gateway, &file.link_v2().with("iat", &second.to_string()).url());
    assert_eq!(issued(line - 1), "revoked");
    assert_eq!(issued(line), "granted");
    let missing = LinkV1::new("never_was", "user_line").url();
    assert_eq!(verdict(&gateway, &missing), "revoked", "before it is looked whether the file is there");
}

#[test]
fn a_revoked_file_of_another_owner_shows_nothing() {
    let (gateway, file) = gateway_and_file();
    gateway.catalog().revoke_file(&file, now());
    assert_eq!(verdict(&gateway, &file.link().user("user_other").url()), "not_found");
}

#[test]
fn a_user_who_is_blocked_and_deleted_is_revoked_first() {
    let (gateway, file) = gateway_and_file();
    gateway.catalog().block(&file.user);
    gateway.catalog().run("UPDATE users SET deleted_at = '1700000000000' WHERE id = $1", &[&file.user]);
    await_verdict(&gateway, &file.url(), "revoked");
    gateway.catalog().unblock(&file.user);
    await_verdict(&gateway, &file.url(), "not_found");
}

#[test]
fn a_file_outlives_its_end_by_nothing() {
    let (gateway, file) = gateway_and_file();
    let end = now() + 5;
    gateway.catalog().expire(&file, end);
    assert_eq!(verdict(&gateway, &file.url()), "granted");
    eventually("the file is gone", PATIENCE, || (verdict(&gateway, &file.url()) == "not_found").then_some(()));
    assert!(now() >= end, "gone before its end");
}

#[test]
fn a_signed_url_for_getting_is_none_for_deleting() {
    let (gateway, file) = gateway_and_file();
    for method in ["DELETE", "PUT", "POST", "PATCH"] {
        gateway.request(method, &file.url()).send().assert_error_shape(405);
    }
    assert_eq!(verdict(&gateway, &file.url()), "granted");
}
