//! The `users` table.

use super::{NOW, SECOND, fresh, user};

#[tokio::test]
async fn a_user_of_whom_nothing_is_known_is_in_good_standing() {
    let (catalog, _fresh) = fresh().await;
    let standing = catalog.standing(&user("user_1")).await.unwrap();
    assert!(!standing.blocked && !standing.deleted && standing.urls_revoked_before.is_none());
}

#[tokio::test]
async fn a_block_is_put_and_taken_away() {
    let (catalog, _fresh) = fresh().await;
    let is_blocked = async || catalog.standing(&user("user_1")).await.unwrap().blocked;
    for _ in 0..2 {
        catalog.block_user(&user("user_1"), NOW).await.unwrap();
        assert!(is_blocked().await);
    }
    assert!(!catalog.standing(&user("user_2")).await.unwrap().blocked);
    for _ in 0..2 {
        catalog.unblock_user(&user("user_1"), NOW).await.unwrap();
        assert!(!is_blocked().await);
    }
}

#[tokio::test]
async fn revoking_a_users_urls_never_goes_back_in_time_and_keeps_the_block() {
    let (catalog, _fresh) = fresh().await;
    catalog.block_user(&user("user_1"), NOW).await.unwrap();
    let revoke = async |now| catalog.revoke_user_urls(&user("user_1"), now).await.unwrap();
    assert_eq!(revoke(NOW).await, SECOND + 1);
    assert_eq!(revoke(NOW - 5_000).await, SECOND + 1);
    assert_eq!(revoke(NOW + 5_000).await, SECOND + 6);
    let standing = catalog.standing(&user("user_1")).await.unwrap();
    assert_eq!((standing.blocked, standing.urls_revoked_before), (true, Some(SECOND + 6)));
    assert_eq!(catalog.revoke_user_urls(&user("user_2"), NOW).await.unwrap(), SECOND + 1);
}
