//! The page at `/`: upload, list and play from a browser. One embedded file that asks nobody else for anything.
//!
//! Its Content-Security-Policy names its own script, that of tus-js-client and its one style by hash, this service for calls and the
//! gateway for media, and nothing more; so even a file name that was mistaken for HTML would run nothing.

use crate::{exchange::Exchange, refusal::Refusal};
use axum::{
    Router,
    body::Bytes,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{AppendHeaders, Html, IntoResponse},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use url::Url;

const ROUTE: &str = "/";
const PAGE: &str = include_str!("../assets/page.html");
/// Resumable uploads in a browser: tus-js-client 4.3.1 as it is published. Its licence (MIT) lies beside it.
const TUS: &str = include_str!("../assets/tus-js-client/tus.min.js");
/// Where that stands in the page.
const PLACE_OF_TUS: &str = "<script id=\"tus-js-client\"></script>";

/// The page with everything in it.
static WHOLE: LazyLock<Bytes> = LazyLock::new(|| PAGE.replace(PLACE_OF_TUS, &format!("<script>{TUS}</script>")).into());

/// In the signer's words, whose own fallback does not reach a route merged with its own.
const METHOD_NOT_ALLOWED: Refusal = Refusal {
    route: ROUTE,
    status: StatusCode::METHOD_NOT_ALLOWED,
    error: "Method not allowed",
    message: "This path takes other methods; see the Allow header.",
    code: "method_not_allowed",
};

/// What the page may do. `files` is the origin of the gateway, as a browser writes it.
fn policy(files: &str) -> String {
    let library = hash(TUS);
    let script = hash(between(PAGE, "<script type=\"module\">", "</script>"));
    let style = hash(between(PAGE, "<style>", "</style>"));
    format!(
        "default-src 'none'; script-src 'sha256-{library}' 'sha256-{script}'; style-src 'sha256-{style}'; connect-src 'self' {files}; \
         media-src {files}; img-src {files} data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

/// The page's route. `files_url` is the base of links; `None` if it has no origin.
pub(crate) fn route(files_url: &str) -> Option<Router> {
    let origin = Url::parse(files_url).ok()?.origin().ascii_serialization();
    let policy = HeaderValue::try_from(policy(&origin)).ok()?;
    let page = get(async move |request: Request| {
        let exchange = Exchange::of(&request, ROUTE);
        let fixed = [
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        ];
        let policy = [(header::CONTENT_SECURITY_POLICY, policy.clone())];
        exchange.answer((AppendHeaders(fixed), policy, Html(WHOLE.clone())).into_response(), None)
    });
    Some(Router::new().route(ROUTE, page.fallback(async |request: Request| METHOD_NOT_ALLOWED.answer(request))))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let inner = text.split_once(start).and_then(|(_, rest)| rest.split_once(end));
    inner.map_or("", |(inner, _)| inner)
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_script_and_the_style_by_hash() {
        let policy = policy("http://localhost:8080");
        assert!(!policy.contains(&hash("")), "both were found in the page");
        assert!(!policy.contains("unsafe") && !policy.contains('*'));
        for part in ["default-src 'none'", "frame-ancestors 'none'", "media-src http://localhost:8080;"] {
            assert!(policy.contains(part), "{part}");
        }
    }

    #[test]
    fn the_library_is_one_script_as_a_browser_reads_it() {
        for breaks_out in ["</script", "<script", "<!--", "\r", "\0"] {
            assert!(!TUS.contains(breaks_out), "{breaks_out:?}");
        }
        assert!(WHOLE.windows(TUS.len()).any(|part| part == TUS.as_bytes()));
    }

    #[test]
    fn the_page_has_one_script_one_style_and_nothing_inline() {
        let own = PAGE.replace(PLACE_OF_TUS, "");
        assert_eq!((own.matches("<script").count(), PAGE.len() - own.len()), (1, PLACE_OF_TUS.len()));
        assert_eq!(PAGE.matches("<style").count(), 1);
        for forbidden in
            [" style=", " onclick=", " onload=", " onerror=", "javascript:", "innerHTML", " src=", "@import"]
        {
            assert!(!PAGE.contains(forbidden), "{forbidden}");
        }
        let links: Vec<_> = PAGE.match_indices("http").map(|(at, _)| &PAGE[at..PAGE.len().min(at + 18)]).collect();
        assert_eq!(links, ["http://www.w3.org/"], "the icon's XML namespace is no request");
    }
}
