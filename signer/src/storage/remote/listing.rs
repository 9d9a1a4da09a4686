//! What lies below `managed/` in a bucket: objects by their names, then multipart uploads, which have no name of their
//! own but the key of the object that they are to become.

use super::{Bucket, Failure, modified_at, requests::Request};
use crate::storage::{Found, Kind};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use object_store::{
    ObjectMeta, ObjectStore,
    list::{PaginatedListOptions, PaginatedListStore},
    path::Path,
};
use proto::{id::FileId, storage::MANAGED_PREFIX};
use reqwest::StatusCode;
use rusty_s3::Method;
use serde::Deserialize;
use std::future::ready;

/// Pages of one listing; a thousand entries each.
const MAX_PAGES: usize = 1_000;

/// A multipart upload that was begun and neither completed nor aborted.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Multipart {
    pub(super) key: String,
    pub(super) upload_id: String,
    initiated: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Page {
    #[serde(rename = "Upload")]
    uploads: Vec<Multipart>,
    is_truncated: bool,
    next_key_marker: String,
    next_upload_id_marker: String,
}

impl Bucket {
    pub(in crate::storage) fn list(&self) -> impl Stream<Item = Result<Found, Failure>> + Send {
        let all = Path::parse(self.whole(MANAGED_PREFIX.trim_end_matches('/'))).ok();
        let objects = self.store.list(all.as_ref()).map_err(Failure::from);
        let objects = objects.try_filter_map(|facts| ready(Ok(self.object(&facts))));
        let multiparts = stream::once(async { self.multiparts(&self.whole(MANAGED_PREFIX)).await });
        let multiparts = multiparts.map_ok(|all| stream::iter(all).map(Ok::<_, Failure>)).try_flatten();
        objects.chain(multiparts.try_filter_map(|found| ready(Ok(self.multipart(&found)))))
    }

    fn object(&self, facts: &ObjectMeta) -> Option<Found> {
        let (kind, file) = self.named(facts.location.as_ref())?;
        // A bucket has nothing staged, whatever somebody named so.
        (kind != Kind::Staged).then(|| Found { kind, file, size: facts.size, modified_at: modified_at(facts) })
    }

    fn multipart(&self, found: &Multipart) -> Option<Found> {
        let (Kind::Object, file) = self.named(&found.key)? else { return None };
        let began: Timestamp = found.initiated.parse().ok()?;
        let modified_at = u64::try_from(began.as_second()).unwrap_or_default();
        Some(Found { kind: Kind::Multipart, file, size: 0, modified_at })
    }

    fn named(&self, whole: &str) -> Option<(Kind, FileId)> {
        Kind::of(whole.strip_prefix(&self.whole(MANAGED_PREFIX))?)
    }

    /// Those whose key begins with this.
    pub(super) async fn multiparts(&self, prefix: &str) -> Result<Vec<Multipart>, Failure> {
        let (mut all, mut key, mut id) = (Vec::new(), String::new(), String::new());
        for _ in 0..MAX_PAGES {
            let page = self.page_of_multiparts(prefix, &key, &id).await?;
            all.extend(page.uploads);
            (key, id) = (page.next_key_marker, page.next_upload_id_marker);
            if !page.is_truncated || (key.is_empty() && id.is_empty()) {
                break;
            }
        }
        Ok(all)
    }

    async fn page_of_multiparts(&self, prefix: &str, key: &str, id: &str) -> Result<Page, Failure> {
        let query = [("key-marker", key), ("prefix", prefix), ("upload-id-marker", id), ("uploads", "")];
        let query: Vec<_> = query.into_iter().filter(|(name, value)| *name == "uploads" || !value.is_empty()).collect();
        let request = Request { method: Method::Get, path: &Path::default(), query: &query, headers: &[] };
        let (status, body) = self.requests.send(request).await?;
        // So some stores say that there are none.
        if status == StatusCode::NOT_FOUND && body.contains("NoSuchUpload") {
            return Ok(Page::default());
        }
        if status != StatusCode::OK {
            return Err(Failure::Unavailable(format!("multipart uploads cannot be listed: status {status}").into()));
        }
        quick_xml::de::from_str(&body).map_err(|error| Failure::Nonsense(error.into()))
    }

    /// The objects whose key begins with this.
    pub(super) async fn begins_with(&self, key: &str) -> Result<Vec<Path>, Failure> {
        let (whole, mut all, mut page_token) = (self.whole(key), Vec::new(), None);
        loop {
            let options = PaginatedListOptions { page_token, ..PaginatedListOptions::default() };
            let page = self.store.list_paginated(Some(&whole), options).await?;
            all.extend(page.result.objects.into_iter().map(|facts| facts.location));
            page_token = page.page_token;
            if page_token.is_none() {
                return Ok(all);
            }
        }
    }
}
