//! The development identity: one demo user, one access token, this machine only.
//!
//! [`Development::protect`] stands in front of the signer's routes:
//! 1. a request from anywhere but this machine is refused (`host`), whatever it asks for;
//! 2. cookies go: none of them is ours;
//! 3. the access token becomes a JWT of the demo user that lives for a minute; any other credential becomes one
//!    that no key ever signed.
//!
//! The signer then runs its own identity code, unchanged, and refuses in its own words. The JWT never leaves this
//! process, and one that was made elsewhere, even with the very same key, is not the access token.

use crate::{folder::random, host, refusal::Refusal};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proto::id::UserId;
use std::{
    fmt, io,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use subtle::ConstantTimeEq;
use tower::ServiceExt;

/// The `sub` of every JWT made here.
pub const DEMO_USER: &str = "user_demo";

/// How long such a JWT is valid, in seconds: it is used at once.
const JWT_SECONDS: u64 = 60;

/// Bytes of randomness in an access token.
const TOKEN_LEN: usize = 20;

/// More than a list of one file takes.
const MAX_LIST_BYTES: usize = 1 << 20;

const ELSEWHERE: Refusal = Refusal {
    route: "unmatched",
    status: StatusCode::FORBIDDEN,
    error: "Forbidden",
    message: "The development identity answers this machine only, without a proxy in between: open it as \
              http://localhost, or set CLERK_JWT_KEY to serve others.",
    code: "development_identity",
};

/// Stands for every credential that is not the access token. It is no JWT, so no key can have signed it.
const NO_CREDENTIAL: HeaderValue = HeaderValue::from_static("Bearer refused");

/// What lets the person who started this process, and nobody else, act as the demo user. New at each start; its
/// `Debug` prints nothing.
#[derive(Clone)]
pub struct AccessToken(String);

impl AccessToken {
    /// A token of 160 random bits.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn random() -> io::Result<Self> {
        random(TOKEN_LEN).map(|bytes| Self(hex::encode(bytes)))
    }

    /// The token's text, safe in a URL. For the banner alone.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `Bearer <token>`, the scheme in any case (RFC 9110 section 11.1), the token in constant time.
    fn opens(&self, credential: &HeaderValue) -> bool {
        let (scheme, token) = credential.as_bytes().split_at_checked("Bearer ".len()).unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(token.ct_eq(self.0.as_bytes()))
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(..)")
    }
}

/// What the signer must find in a JWT beside the user.
#[derive(Debug, Clone)]
pub struct Expected {
    /// `CLERK_AUDIENCE`.
    pub audience: String,
    /// One of `CLERK_AUTHORIZED_PARTIES`, if there are any.
    pub party: Option<String>,
}

/// The development identity.
#[derive(Clone)]
pub struct Development {
    token: AccessToken,
    key: EncodingKey,
    expected: Expected,
}

impl Development {
    /// The identity whose JWTs are signed with `key_pem`, an RSA key.
    ///
    /// # Errors
    /// The key is none.
    pub fn new(token: AccessToken, key_pem: &str, expected: Expected) -> Result<Self, jsonwebtoken::errors::Error> {
        Ok(Self { token, key: EncodingKey::from_rsa_pem(key_pem.as_bytes())?, expected })
    }

    /// The demo user's id.
    #[must_use]
    pub fn user() -> UserId {
        DEMO_USER.parse().expect("the demo user's id is in its alphabet")
    }

    /// The access token.
    #[must_use]
    pub fn token(&self) -> &AccessToken {
        &self.token
    }

    /// The same routes, open to this machine and the access token only.
    pub fn protect(self, router: Router) -> Router {
        router.layer(from_fn_with_state(Arc::new(self), protect))
    }

    /// The credential that the signer is to see in place of the one presented.
    fn exchange(&self, headers: &HeaderMap, now: u64) -> Option<HeaderValue> {
        let mut presented = headers.get_all(header::AUTHORIZATION).iter();
        match (presented.next()?, presented.next()) {
            (only, None) if self.token.opens(only) => Some(self.credential(now).unwrap_or(NO_CREDENTIAL)),
            _ => Some(NO_CREDENTIAL),
        }
    }

    /// A fresh JWT of the demo user. `None` is a key that cannot sign, which [`Development::new`] rules out.
    fn credential(&self, now: u64) -> Option<HeaderValue> {
        let mut claims = serde_json::json!({
            "sub": DEMO_USER, "aud": self.expected.audience, "iat": now, "exp": now + JWT_SECONDS,
        });
        if let Some(party) = &self.expected.party {
            claims["azp"] = party.as_str().into();
        }
        let jwt = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key).ok()?;
        let mut value = HeaderValue::try_from(format!("Bearer {jwt}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

async fn protect(State(identity): State<Arc<Development>>, mut request: Request, next: Next) -> Response {
    if !host::is_local(request.uri(), request.headers()) || host::is_forwarded(request.headers()) {
        return ELSEWHERE.answer(request);
    }
    request.headers_mut().remove(header::COOKIE);
    if let Some(credential) = identity.exchange(request.headers(), unix_seconds()) {
        request.headers_mut().insert(header::AUTHORIZATION, credential);
    }
    next.run(request).await
}

/// The id of the demo user's newest file: what the API's list says, asked for like anybody else.
pub(crate) async fn newest(router: Router, token: &AccessToken) -> Option<String> {
    let request = Request::get("/api/v1/files?limit=1")
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, format!("Bearer {}", token.reveal()))
        .body(Body::empty());
    let Ok(response) = router.oneshot(request.ok()?).await;
    let listed = axum::body::to_bytes(response.into_body(), MAX_LIST_BYTES).await.ok()?;
    let listed: serde_json::Value = serde_json::from_slice(&listed).ok()?;
    Some(listed["data"]["files"][0]["id"].as_str()?.to_owned())
}

#[expect(clippy::disallowed_methods, reason = "the one clock of this crate")]
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::Value;

    const NOW: u64 = 1_700_000_000;

    fn identity(party: Option<&str>) -> (Development, DecodingKey) {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let expected = Expected { audience: "t2m-api".into(), party: party.map(Into::into) };
        let identity = Development::new(AccessToken::random().unwrap(), &key.serialize_pem(), expected).unwrap();
        (identity, DecodingKey::from_rsa_pem(key.public_key_pem().as_bytes()).unwrap())
    }

    fn presented(identity: &Development, credential: &str) -> Option<HeaderValue> {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(credential).unwrap())]);
        identity.exchange(&headers, NOW)
    }

    #[test]
    fn the_access_token_becomes_a_jwt_of_the_demo_user_for_a_minute() {
        for (party, azp) in [(None, Value::Null), (Some("https://app.test"), "https://app.test".into())] {
            let (identity, key) = identity(party);
            let token = identity.token().reveal().to_owned();
            let credential = presented(&identity, &format!("bearer {token}")).unwrap();
            let jwt = credential.to_str().unwrap().strip_prefix("Bearer ").unwrap();
            let mut rules = Validation::new(Algorithm::RS256);
            rules.set_audience(&["t2m-api"]);
            rules.validate_exp = false;
            let claims = jsonwebtoken::decode::<Value>(jwt, &key, &rules).unwrap().claims;
            assert_eq!((&claims["sub"], &claims["iat"]), (&"user_demo".into(), &NOW.into()));
            assert_eq!((&claims["exp"], &claims["azp"]), (&(NOW + 60).into(), &azp));
            assert!(!jwt.contains(&token) && claims.get("role").is_none());
            assert!(format!("{credential:?} {:?}", identity.token()).len() < 40, "neither can be printed");
        }
    }

    #[test]
    fn any_other_credential_becomes_one_that_nobody_signed() {
        let (identity, _) = identity(None);
        let token = identity.token().reveal();
        for other in [&token[1..], "Bearer", "Bearer ", &format!("Bearer {token}0"), &format!("Bearer  {token}"), ""] {
            assert_eq!(presented(&identity, other), Some(NO_CREDENTIAL), "{other}");
        }
        assert_eq!(identity.exchange(&HeaderMap::new(), NOW), None);
    }
}
