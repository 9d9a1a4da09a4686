//! Who is calling. `Caller` is the only way a handler gets a [`UserId`], so none can forget to ask.
//!
//! | step | where |
//! |---|---|
//! | find the one token that is presented | `presented` |
//! | look whether it was verified before | `verified`, through `verifier` |
//! | read it, verify its signature | `token`, with a [`Key`] of the settings or of the provider's set (`jwks`) |
//! | judge its claims | `claims` |
//! | ask the catalog whether the user is still welcome | `Caller` |

mod claims;
mod jwks;
mod key;
mod key_set;
mod strict_json;
mod token;
mod verified;
mod verifier;

pub use claims::{DEVELOPMENT_ISSUER, Flaw, Rules, User};
pub use jwks::{JwksSource, Pace};
pub use key::{Key, PemError};
pub(crate) use verifier::{KeyState, Verifier};

use crate::{Signer, boundary::Exchange, clock, error::Error, tiers::Limits, webhooks::Secrets};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use claims::Proof;
use proto::{catalog::UserStanding, id::UserId};
use std::sync::Arc;

/// Clerk's session cookie.
const COOKIE: &str = "__session";

/// How tokens are judged: by which keys, and by which rules; and how the provider's messages are.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Where the keys are that may have signed a token.
    pub keys: KeySource,
    /// What its claims must say.
    pub rules: Rules,
    /// What the provider signs its own messages with; without one none is taken.
    pub webhooks: Option<Secrets>,
}

/// Where keys come from. With one in the settings none is ever fetched.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// `CLERK_JWT_KEY`.
    Pem(Key),
    /// `CLERK_JWKS_URL`, or the place that `CLERK_ISSUER` implies.
    Jwks(JwksSource),
}

/// Whom a token proves at `now` (Unix seconds), if this key signed it.
///
/// # Errors
/// The first rule it breaks.
pub fn judge(token: &str, key: &Key, rules: &Rules, now: u64) -> Result<User, Flaw> {
    token::Unverified::read(token)?.judge(key, rules, now).map(|proof| proof.user)
}

/// A signed-in user in good standing.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    proof: Arc<Proof>,
    standing: UserStanding,
    limits: Limits,
}

impl Caller {
    pub(crate) fn id(&self) -> &UserId {
        &self.proof.user.id
    }

    /// As their token has it.
    pub(crate) fn role(&self) -> Option<&str> {
        self.proof.user.role.as_deref()
    }

    /// What their tier lets them have.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn standing(&self) -> UserStanding {
        self.standing
    }
}

impl FromRequestParts<Signer> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, signer: &Signer) -> Result<Self, Error> {
        let proven = match presented(&parts.headers) {
            Ok(token) => signer.identity().prove(token, clock::unix_seconds()).await,
            Err(refused) => Err(refused),
        };
        signer.metrics().token(proven.as_ref().err());
        let proof = proven?;
        if let Some(exchange) = parts.extensions.get::<Exchange>() {
            exchange.is_of(&proof.user.id);
        }
        // With every call, whatever was verified before: a block counts from the moment it is written.
        let standing = signer.catalog().standing(&proof.user.id).await?;
        if standing.blocked || standing.deleted {
            return Err(Error::UserBlocked);
        }
        let limits = signer.config().tiers.of(proof.user.subscription_tier.as_deref());
        Ok(Self { proof, standing, limits })
    }
}

/// Whoever presents a token where none is needed, because something else was presented too. It must be a good one, but
/// may have run out: an upload that was begun with it can finish.
#[derive(Debug, Clone)]
pub(crate) struct SignedInOnce(Option<Arc<Proof>>);

impl SignedInOnce {
    /// Whether somebody else than this user presented a token.
    pub(crate) fn is_other_than(&self, user: &UserId) -> bool {
        self.0.as_ref().is_some_and(|proof| proof.user.id != *user)
    }
}

impl FromRequestParts<Signer> for SignedInOnce {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, signer: &Signer) -> Result<Self, Error> {
        let proven = match presented(&parts.headers) {
            Err(Error::TokenMissing) => return Ok(Self(None)),
            Ok(token) => signer.identity().prove_even_lapsed(token, clock::unix_seconds()).await,
            Err(refused) => Err(refused),
        };
        signer.metrics().token(proven.as_ref().err());
        proven.map(Some).map(Self)
    }
}

/// The one token of a request: from `Authorization`, else from the cookie. A header that is present and bad
/// never falls back, and two tokens are none.
fn presented(headers: &HeaderMap) -> Result<&str, Error> {
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    match (authorizations.next(), authorizations.next()) {
        (Some(_), Some(_)) => Err(Error::TokenInvalid(Flaw::Ambiguous)),
        (Some(value), None) => {
            let bearer = value.to_str().ok().and_then(|text| text.split_once(' '));
            let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            bearer.map(|(_, token)| token).ok_or(Error::TokenInvalid(Flaw::Malformed))
        }
        (None, _) => cookie(headers),
    }
}

fn cookie(headers: &HeaderMap) -> Result<&str, Error> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut tokens = pairs.filter(|(name, value)| *name == COOKIE && !value.is_empty()).map(|(_, value)| value);
    let first = tokens.next().ok_or(Error::TokenMissing)?;
    if tokens.any(|other| other != first) {
        return Err(Error::TokenInvalid(Flaw::Ambiguous));
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn code(lines: &[(&'static str, &'static str)]) -> &'static str {
        presented(&headers(lines)).unwrap_err().answer().code
    }

    #[test]
    fn the_header_goes_before_the_cookie() {
        let both = headers(&[("authorization", "bEARER a.b.c"), ("cookie", "__session=x.y.z")]);
        assert_eq!(presented(&both).unwrap(), "a.b.c");
        let cookies = headers(&[("cookie", "a=b; __session=x.y.z"), ("cookie", "__session_2=no; __session=x.y.z")]);
        assert_eq!(presented(&cookies).unwrap(), "x.y.z");
    }

    #[test]
    fn a_bad_header_never_falls_back_to_the_cookie() {
        for bad in ["Basic x", "Bearer", "", "token", "a.b.c"] {
            assert_eq!(code(&[("authorization", bad), ("cookie", "__session=x.y.z")]), "token_invalid", "{bad:?}");
        }
    }

    #[test]
    fn two_tokens_are_none() {
        assert_eq!(code(&[("authorization", "Bearer a"), ("authorization", "Bearer a")]), "token_invalid");
        assert_eq!(code(&[("cookie", "__session=a; __session=b")]), "token_invalid");
    }

    #[test]
    fn no_token_is_missing_not_invalid() {
        assert_eq!(code(&[]), "token_missing");
        assert_eq!(code(&[("cookie", "__session=; other=1")]), "token_missing");
    }
}
