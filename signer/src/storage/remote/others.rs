//! What lies in a bucket beside `managed/`. Not by the object store: it gives up at the first key that it would not write
//! itself, and others may have written anything.

use super::{Bucket, Failure, TIMEOUT, requests::Request};
use futures_util::{Stream, TryStreamExt, stream};
use object_store::path::Path;
use proto::storage::MANAGED_PREFIX;
use reqwest::StatusCode;
use rusty_s3::Method;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Object {
    key: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Page {
    #[serde(rename = "Contents")]
    objects: Vec<Object>,
    is_truncated: bool,
    next_continuation_token: Option<String>,
}

/// Where the next page begins.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    First,
    Behind(String),
    None,
}

impl Page {
    /// A listing that cannot go on is not whole.
    fn next(&self) -> Result<Next, Failure> {
        match self.next_continuation_token.as_deref() {
            _ if !self.is_truncated => Ok(Next::None),
            Some(token) if !token.is_empty() => Ok(Next::Behind(token.to_owned())),
            _ => Err(Failure::Nonsense("a page of objects that says of more, and not where".into())),
        }
    }
}

impl Bucket {
    /// Every key below `prefix`, as it stands in a row; but for those that end in `/`, by which some programs show folders.
    pub(in crate::storage) fn list_others<'s>(
        &'s self,
        prefix: &str,
    ) -> impl Stream<Item = Result<String, Failure>> + Send + use<'s> {
        let below = self.whole(&if prefix.is_empty() { String::new() } else { format!("{prefix}/") });
        let own = self.whole("");
        let path = move |object: Object| object.key.strip_prefix(&own).map(str::to_owned);
        let is_theirs = |path: &String| !path.ends_with('/') && !path.starts_with(MANAGED_PREFIX);
        let pages = stream::try_unfold((below, Next::First), |(below, next)| self.page_from(below, next));
        pages
            .map_ok(move |page| {
                let paths: Vec<_> = page.into_iter().filter_map(&path).filter(is_theirs).map(Ok).collect();
                stream::iter(paths)
            })
            .try_flatten()
    }

    async fn page_from(&self, below: String, next: Next) -> Result<Option<(Vec<Object>, (String, Next))>, Failure> {
        let token = match &next {
            Next::First => "",
            Next::Behind(token) => token,
            Next::None => return Ok(None),
        };
        let page = self.page_of_objects(&below, token).await?;
        let next = page.next()?;
        Ok(Some((page.objects, (below, next))))
    }

    async fn page_of_objects(&self, prefix: &str, token: &str) -> Result<Page, Failure> {
        let query = [("continuation-token", token), ("list-type", "2"), ("prefix", prefix)];
        let query: Vec<_> = query.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let request =
            Request { method: Method::Get, path: &Path::default(), query: &query, headers: &[], patience: TIMEOUT };
        let (status, body) = self.requests.send(request).await?;
        if status != StatusCode::OK {
            return Err(Failure::Unavailable(format!("objects cannot be listed: status {status}").into()));
        }
        quick_xml::de::from_str(&body).map_err(|error| Failure::Nonsense(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(xml: &str) -> Result<Next, Failure> {
        let page: Page = quick_xml::de::from_str(&format!("<ListBucketResult>{xml}</ListBucketResult>")).unwrap();
        page.next()
    }

    #[test]
    fn a_listing_ends_where_storage_says_so_and_nowhere_else() {
        const TRUNCATED: &str = "<IsTruncated>true</IsTruncated>";
        let token = |token: &str| format!("<NextContinuationToken>{token}</NextContinuationToken>");
        for last in ["", "<IsTruncated>false</IsTruncated>", &token("more")] {
            assert_eq!(next(last).unwrap(), Next::None, "{last}");
        }
        assert_eq!(next(&format!("{TRUNCATED}{}", token("more"))).unwrap(), Next::Behind("more".into()));
        for nonsense in [TRUNCATED.to_owned(), format!("{TRUNCATED}{}", token(""))] {
            assert!(matches!(next(&nonsense), Err(Failure::Nonsense(_))), "{nonsense}");
        }
    }
}
