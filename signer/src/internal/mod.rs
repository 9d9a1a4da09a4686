//! What services ask for, on the listener that only they reach: objects that lie in storage already become files,
//! and links are issued for any user, still after the ownership check.

mod register;
mod tokens;

pub(crate) use register::register;
pub(crate) use tokens::Service;
pub use tokens::ServiceTokens;

use crate::{
    Signer,
    body::Fields,
    error::Error,
    files::{Batch, Links, Owner, Success},
    tiers::MAX_URL_SECONDS,
};
use axum::extract::{Request, State};
use proto::{catalog::UserStanding, id::UserId};

/// `POST /internal/signed-urls`: as the batch of a user, bounded by no tier and counted nowhere.
pub(crate) async fn signed_urls(
    State(signer): State<Signer>,
    service: Service,
    request: Request,
) -> Result<Success<Links>, Error> {
    let fields = fields(&signer, request).await?;
    let user = user(&fields)?;
    let limits = crate::tiers::Limits { max_url_seconds: MAX_URL_SECONDS, ..signer.config().tiers.of(None) };
    let batch = Batch::internal(&fields, limits)?;
    let standing = welcome(&signer, &user).await?;
    let owner = Owner { id: &user, standing, asked_by: service.actor() };
    Ok(Success::of(signer.links(&owner, batch).await?))
}

async fn fields(signer: &Signer, request: Request) -> Result<Fields, Error> {
    let (head, body) = request.into_parts();
    Fields::read(&head.headers, body, signer.config().upload_patience).await
}

/// `user_id`, which must be there.
fn user(fields: &Fields) -> Result<UserId, Error> {
    const WHY: &str = "must be a user id";
    let user = fields.text("user_id", WHY)?.and_then(|text| text.parse().ok());
    user.ok_or(Error::invalid("user_id", WHY))
}

/// Nothing is done for a user who is blocked or deleted, whoever asks.
async fn welcome(signer: &Signer, user: &UserId) -> Result<UserStanding, Error> {
    let standing = signer.catalog().standing(user).await?;
    if standing.blocked || standing.deleted { Err(Error::UserBlocked) } else { Ok(standing) }
}
