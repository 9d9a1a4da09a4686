//! What a verified body says: which of the events that matter here, of whom, and when.

use super::Refused;
use crate::catalog::{UserEvent, What};
use serde_json::Value;

/// Reads an event that was sent at `sent_at` (Unix seconds). `None`: of a type that does not matter here.
pub(super) fn read(body: &[u8], sent_at: u64) -> Result<Option<UserEvent>, Refused> {
    let event: Value = serde_json::from_slice(body).map_err(|_| Refused::Body)?;
    let data = &event["data"];
    let what = match event["type"].as_str().ok_or(Refused::Body)? {
        // `locked` is not looked at: a stranger can cause it by guessing passwords.
        "user.created" | "user.updated" => What::Standing { banned: data["banned"].as_bool() },
        "user.deleted" => What::Deleted,
        _ => return Ok(None),
    };
    let user = data["id"].as_str().and_then(|id| id.parse().ok()).ok_or(Refused::Body)?;
    let at = event["timestamp"].as_u64().and_then(|millis| i64::try_from(millis).ok());
    let sent_at = i64::try_from(sent_at.saturating_mul(1000)).unwrap_or(i64::MAX);
    Ok(Some(UserEvent { user, what, at: at.unwrap_or(sent_at) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(body: &str) -> Result<Option<UserEvent>, Refused> {
        read(body.as_bytes(), 1_800_000_000)
    }

    #[test]
    fn what_happened_to_whom_and_when_is_read() {
        for (body, what, at) in [
            (r#"{"type":"user.created","data":{"id":"user_1"}}"#, What::Standing { banned: None }, 1_800_000_000_000),
            (
                r#"{"type":"user.updated","timestamp":7,"object":"event","data":{"id":"user_1","banned":true,"locked":true}}"#,
                What::Standing { banned: Some(true) },
                7,
            ),
            (
                r#"{"type":"user.updated","timestamp":"7","data":{"id":"user_1","banned":false}}"#,
                What::Standing { banned: Some(false) },
                1_800_000_000_000,
            ),
            (
                r#"{"type":"user.updated","timestamp":-7,"data":{"id":"user_1","banned":"true"}}"#,
                What::Standing { banned: None },
                1_800_000_000_000,
            ),
            (r#"{"type":"user.deleted","timestamp":9,"data":{"id":"user_1","deleted":true}}"#, What::Deleted, 9),
        ] {
            let expected = UserEvent { user: "user_1".parse().unwrap(), what, at };
            assert_eq!(event(body), Ok(Some(expected)), "{body}");
        }
    }

    #[test]
    fn other_types_do_not_matter() {
        for name in ["session.created", "organization.deleted", "user.deleted.v2", ""] {
            assert_eq!(event(&format!(r#"{{"type":"{name}","data":{{"id":"a:b"}}}}"#)), Ok(None), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for body in [
            "",
            "{",
            "[]",
            "null",
            "{}",
            r#"{"type":1}"#,
            r#"{"type":"user.deleted"}"#,
            r#"{"type":"user.deleted","data":[]}"#,
            r#"{"type":"user.deleted","data":{"id":null}}"#,
            r#"{"type":"user.deleted","data":{"id":""}}"#,
            r#"{"type":"user.deleted","data":{"id":"a:b"}}"#,
            r#"{"type":"user.updated","data":{"id":["user_1"]}}"#,
        ] {
            assert_eq!(event(body), Err(Refused::Body), "{body}");
        }
        assert_eq!(read(b"{\"type\":\"user.deleted\",\"data\":{\"id\":\"user_\xff\"}}", 0), Err(Refused::Body));
    }
}
