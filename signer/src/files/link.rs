//! Links that open one file of its owner's for a while: one, many at once, and one of a job's newest video.

use super::{
    Named, Success, job_id as valid_job_id, own_file,
    wish::{INTERNAL, Issued, Names, PUBLIC, Wish},
};
use crate::{
    Signer,
    body::Fields,
    boundary::Exchange,
    catalog::{Audit, FileRow, Page},
    clock,
    error::Error,
    identity::Caller,
    rate_limit::Counted,
    tiers::Limits,
};
use axum::extract::{Path, Request, State};
use proto::{
    catalog::UserStanding,
    id::{FileId, UserId},
};
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;

/// Files of one request.
const MAX_FILES: usize = 100;

/// A link as it is answered.
#[derive(Serialize, ToSchema)]
pub(crate) struct Link {
    url: String,
    expires_at: String,
}

/// The links of a batch, in the order asked.
#[derive(Serialize, ToSchema)]
pub(crate) struct Links {
    results: Vec<Item>,
}

/// What came of one file of a batch.
#[derive(Serialize, ToSchema)]
struct Item {
    file_id: String,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Outcome {
    Issued(Link),
    Refused { error: &'static str, code: &'static str },
}

/// Whose links they are, and what is known of them.
pub(crate) struct Owner<'a> {
    pub(crate) id: &'a UserId,
    pub(crate) standing: UserStanding,
    /// The owner, or a service.
    pub(crate) asked_by: String,
}

/// `POST /files/{fileId}/signed-url`.
pub(crate) async fn signed_url(
    State(signer): State<Signer>,
    Counted(caller): Counted,
    Named(id): Named,
    request: Request,
) -> Result<Success<Link>, Error> {
    let wish = Wish::read(&fields(&signer, request).await?, &PUBLIC, caller.limits())?;
    let row = own_file(&signer, &caller, &id).await?;
    let link = signer.link(&wish, &row, caller.standing())?;
    signer.audit_links(caller.id().as_str(), &[&row]).await?;
    Ok(Success::of(link))
}

/// `POST /videos/{jobId}/signed-url`: the newest ready video of that job among the caller's own.
pub(crate) async fn video_url(
    State(signer): State<Signer>,
    Counted(caller): Counted,
    job: Result<Path<String>, axum::extract::rejection::PathRejection>,
    request: Request,
) -> Result<Success<Link>, Error> {
    let wish = Wish::read(&fields(&signer, request).await?, &PUBLIC, caller.limits())?;
    let job = job.ok().and_then(|Path(job)| valid_job_id(job).ok()).ok_or(Error::FileNotFound)?;
    let newest = Page { limit: 1, after: None, content_type: Some("video/".into()), job_id: Some(job) };
    let found = signer.catalog().list(caller.id(), &newest, clock::unix_seconds()).await?;
    let row = found.first().ok_or(Error::FileNotFound)?;
    let link = signer.link(&wish, row, caller.standing())?;
    signer.audit_links(caller.id().as_str(), &[row]).await?;
    Ok(Success::of(link))
}

/// `POST /files/signed-urls`: costs as many as it asks for, and one if that cannot be told.
pub(crate) async fn signed_urls(
    State(signer): State<Signer>,
    caller: Caller,
    exchange: Exchange,
    request: Request,
) -> Result<Success<Links>, Error> {
    let read = async { Batch::read(&fields(&signer, request).await?, &PUBLIC, caller.limits()) }.await;
    signer.count(&caller, &exchange, read.as_ref().map_or(1, Batch::cost)).await?;
    let owner = Owner { id: caller.id(), standing: caller.standing(), asked_by: caller.id().to_string() };
    Ok(Success::of(signer.links(&owner, read?).await?))
}

async fn fields(signer: &Signer, request: Request) -> Result<Fields, Error> {
    let (head, body) = request.into_parts();
    Fields::read(&head.headers, body, signer.config().upload_patience).await
}

/// Files, and what is wished of a link to each.
pub(crate) struct Batch {
    ids: Vec<String>,
    wish: Wish,
}

impl Batch {
    /// As a service asks for it: no tier bounds it.
    pub(crate) fn internal(fields: &Fields, limits: Limits) -> Result<Self, Error> {
        Self::read(fields, &INTERNAL, limits)
    }

    fn read(fields: &Fields, names: &Names, limits: Limits) -> Result<Self, Error> {
        let ids = fields.texts(names.ids, MAX_FILES, "must be a list of 1 to 100 file ids")?;
        Ok(Self { ids, wish: Wish::read(fields, names, limits)? })
    }

    fn cost(&self) -> u32 {
        u32::try_from(self.ids.len()).unwrap_or(u32::MAX)
    }
}

impl Signer {
    /// One look-up for all of them; one that is refused does not hold up the others.
    pub(crate) async fn links(&self, owner: &Owner<'_>, batch: Batch) -> Result<Links, Error> {
        let ids: Vec<FileId> = batch.ids.iter().filter_map(|id| id.parse().ok()).collect();
        let rows = self.catalog().own_files(owner.id, &ids, clock::unix_seconds()).await?;
        let rows: HashMap<_, _> = rows.iter().map(|row| (row.id.as_str(), row)).collect();
        let mut issued = Vec::new();
        let item = |id: String| {
            let row = rows.get(id.as_str()).copied().ok_or(Error::FileNotFound);
            let link = row.and_then(|row| Ok((row, self.link(&batch.wish, row, owner.standing)?)));
            let outcome = match link {
                Ok((row, link)) => {
                    issued.push(row);
                    Outcome::Issued(link)
                }
                Err(refused) => {
                    let answer = refused.answer();
                    Outcome::Refused { error: answer.error, code: answer.code }
                }
            };
            Item { file_id: id, outcome }
        };
        let results = batch.ids.into_iter().map(item).collect();
        self.audit_links(&owner.asked_by, &issued).await?;
        Ok(Links { results })
    }

    /// With `AUDIT_URLS`, no link is given away that is not written down.
    async fn audit_links(&self, actor: &str, rows: &[&FileRow]) -> Result<(), Error> {
        if !self.config().audit_urls || rows.is_empty() {
            return Ok(());
        }
        let line = |row: &&FileRow| Audit {
            actor: actor.into(),
            action: "issue_url",
            target: row.id.to_string(),
            details: None,
        };
        let lines: Vec<_> = rows.iter().map(line).collect();
        Ok(self.catalog().write_down(&lines, clock::unix_millis()).await?)
    }

    fn link(&self, wish: &Wish, row: &FileRow, standing: UserStanding) -> Result<Link, Error> {
        let revoked_before = standing.urls_revoked_before.max(row.urls_revoked_before);
        let issued: Issued = wish.issue(row, revoked_before, clock::unix_seconds(), &self.keys())?;
        self.metrics().issued.inc();
        let url = format!("{}{}", self.config().public_files_url, issued.target);
        Ok(Link { url, expires_at: issued.expires_at() })
    }
}
