//! Who is let in to a file, once the URL is proven.

use proto::{
    catalog::{FileEntry, UserStanding, admit},
    etag::ETag,
    keys::KeyRing,
    refusal::Refusal,
    signed_url::{Grant, LinkV2, sign_v1, sign_v2, verify},
};

const NOW: u64 = 1_800_000_000;

fn ring() -> KeyRing {
    KeyRing::from_settings(Some("0123456789abcdef0123456789abcdef"), None, false).unwrap()
}

fn grant(target: &str) -> Grant {
    let (path, query) = target.split_once('?').unwrap();
    verify(path, query, &ring(), NOW, 0).unwrap()
}

fn v1() -> Grant {
    grant(&sign_v1(&ring(), &"f".parse().unwrap(), &"u".parse().unwrap(), NOW + 60))
}

fn v2(issued_at: u64) -> Grant {
    let (file, user) = ("f".parse().unwrap(), "u".parse().unwrap());
    let link = LinkV2 {
        file: &file,
        user: &user,
        expires: NOW + 60,
        issued_at,
        not_before: None,
        disposition: None,
        filename: None,
        segment: None,
    };
    grant(&sign_v2(&ring(), &link))
}

fn entry() -> FileEntry {
    FileEntry {
        owner: "u".parse().unwrap(),
        object_key: "k".into(),
        filename: "f.mp4".into(),
        content_type: "video/mp4".into(),
        size: 1,
        etag: ETag::from_storage("e").unwrap(),
        modified_at: NOW,
        ready: true,
        expires_at: None,
        urls_revoked_before: None,
    }
}

fn standing() -> UserStanding {
    UserStanding::default()
}

fn answer(grant: &Grant, file: Option<&FileEntry>, user: UserStanding) -> Result<(), Refusal> {
    admit(grant, file, user, NOW).map(|_| ())
}

#[test]
fn the_owner_of_a_ready_file_is_let_in() {
    assert_eq!(answer(&v1(), Some(&entry()), standing()), Ok(()));
}

#[test]
fn a_missing_a_foreign_a_deleted_and_an_outlived_file_look_the_same() {
    let foreign = FileEntry { owner: "v".parse().unwrap(), ..entry() };
    let foreign_and_revoked = FileEntry { urls_revoked_before: Some(NOW), ..foreign.clone() };
    let deleted = FileEntry { ready: false, ..entry() };
    let outlived = FileEntry { expires_at: Some(NOW), ..entry() };
    for file in [None, Some(&foreign), Some(&foreign_and_revoked), Some(&deleted), Some(&outlived)] {
        assert_eq!(answer(&v1(), file, standing()), Err(Refusal::NotFound));
    }
    let gone = UserStanding { deleted: true, ..standing() };
    assert_eq!(answer(&v1(), Some(&entry()), gone), Err(Refusal::NotFound));
}

#[test]
fn a_blocked_user_is_revoked_before_anything_is_looked_for() {
    let blocked = UserStanding { blocked: true, ..standing() };
    assert_eq!(answer(&v1(), Some(&entry()), blocked), Err(Refusal::Revoked));
    assert_eq!(answer(&v1(), None, blocked), Err(Refusal::Revoked));
    assert_eq!(answer(&v1(), Some(&entry()), UserStanding { deleted: true, ..blocked }), Err(Refusal::Revoked));
}

#[test]
fn a_revocation_ends_older_urls_and_every_version_1() {
    let file = FileEntry { urls_revoked_before: Some(NOW - 10), ..entry() };
    let user = UserStanding { urls_revoked_before: Some(NOW - 10), ..standing() };
    for (file, user) in [(file, standing()), (entry(), user)] {
        assert_eq!(answer(&v1(), Some(&file), user), Err(Refusal::Revoked));
        assert_eq!(answer(&v2(NOW - 11), Some(&file), user), Err(Refusal::Revoked));
        assert_eq!(answer(&v2(NOW - 10), Some(&file), user), Ok(()));
    }
}
