//! What a token must say, as one pure function: [`judge`].
//!
//! A claim of an unexpected type counts as absent, and so does `null`. Stricter on purpose, because being absent
//! would let the token through:
//!
//! | claim | of an unexpected type |
//! |---|---|
//! | `exp`, `nbf`, `iat` | refused, `null` too: a bound that cannot be read is not "no bound" |
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

/// Of tokens that `signer token` mints. No name below `.invalid` ever belongs to anybody (RFC 6761 section 6.4).
pub const DEVELOPMENT_ISSUER: &str = "https://development.invalid";

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
    /// Names no key, or one that the provider does not have.
    #[error("unknown key")]
    UnknownKey,
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

/// What a token with a good signature proves, and from when to when.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Proof {
    pub(super) user: User,
    pub(super) validity: Validity,
}

/// When a token counts, in Unix seconds. Kept apart from the rest, because the rest stays true.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Validity {
    /// The later of `nbf` and `iat`.
    starts: f64,
    /// `exp`, in whole seconds.
    expires: f64,
}

/// What a token with a good signature proves at `now` (Unix seconds).
///
/// # Errors
/// The first rule it breaks.
pub(super) fn judge(header: &Object, claims: &Object, rules: &Rules, now: u64) -> Result<Proof, Flaw> {
    header_asks_for_nothing(header)?;
    is_no_machine(header, claims)?;
    let validity = Validity::of(claims)?;
    validity.at(now)?;
    issuer(claims, rules)?;
    audience(claims, rules)?;
    party(claims, rules)?;
    if strict(claims, "sts").map_err(|()| Flaw::Pending)? == Some("pending") {
        return Err(Flaw::Pending);
    }
    let user = User {
        id: subject(claims)?,
        email: description(claims, "email"),
        role: description(claims, "role").or_else(|| description(claims.get("metadata")?.as_object()?, "role")),
        permissions: strings(claims.get("permissions")).unwrap_or_default().into_iter().map(Into::into).collect(),
        subscription_tier: description(claims, "subscription_tier"),
    };
    Ok(Proof { user, validity })
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

/// RFC 7519 section 4.1.4 to 4.1.6.
impl Validity {
    pub(super) fn of(claims: &Object) -> Result<Self, Flaw> {
        let second = |name| claims.get(name).map(|value| value.as_f64().ok_or(Flaw::Time)).transpose();
        let starts = f64::max(second("nbf")?.unwrap_or(f64::MIN), second("iat")?.unwrap_or(f64::MIN));
        Ok(Self { starts, expires: second("exp")?.ok_or(Flaw::Time)?.floor() })
    }

    /// The last second (Unix) at which the token surely counts, if it ever does.
    pub(super) fn last(self) -> u64 {
        self.expires as u64
    }

    /// Whether the token counts at `now` (Unix seconds). `exp <= now - 5` is expired.
    pub(super) fn at(self, now: u64) -> Result<(), Flaw> {
        if self.starts > seconds(now.saturating_add(LEEWAY)) {
            return Err(Flaw::Time);
        }
        if self.expires <= seconds(now.saturating_sub(LEEWAY)) { Err(Flaw::Expired) } else { Ok(()) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "Unix seconds stay below 2^53 for the next 285 million years")]
fn seconds(whole: u64) -> f64 {
    whole as f64
}

/// Tokens for development are taken where that was asked for, and nowhere by default.
fn issuer(claims: &Object, rules: &Rules) -> Result<(), Flaw> {
    let named = lenient(claims, "iss");
    match &rules.issuer {
        Some(expected) if named != Some(expected) => Err(Flaw::Issuer),
        None if named == Some(DEVELOPMENT_ISSUER) => Err(Flaw::Issuer),
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
mod tests;
