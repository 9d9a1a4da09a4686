//! Uploads past the signer, straight into the bucket: `POST /uploads/presign` signs a URL to `PUT` to, and
//! `POST /uploads/{uploadId}/complete` makes a file of what lies there then.
//!
//! | step | where |
//! |---|---|
//! | what is wished, within the caller's limits | [`Wish`] |
//! | a row, so that its bytes count and clean-up finds them; the URL | [`presign`] |
//! | look at what was put, copy that and that only, list it | [`complete`](mod@complete) |
//!
//! A folder has no URLs: there both are refused.

mod complete;

pub(crate) use complete::complete;

use super::{Description, fields::expiry, media_type};
use crate::{
    Signer,
    body::Fields,
    catalog::{Kind, State, Step, UploadRow},
    clock,
    error::Error,
    files::{self, Success, iso_string},
    rate_limit::Counted,
    storage::{Bucket, Key, MAX_INCOMING, Progress},
    tiers::Limits,
};
use axum::extract::{Request, State as Extracted};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};
use utoipa::ToSchema;

const DEFAULT_SECONDS: u64 = 3600;
/// A day: for so long its bytes count, whether or not they come.
const MAX_SECONDS: u64 = 86_400;
/// How long a URL's upload is there behind it: a body that is on its way then may still arrive.
const KEPT_BEHIND: Duration = Duration::from_secs(6 * 3600);

/// Where to put a file.
#[derive(Serialize, ToSchema)]
pub(crate) struct Presigned {
    /// Of the upload, and of the file that it becomes.
    id: String,
    url: String,
    /// `PUT`.
    method: &'static str,
    /// To be sent as they are; a browser does that by itself.
    headers: BTreeMap<&'static str, String>,
    /// Of the URL: RFC 3339, UTC, with milliseconds.
    expires_at: String,
}

/// What is wished.
struct Wish {
    size: u64,
    description: Description,
    /// Of the URL.
    lifetime: Duration,
}

/// The handler.
pub(crate) async fn presign(
    Extracted(signer): Extracted<Signer>,
    Counted(caller): Counted,
    request: Request,
) -> Result<Success<Presigned>, Error> {
    let bucket = bucket(&signer)?;
    let (head, body) = request.into_parts();
    let fields = Fields::read(&head.headers, body, signer.config().upload_patience).await?;
    let wish = Wish::read(&fields, caller.limits())?;
    let (id, now) = (files::new_id(), clock::unix_millis());
    let key = Key::of(&id);
    let url = bucket.presign_put(&key, wish.size, wish.lifetime).await?;
    let presigned = Presigned {
        id: id.to_string(),
        url: url.into(),
        method: "PUT",
        headers: [("Content-Length", wish.size.to_string())].into(),
        expires_at: iso_string(now + millis(wish.lifetime)),
    };
    let upload = UploadRow {
        id,
        owner: caller.id().clone(),
        kind: Kind::Presigned,
        handle: None,
        state: State::Open,
        object_key: key.as_str().into(),
        declared_size: Some(wish.size),
        description: wish.description,
        received: 0,
        created_at: now,
        expires_at: now + millis(wish.lifetime + KEPT_BEHIND),
    };
    let total = caller.limits().total_bytes;
    match signer.catalog().begin_upload(&upload, &Progress::default(), total).await? {
        Step::Done => {
            signer.metrics().uploads.begun("presigned");
            Ok(Success::of(presigned))
        }
        Step::NoRoom => Err(Error::OverQuota { limit: total.unwrap_or_default() }),
        Step::Blocked | Step::Lost => Err(Error::UserBlocked),
    }
}

impl Wish {
    fn read(fields: &Fields, limits: Limits) -> Result<Self, Error> {
        const SIZE: &str = "must be the file's size, a whole number of bytes";
        const JOB_ID: &str = "must be 1 to 128 characters without NUL";
        const EXPIRES_AT: &str = "must be an RFC 3339 time in the future, such as 2030-01-31T12:00:00Z";
        const EXPIRES_IN: &str = "must be an integer from 1 to 86400";

        let size = fields.integer("size", SIZE)?.ok_or(Error::invalid("size", SIZE))?;
        let limit = limits.max_upload_bytes.min(MAX_INCOMING);
        if size > limit {
            return Err(Error::TooLarge { limit });
        }
        let filename = files::filename(fields)?.ok_or(Error::invalid("filename", "must be the file's name"))?;
        let job_id = fields.text("jobId", JOB_ID)?.map(|text| files::job_id(text.into())).transpose();
        let until = fields.text("expiresAt", EXPIRES_AT)?.map(|text| expiry(text, clock::unix_seconds())).transpose();
        let seconds = fields.integer("expiresIn", EXPIRES_IN)?.unwrap_or(DEFAULT_SECONDS);
        if !(1..=MAX_SECONDS).contains(&seconds) {
            return Err(Error::invalid("expiresIn", EXPIRES_IN));
        }
        let description = Description {
            filename: filename.into(),
            content_type: media_type(fields.text("contentType", "must be a media type")?, filename),
            job_id: job_id.map_err(|_| Error::invalid("jobId", JOB_ID))?,
            metadata: files::metadata(fields)?.unwrap_or_default(),
            expires_at: until.map_err(|_| Error::invalid("expiresAt", EXPIRES_AT))?,
            ..Description::default()
        };
        Ok(Self { size, description, lifetime: Duration::from_secs(seconds) })
    }
}

fn bucket(signer: &Signer) -> Result<&Bucket, Error> {
    signer.storage().bucket().ok_or(Error::NoDirectUploads)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
