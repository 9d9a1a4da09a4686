//! What the identity provider tells of users.

use super::{NOW, file, fresh, id, user};
use crate::catalog::{Catalog, Effect, Statement, UserEvent, What};
use futures_util::future::join_all;

const SETTLED: i64 = NOW + 1;

fn event(what: What, at: i64) -> UserEvent {
    UserEvent { user: user("user_1"), what, at }
}

fn banned(is: bool, at: i64) -> UserEvent {
    event(What::Standing { banned: Some(is) }, at)
}

impl Catalog {
    async fn hears(&self, message: &str, event: &UserEvent) -> Effect {
        self.apply(message, event, NOW).await.unwrap()
    }

    /// Whether the user is blocked, and deleted.
    async fn stands(&self) -> (bool, bool) {
        let standing = self.standing(&user("user_1")).await.unwrap();
        (standing.blocked, standing.deleted)
    }
}

#[tokio::test]
async fn a_message_has_its_effect_once() {
    let (catalog, _fresh) = fresh().await;
    assert_eq!(catalog.hears("a", &banned(true, 10)).await, Effect::Applied);
    assert_eq!(catalog.hears("b", &banned(false, 11)).await, Effect::Applied);
    for _ in 0..2 {
        assert_eq!(catalog.hears("a", &banned(true, 10)).await, Effect::Repeated);
    }
    assert_eq!(catalog.stands().await, (false, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_copies_at_once_one_counts() {
    let (catalog, _fresh) = fresh().await;
    let copies = join_all((0..50).map(|_| {
        let catalog = catalog.clone();
        tokio::spawn(async move { catalog.hears("a", &event(What::Deleted, 10)).await })
    }));
    let effects: Vec<_> = copies.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(effects.iter().filter(|effect| **effect == Effect::Applied).count(), 1);
    assert_eq!(effects.iter().filter(|effect| **effect == Effect::Repeated).count(), 49);
    assert_eq!(catalog.feed().await, [("user_deleted".into(), "user_1".into())]);
}

#[tokio::test]
async fn an_older_event_does_not_undo_a_newer_one() {
    let (catalog, _fresh) = fresh().await;
    assert_eq!(catalog.hears("a", &banned(true, 20)).await, Effect::Applied);
    assert_eq!(catalog.hears("b", &banned(false, 19)).await, Effect::Stale);
    assert_eq!(catalog.stands().await, (true, false));
    assert_eq!(catalog.hears("c", &event(What::Standing { banned: None }, 30)).await, Effect::Applied);
    assert_eq!(catalog.hears("d", &banned(false, 29)).await, Effect::Stale);
    assert_eq!(catalog.stands().await, (true, false), "an event that says nothing of a ban leaves it");
    assert_eq!(catalog.hears("e", &banned(false, 30)).await, Effect::Applied);
    assert_eq!(catalog.stands().await, (false, false));
    let told = [("user_blocked".into(), "user_1".into()), ("user_unblocked".into(), "user_1".into())];
    assert_eq!(catalog.feed().await, told);
}

#[tokio::test]
async fn a_deletion_wins_whatever_its_time_and_stays() {
    for before in [None, Some(banned(true, 90)), Some(banned(false, 5))] {
        let (catalog, _fresh) = fresh().await;
        if let Some(before) = before {
            catalog.hears("a", &before).await;
        }
        assert_eq!(catalog.hears("b", &event(What::Deleted, 10)).await, Effect::Applied);
        assert_eq!(catalog.hears("c", &event(What::Deleted, 99)).await, Effect::Stale);
        assert_eq!(catalog.hears("d", &banned(false, 99)).await, Effect::Stale);
        assert!(catalog.stands().await.1);
        assert!(!catalog.insert(&file("user_1", "a")).await.unwrap(), "a deleted user gets no file");
    }
}

#[tokio::test]
async fn a_ban_and_an_admins_block_are_two_things() {
    let (catalog, _fresh) = fresh().await;
    catalog.block_user(&user("user_1"), NOW).await.unwrap();
    catalog.hears("a", &banned(true, 10)).await;
    catalog.hears("b", &banned(false, 11)).await;
    assert_eq!(catalog.stands().await, (true, false), "the block is still there");
    catalog.hears("c", &banned(true, 12)).await;
    catalog.unblock_user(&user("user_1"), NOW).await.unwrap();
    assert_eq!(catalog.stands().await, (true, false), "the ban is still there");
    catalog.hears("d", &banned(false, 13)).await;
    assert_eq!(catalog.stands().await, (false, false));
}

#[tokio::test]
async fn a_message_that_could_not_be_applied_is_not_known() {
    let (catalog, _fresh) = fresh().await;
    let run = async |statement| catalog.database.execute(Statement::new(statement)).await.unwrap();
    run("ALTER TABLE changes RENAME TO changes_away").await;
    assert!(catalog.apply("a", &event(What::Deleted, 10), NOW).await.is_err());
    run("ALTER TABLE changes_away RENAME TO changes").await;
    assert!(!catalog.stands().await.1);
    assert_eq!(catalog.hears("a", &event(What::Deleted, 10)).await, Effect::Applied);
}

#[tokio::test]
async fn a_deleted_users_files_go_by_and_by() {
    let (catalog, _fresh) = fresh().await;
    for (owner, name) in [("user_1", "a"), ("user_1", "b"), ("user_1", "c"), ("user_2", "d")] {
        catalog.insert(&file(owner, name)).await.unwrap();
    }
    assert_eq!(catalog.mark_files_deleted(&user("user_1"), NOW, 2).await.unwrap(), 0, "nobody is deleted yet");
    catalog.hears("m", &event(What::Deleted, 10)).await;
    let to_go = async |settled| catalog.users_with_files_to_go("", settled, 9).await.unwrap();
    assert_eq!(to_go(NOW).await, [(user("user_1"), false)]);
    assert_eq!(to_go(SETTLED).await, [(user("user_1"), true)]);
    for left in [2, 1, 0] {
        assert_eq!(catalog.mark_files_deleted(&user("user_1"), NOW, 2).await.unwrap(), left);
    }
    assert_eq!(catalog.deleted("", 9).await.unwrap().len(), 3);
    assert!(catalog.own_file(&user("user_2"), &id("d"), 1).await.unwrap().is_some());
    let mut told: Vec<_> = catalog.feed().await;
    told.sort();
    let expected = [("file_deleted", "a"), ("file_deleted", "b"), ("file_deleted", "c"), ("user_deleted", "user_1")];
    assert_eq!(told, expected.map(|(kind, subject)| (kind.to_owned(), subject.to_owned())));

    catalog.files_are_gone(&user("user_1"), NOW).await.unwrap();
    assert!(to_go(SETTLED).await.is_empty());
    assert!(catalog.stands().await.1, "the user stays deleted");
}

#[tokio::test]
async fn messages_are_forgotten_by_their_age() {
    let (catalog, _fresh) = fresh().await;
    catalog.hears("a", &banned(true, 10)).await;
    assert_eq!(catalog.forget_messages(NOW).await.unwrap(), 0);
    assert_eq!(catalog.hears("a", &banned(true, 10)).await, Effect::Repeated);
    assert_eq!(catalog.forget_messages(NOW + 1).await.unwrap(), 1);
    assert_eq!(catalog.hears("a", &banned(true, 9)).await, Effect::Stale, "its time still tells");
}
