use super::{refusals::Step, *};
use crate::{error::Error, identity::Flaw, storage::Failure, webhooks::Refused};
use serde_json::Value;
use std::collections::BTreeSet;

/// One of each. A variant that is added compiles only once it stands here.
macro_rules! each {
    ($($pattern:pat => $error:expr,)*) => {{
        let _ = |error: &Error| match error { $($pattern => (),)* };
        [$($error),*]
    }};
}

fn every_error() -> impl Iterator<Item = Error> {
    let source = || "".into();
    IntoIterator::into_iter(each! {
        Error::TokenMissing => Error::TokenMissing,
        Error::TokenExpired => Error::TokenExpired,
        Error::TokenInvalid(_) => Error::TokenInvalid(Flaw::Signature),
        Error::KeysUnavailable => Error::KeysUnavailable,
        Error::UserBlocked => Error::UserBlocked,
        Error::Webhook(Refused::Headers) => Error::Webhook(Refused::Headers),
        Error::Webhook(Refused::Timestamp) => Error::Webhook(Refused::Timestamp),
        Error::Webhook(Refused::Signature) => Error::Webhook(Refused::Signature),
        Error::Webhook(Refused::Body) => Error::Webhook(Refused::Body),
        Error::Forbidden => Error::Forbidden,
        Error::ForeignOrigin => Error::ForeignOrigin,
        Error::RateLimited { .. } => Error::RateLimited { limit: 1, seconds: 1 },
        Error::Invalid { .. } => Error::invalid("", ""),
        Error::Host(_) => Error::Host(""),
        Error::TooLarge { .. } => Error::TooLarge { limit: 1 },
        Error::OverQuota { .. } => Error::OverQuota { limit: 1 },
        Error::MediaType { .. } => Error::MediaType { expected: "" },
        Error::DigestMismatch => Error::DigestMismatch,
        Error::Stalled => Error::Stalled,
        Error::UploadNotFound => Error::UploadNotFound,
        Error::UploadExpired => Error::UploadExpired,
        Error::UploadHeld => Error::UploadHeld,
        Error::UploadIncomplete => Error::UploadIncomplete,
        Error::NoDirectUploads => Error::NoDirectUploads,
        Error::FileNotFound => Error::FileNotFound,
        Error::ObjectNotFound => Error::ObjectNotFound,
        Error::PathTaken => Error::PathTaken,
        Error::KeyUnderWay => Error::KeyUnderWay,
        Error::KeyReused => Error::KeyReused,
        Error::RouteNotFound => Error::RouteNotFound,
        Error::MethodNotAllowed => Error::MethodNotAllowed,
        Error::Overloaded => Error::Overloaded,
        Error::Catalog(_) => Error::Catalog(sqlx::Error::PoolClosed),
        Error::Storage(Failure::Unavailable(_)) => Error::Storage(Failure::Unavailable(source())),
        Error::Storage(Failure::Nonsense(_)) => Error::Storage(Failure::Nonsense(source())),
        Error::Storage(Failure::Busy) => Error::Storage(Failure::Busy),
        Error::Storage(Failure::Lost(_)) => Error::Storage(Failure::Lost(source())),
        Error::Storage(Failure::Full(_)) => Error::Storage(Failure::Full(source())),
        Error::Internal(_) => Error::Internal("".into()),
    })
}

fn as_json() -> Value {
    serde_json::from_slice(&DOCUMENT).unwrap()
}

/// Status, `error` and `code` of every refusal in the document. Which `error` goes with which `code` it does not say.
fn declared() -> BTreeSet<(String, String, String)> {
    let (document, mut declared) = (as_json(), BTreeSet::new());
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    for (status, response) in operations.flat_map(|operation| operation["responses"].as_object().unwrap()) {
        let exact = &response["content"]["application/json"]["schema"]["allOf"][1]["properties"];
        let texts =
            |name: &str| exact[name]["enum"].as_array().into_iter().flatten().map(|text| text.as_str().unwrap());
        for (error, code) in texts("error").flat_map(|error| texts("code").map(move |code| (error, code))) {
            declared.insert((status.clone(), error.to_owned(), code.to_owned()));
        }
    }
    declared
}

#[test]
fn every_error_is_an_answer_of_some_operation() {
    let declared = declared();
    for error in every_error() {
        let answer = error.answer();
        let texts = (answer.status.as_u16().to_string(), answer.error.to_owned(), answer.code.to_owned());
        assert!(declared.contains(&texts), "{texts:?}");
    }
}

#[test]
fn no_code_is_declared_that_no_error_has() {
    let codes: BTreeSet<_> = every_error().map(|error| error.answer().code.to_owned()).collect();
    assert_eq!(declared().into_iter().map(|(_, _, code)| code).collect::<BTreeSet<_>>(), codes);
}

#[test]
fn every_operation_has_a_tag_an_id_of_its_own_and_a_summary() {
    let tags: BTreeSet<_> = tags().into_iter().map(|tag| tag.name).collect();
    let mut ids = BTreeSet::new();
    for operation in operations::all() {
        let described = operation.describe();
        assert!(described.tags.iter().flatten().all(|tag| tags.contains(tag)), "{:?}", described.tags);
        assert!(ids.insert(described.operation_id.clone()), "{:?}", described.operation_id);
        assert!(described.summary.is_some_and(|summary| !summary.is_empty()));
    }
}

#[test]
fn steps_that_end_in_one_status_share_its_response() {
    let refused = refusals::responses(&[Step::Admin, Step::Caller, Step::Origin]);
    let forbidden: Vec<_> = refused.iter().filter(|(status, _)| *status == 403).collect();
    let [(_, response)] = forbidden[..] else { panic!("{} responses for 403", forbidden.len()) };
    assert_eq!(response.description, "CSRF protection: Invalid origin; Forbidden; User blocked");
}
