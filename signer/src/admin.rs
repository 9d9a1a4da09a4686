//! What an admin may do: look at anybody's files, delete one, block a user and let them in again, end a user's URLs.
//! Every use leaves a line in the `audit` table, in the transaction of what was done.

use crate::{
    Signer,
    catalog::Audit,
    clock,
    error::Error,
    files::{Deleted, Named, Revoked, Success},
    identity::Caller,
};
use axum::{
    extract::{FromRequestParts, Path, State},
    http::request::Parts,
};
use proto::id::UserId;
use serde::Serialize;
use utoipa::ToSchema;

/// The role, as a token names it.
const ROLE: &str = "admin";

/// A caller whose token says that they are an admin.
pub(crate) struct Admin(Caller);

impl Admin {
    /// That they did this to that.
    pub(crate) fn audit(&self, action: &'static str, target: &str) -> Audit {
        Audit { actor: self.0.id().to_string(), action, target: target.into(), details: None }
    }
}

impl FromRequestParts<Signer> for Admin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, signer: &Signer) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, signer).await?;
        if caller.role() == Some(ROLE) { Ok(Self(caller)) } else { Err(Error::Forbidden) }
    }
}

/// The user in a path.
pub(crate) struct Target(UserId);

impl FromRequestParts<Signer> for Target {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, signer: &Signer) -> Result<Self, Error> {
        let path = Path::<String>::from_request_parts(parts, signer).await;
        let user = path.ok().and_then(|Path(text)| text.parse().ok());
        user.map(Self).ok_or(Error::invalid("userId", "must be a user id"))
    }
}

/// `{"user_id": ..., "blocked": ...}`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Standing {
    user_id: String,
    blocked: bool,
}

/// `DELETE /admin/files/{fileId}`.
pub(crate) async fn delete_file(
    State(signer): State<Signer>,
    admin: Admin,
    Named(id): Named,
) -> Result<Success<Deleted>, Error> {
    let audit = admin.audit("delete_file", id.as_str());
    let key = signer.catalog().mark_deleted_by(&audit, &id, clock::unix_millis()).await?;
    Ok(Success::of(signer.purge_soon(id, key.ok_or(Error::FileNotFound)?).await))
}

/// `POST /admin/users/{userId}/block`.
pub(crate) async fn block(
    State(signer): State<Signer>,
    admin: Admin,
    Target(user): Target,
) -> Result<Success<Standing>, Error> {
    let audit = admin.audit("block_user", user.as_str());
    signer.catalog().block_user_by(&audit, &user, clock::unix_millis()).await?;
    Ok(Success::of(Standing { user_id: user.to_string(), blocked: true }))
}

/// `POST /admin/users/{userId}/unblock`.
pub(crate) async fn unblock(
    State(signer): State<Signer>,
    admin: Admin,
    Target(user): Target,
) -> Result<Success<Standing>, Error> {
    let audit = admin.audit("unblock_user", user.as_str());
    signer.catalog().unblock_user_by(&audit, &user, clock::unix_millis()).await?;
    Ok(Success::of(Standing { user_id: user.to_string(), blocked: false }))
}

/// `POST /admin/users/{userId}/revoke-urls`.
pub(crate) async fn revoke_urls(
    State(signer): State<Signer>,
    admin: Admin,
    Target(user): Target,
) -> Result<Success<Revoked>, Error> {
    let audit = admin.audit("revoke_user_urls", user.as_str());
    let before = signer.catalog().revoke_user_urls_by(&audit, &user, clock::unix_millis()).await?;
    Ok(Success::of(Revoked::before(before)))
}
