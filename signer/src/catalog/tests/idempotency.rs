//! The `idempotency_keys` table.

use super::{NOW, fresh};
use crate::{
    catalog::Claim,
    idempotency::{Answered, Key},
};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

fn key(scope: &str) -> Key {
    Key { scope: scope.into(), key: "k".into() }
}

fn answered(scope: &str, answer: &str) -> Answered {
    Answered { key: key(scope), file_id: "a".into(), answer: answer.into() }
}

#[tokio::test]
async fn a_key_is_claimed_once_and_answered_for_a_day() {
    let (catalog, _fresh) = fresh().await;
    let claim = async |fingerprint, now| catalog.claim(&key("user_1"), fingerprint, now).await.unwrap();
    assert_eq!(claim("f", NOW).await, Claim::Ours);
    assert_eq!(claim("f", NOW).await, Claim::UnderWay);
    assert_eq!(claim("g", NOW).await, Claim::Another);
    assert_eq!(catalog.claim(&key("user_2"), "g", NOW).await.unwrap(), Claim::Ours, "another user's key is another");
    catalog.settle(&answered("user_1", "done")).await.unwrap();
    assert_eq!(claim("f", NOW + DAY - 1).await, Claim::Answered("done".into()));
    assert_eq!(claim("g", NOW + DAY - 1).await, Claim::Another);
    assert_eq!(claim("g", NOW + DAY).await, Claim::Ours);
    assert_eq!(claim("g", NOW + DAY).await, Claim::UnderWay, "the answer was that of the other request");
}

#[tokio::test]
async fn a_claim_without_an_answer_is_given_back_or_abandoned() {
    let (catalog, _fresh) = fresh().await;
    let claim = async |now| catalog.claim(&key("user_1"), "f", now).await.unwrap();
    claim(NOW).await;
    catalog.release(&key("user_1")).await.unwrap();
    assert_eq!(claim(NOW).await, Claim::Ours);
    assert_eq!(claim(NOW + 10 * MINUTE - 1).await, Claim::UnderWay);
    assert_eq!(claim(NOW + 10 * MINUTE).await, Claim::Ours);
    catalog.settle(&answered("user_1", "done")).await.unwrap();
    catalog.release(&key("user_1")).await.unwrap();
    assert_eq!(claim(NOW + 11 * MINUTE).await, Claim::Answered("done".into()), "what is answered is not given back");
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_hold_a_claim_up() {
    let (catalog, _fresh) = fresh().await;
    let claim = async |now| catalog.claim(&key("user_1"), "f", now).await.unwrap();
    assert_eq!(claim(NOW + DAY).await, Claim::Ours);
    assert_eq!(claim(NOW + DAY - 10 * MINUTE).await, Claim::UnderWay);
    assert_eq!(claim(NOW).await, Claim::Ours);
    catalog.settle(&answered("user_1", "done")).await.unwrap();
    assert_eq!(claim(NOW - DAY).await, Claim::Answered("done".into()), "what is done stays done");
}

#[tokio::test]
async fn of_many_at_once_one_gets_the_key() {
    let (catalog, _fresh) = fresh().await;
    let claims = (0..8).map(|_| {
        let catalog = catalog.clone();
        async move { catalog.claim(&key("user_1"), "f", NOW).await.unwrap() }
    });
    let claims = futures_util::future::join_all(claims).await;
    assert_eq!(claims.iter().filter(|claim| **claim == Claim::Ours).count(), 1, "{claims:?}");
}

#[tokio::test]
async fn old_keys_are_forgotten() {
    let (catalog, _fresh) = fresh().await;
    catalog.claim(&key("user_1"), "f", NOW).await.unwrap();
    catalog.claim(&key("user_2"), "f", NOW + 1).await.unwrap();
    assert_eq!(catalog.forget_keys(NOW + DAY).await.unwrap(), 1);
}
