//! What a token must say, as one pure function: [`judge`].
//!
//! A claim of an unexpected type counts as absent, and so does `null`. Stricter on purpose, because being absent
//! would let the token through:
//!
//! | claim | of an unexpected type |
//! |---|---|
//! | `exp`, `nbf`, `iat` | refused: a bound that cannot be read is not "no bound" |
//! | `sub` | refused, as when absent |
//! | `aud` | refused, also where it may be absent: it was made for somebody |
//! | `sts`, `cat` | refused: it may say "pending" or "machine" in a way that is not understood |
//!
//! `iss` and `azp` need no such rule: where settings ask for one, an absent one is refused.

use super::strict_json::Object;
use proto::id::UserId;
use serde_json::Value;

/// How far clocks may differ, in seconds.
const LEEWAY: u64 = 5;

/// Clerk's category of tokens that stand for a machine, not for a session.
const MACHINE_CATEGORY: &str = "cl_B7d4PD333AAA";
const MACHINE_SUBJECT: &str = "mch_";

/// What this service expects of a token.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// `CLERK_ISSUER`; not looked at when `None`.
    pub issuer: Option<String>,
    /// `CLERK_AUDIENCE`.
    pub audience: String,
    /// `CLERK_AUTHORIZED_PARTIES`; not looked at when empty.
    pub parties: Vec<String>,
}

/// Whom a token proves, as it describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `sub`.
    pub id: UserId,
    /// `email`.
    pub email: Option<String>,
    /// `role`, or `metadata.role`.
    pub role: Option<String>,
    /// `permissions`.
    pub permissions: Vec<String>,
    /// `subscription_tier`.
    pub subscription_tier: Option<String>,
}

/// What is wrong with a token. For the log: a client learns only that it is expired or invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// More than one token was presented.
    #[error("more than one token")]
    Ambiguous,
    /// Cannot be read as a token.
    #[error("malformed")]
    Malformed,
    /// Not RS256.
    #[error("algorithm")]
    Algorithm,
    /// No key of ours signed it.
    #[error("signature")]
    Signature,
    /// Its header asks for something that is not understood, or it is a token of another type.
    #[error("header")]
    Header,
    /// `exp` is past.
    #[error("expired")]
    Expired,
    /// `exp`, `nbf` or `iat` is missing, no number, or still ahead.
    #[error("time")]
    Time,
    /// `iss` is another.
    #[error("issuer")]
    Issuer,
    /// `aud` is another, or missing where it may not be.
    #[error("audience")]
    Audience,
    /// `azp` is not listed.
    #[error("authorized party")]
    Party,
    /// `sub` is no user id, or `user_id` is another.
    #[error("subject")]
    Subject,
    /// `sts` says that the session is not complete.
    #[error("pending session")]
    Pending,
    /// Stands for a machine.
    #[error("machine token")]
    Machine,
}

/// Whom a token with a good signature proves at `now` (Unix seconds).
///
/// # Errors
/// The first rule it breaks.
pub(super) fn judge(header: &Object, claims: &Object, rules: &Rules, now: u64) -> Result<User, Flaw> {
    header_asks_for_nothing(header)?;
    is_no_machine(header, claims)?;
    times(claims, now)?;
    issuer(claims, rules)?;
    audience(claims, rules)?;
    party(claims, rules)?;
    if strict(claims, "sts").map_err(|()| Flaw::Pending)? == Some("pending") {
        return Err(Flaw::Pending);
    }
    Ok(User {
        id: subject(claims)?,
        email: description(claims, "email"),
        role: description(claims, "role").or_else(|| description(claims.get("metadata")?.as_object()?, "role")),
        permissions: strings(claims.get("permissions")).unwrap_or_default().into_iter().map(Into::into).collect(),
        subscription_tier: description(claims, "subscription_tier"),
    })
}

/// RFC 7515 section 4.1.11: an extension that is critical and not understood refuses the token; we understand none.
fn header_asks_for_nothing(header: &Object) -> Result<(), Flaw> {
    let plain_payload = matches!(header.get("b64"), None | Some(Value::Bool(true)));
    let is_jwt = match header.get("typ") {
        None => true,
        Some(typ) => typ == "JWT",
    };
    let understood = !header.contains_key("crit") && !header.contains_key("zip") && plain_payload && is_jwt;
    if understood { Ok(()) } else { Err(Flaw::Header) }
}

fn is_no_machine(header: &Object, claims: &Object) -> Result<(), Flaw> {
    for part in [header, claims] {
        if strict(part, "cat").map_err(|()| Flaw::Machine)? == Some(MACHINE_CATEGORY) {
            return Err(Flaw::Machine);
        }
    }
    let is_machine = claims.get("sub").and_then(Value::as_str).is_some_and(|sub| sub.starts_with(MACHINE_SUBJECT));
    if is_machine { Err(Flaw::Machine) } else { Ok(()) }
}

/// RFC 7519 section 4.1.4 to 4.1.6. `exp <= now - 5` is expired.
fn times(claims: &Object, now: u64) -> Result<(), Flaw> {
    let second = |name| match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or(Flaw::Time),
    };
    let (earliest, latest) = (seconds(now.saturating_sub(LEEWAY)), seconds(now.saturating_add(LEEWAY)));
    let expires = second("exp")?.ok_or(Flaw::Time)?;
    for name in ["nbf", "iat"] {
        if second(name)?.is_some_and(|start| start > latest) {
            return Err(Flaw::Time);
        }
    }
    if expires <= earliest { Err(Flaw::Expired) } else { Ok(()) }
}

#[expect(clippy::cast_precision_loss, reason = "Unix seconds stay below 2^53 for the next 285 million years")]
fn seconds(whole: u64) -> f64 {
    whole as f64
}

fn issuer(claims: &Object, rules: &Rules) -> Result<(), Flaw> {
    match &rules.issuer {
        Some(expected) if lenient(claims, "iss") != Some(expected) => Err(Flaw::Issuer),
        _ => Ok(()),
    }
}

/// Clerk's own session token has no audience; then only the authorized party says for whom it was made.
fn audience(claims: &Object, rules: &Rules) -> Result<(), Flaw> {
    let named = match claims.get("aud") {
        None | Some(Value::Null) => return if rules.parties.is_empty() { Err(Flaw::Audience) } else { Ok(()) },
        Some(Value::String(one)) => vec![one.as_str()],
        several => strings(several).ok_or(Flaw::Audience)?,
    };
    if named.contains(&rules.audience.as_str()) { Ok(()) } else { Err(Flaw::Audience) }
}

fn party(claims: &Object, rules: &Rules) -> Result<(), Flaw> {
    let listed = lenient(claims, "azp").is_some_and(|party| rules.parties.iter().any(|known| known == party));
    if rules.parties.is_empty() || listed { Ok(()) } else { Err(Flaw::Party) }
}

fn subject(claims: &Object) -> Result<UserId, Flaw> {
    let sub = strict(claims, "sub").map_err(|()| Flaw::Subject)?.ok_or(Flaw::Subject)?;
    if lenient(claims, "user_id").is_some_and(|id| id != sub) {
        return Err(Flaw::Subject);
    }
    sub.parse().map_err(|_| Flaw::Subject)
}

/// A claim that must be a text if it is there.
fn strict<'a>(claims: &'a Object, name: &str) -> Result<Option<&'a str>, ()> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(()),
    }
}

/// A claim that is absent unless it is a text.
fn lenient<'a>(claims: &'a Object, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

fn description(claims: &Object, name: &str) -> Option<String> {
    lenient(claims, name).map(Into::into)
}

fn strings(value: Option<&Value>) -> Option<Vec<&str>> {
    value?.as_array()?.iter().map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: u64 = 1_900_000_000;

    fn object(value: &Value) -> Object {
        value.as_object().unwrap().clone()
    }

    fn rules() -> Rules {
        Rules { issuer: Some("https://clerk.example".into()), audience: "t2m-api".into(), parties: Vec::new() }
    }

    fn with_parties() -> Rules {
        Rules { parties: vec!["https://app.example".into()], ..rules() }
    }

    /// Good claims, with some of them replaced; `null` stays in as `null`.
    fn claims(changes: &Value) -> Object {
        let mut claims = object(&json!({
            "sub": "user_1", "exp": NOW + 60, "iat": NOW, "nbf": NOW,
            "iss": "https://clerk.example", "aud": "t2m-api",
        }));
        claims.extend(object(changes));
        claims
    }

    fn without(name: &str) -> Object {
        let mut claims = claims(&json!({}));
        claims.remove(name);
        claims
    }

    fn verdict(claims: &Object, rules: &Rules) -> Result<(), Flaw> {
        judge(&object(&json!({"alg": "RS256", "typ": "JWT"})), claims, rules, NOW).map(drop)
    }

    #[test]
    fn a_token_describes_its_user() {
        let full = claims(&json!({
            "email": "a@example.com", "role": "admin", "metadata": {"role": "other"},
            "permissions": ["files:read"], "subscription_tier": "pro", "user_id": "user_1",
        }));
        let user = judge(&object(&json!({"alg": "RS256"})), &full, &rules(), NOW).unwrap();
        assert_eq!(user.id.as_str(), "user_1");
        assert_eq!((user.email.as_deref(), user.role.as_deref()), (Some("a@example.com"), Some("admin")));
        assert_eq!((user.permissions, user.subscription_tier.as_deref()), (vec!["files:read".into()], Some("pro")));
    }

    #[test]
    fn a_description_of_an_unexpected_type_counts_as_absent() {
        let odd = claims(&json!({
            "email": 1, "role": ["admin"], "metadata": {"role": "editor"}, "permissions": "all",
            "subscription_tier": {}, "user_id": null,
        }));
        let user = judge(&object(&json!({"alg": "RS256"})), &odd, &rules(), NOW).unwrap();
        assert_eq!((user.email, user.role.as_deref()), (None, Some("editor")));
        assert_eq!((user.permissions, user.subscription_tier), (Vec::new(), None));
    }

    #[test]
    fn times_have_five_seconds_of_leeway() {
        for (changes, expected) in [
            (json!({"exp": NOW - 4}), Ok(())),
            (json!({"exp": NOW as f64 - 4.5}), Ok(())),
            (json!({"exp": NOW - 5}), Err(Flaw::Expired)),
            (json!({"exp": NOW - 6}), Err(Flaw::Expired)),
            (json!({"exp": -1}), Err(Flaw::Expired)),
            (json!({"exp": 1e18}), Ok(())),
            (json!({"exp": "1e18"}), Err(Flaw::Time)),
            (json!({"exp": null}), Err(Flaw::Time)),
            (json!({"exp": [NOW + 60]}), Err(Flaw::Time)),
            (json!({"nbf": NOW + 4}), Ok(())),
            (json!({"nbf": NOW + 6}), Err(Flaw::Time)),
            (json!({"nbf": NOW + 3600}), Err(Flaw::Time)),
            (json!({"nbf": "0"}), Err(Flaw::Time)),
            (json!({"iat": NOW + 4}), Ok(())),
            (json!({"iat": NOW + 6}), Err(Flaw::Time)),
            (json!({"iat": true}), Err(Flaw::Time)),
            (json!({"iat": null, "nbf": null}), Ok(())),
        ] {
            assert_eq!(verdict(&claims(&changes), &rules()), expected, "{changes}");
        }
        assert_eq!(verdict(&without("exp"), &rules()), Err(Flaw::Time));
    }

    #[test]
    fn the_subject_is_a_user_id_that_nothing_contradicts() {
        for bad in [json!(""), json!(1), json!(["user_1"]), json!("a:b"), json!("x".repeat(4096)), json!(null)] {
            assert_eq!(verdict(&claims(&json!({"sub": bad})), &rules()), Err(Flaw::Subject), "{bad}");
        }
        assert_eq!(verdict(&without("sub"), &rules()), Err(Flaw::Subject));
        assert_eq!(verdict(&claims(&json!({"user_id": "user_2"})), &rules()), Err(Flaw::Subject));
        assert_eq!(verdict(&claims(&json!({"user_id": 1})), &rules()), Ok(()));
    }

    #[test]
    fn issuer_audience_and_party_are_those_of_the_settings() {
        let app = "https://app.example";
        for (changes, rules, expected) in [
            (json!({"iss": "https://other.example"}), rules(), Err(Flaw::Issuer)),
            (json!({"iss": null}), rules(), Err(Flaw::Issuer)),
            (json!({"iss": ["https://clerk.example"]}), rules(), Err(Flaw::Issuer)),
            (json!({"iss": 1}), Rules { issuer: None, ..rules() }, Ok(())),
            (json!({"iss": "https://other.example"}), Rules { issuer: None, ..rules() }, Ok(())),
            (json!({"aud": "other"}), rules(), Err(Flaw::Audience)),
            (json!({"aud": []}), rules(), Err(Flaw::Audience)),
            (json!({"aud": 7}), rules(), Err(Flaw::Audience)),
            (json!({"aud": 7, "azp": app}), with_parties(), Err(Flaw::Audience)),
            (json!({"aud": ["other", "t2m-api"]}), rules(), Ok(())),
            (json!({"aud": null}), rules(), Err(Flaw::Audience)),
            (json!({"aud": null, "azp": app}), with_parties(), Ok(())),
            (json!({"aud": "other", "azp": app}), with_parties(), Err(Flaw::Audience)),
            (json!({"azp": "https://other.example"}), rules(), Ok(())),
            (json!({"azp": [app]}), rules(), Ok(())),
            (json!({"azp": app}), with_parties(), Ok(())),
            (json!({"azp": "https://app.example.evil"}), with_parties(), Err(Flaw::Party)),
            (json!({"azp": [app]}), with_parties(), Err(Flaw::Party)),
            (json!({}), with_parties(), Err(Flaw::Party)),
        ] {
            assert_eq!(verdict(&claims(&changes), &rules), expected, "{changes}");
        }
        assert_eq!(verdict(&without("aud"), &rules()), Err(Flaw::Audience));
    }

    #[test]
    fn sessions_and_templates_are_taken_machines_and_pending_ones_are_not() {
        for (changes, expected) in [
            (json!({"sts": "active"}), Ok(())),
            (json!({"sts": "pending"}), Err(Flaw::Pending)),
            (json!({"sts": ["active"]}), Err(Flaw::Pending)),
            (json!({"sts": null, "cat": null}), Ok(())),
            (json!({"cat": 1}), Err(Flaw::Machine)),
            (json!({"cat": "cl_B7d4PD111AAA"}), Ok(())),
            (json!({"cat": "cl_B7d4PD222AAA"}), Ok(())),
            (json!({"cat": "cl_B7d4PD333AAA"}), Err(Flaw::Machine)),
            (json!({"sub": "mch_1"}), Err(Flaw::Machine)),
        ] {
            assert_eq!(verdict(&claims(&changes), &rules()), expected, "{changes}");
        }
    }

    #[test]
    fn a_header_that_asks_for_more_is_refused() {
        for (header, expected) in [
            (json!({}), Ok(())),
            (json!({"typ": "JWT", "kid": "__proto__", "jku": "https://evil.example"}), Ok(())),
            (json!({"typ": "jwt"}), Err(Flaw::Header)),
            (json!({"typ": "at+jwt"}), Err(Flaw::Header)),
            (json!({"typ": null}), Err(Flaw::Header)),
            (json!({"crit": ["b64"]}), Err(Flaw::Header)),
            (json!({"crit": []}), Err(Flaw::Header)),
            (json!({"b64": false}), Err(Flaw::Header)),
            (json!({"zip": "DEF"}), Err(Flaw::Header)),
            (json!({"cat": "cl_B7d4PD333AAA"}), Err(Flaw::Machine)),
        ] {
            let found = judge(&object(&header), &claims(&json!({})), &rules(), NOW).map(drop);
            assert_eq!(found, expected, "{header}");
        }
    }
}
