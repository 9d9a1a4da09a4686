//! What URLs of files begin with, wherever they are issued: `PUBLIC_FILES_URL`.

use url::Url;

/// The base of URLs to be issued, without a slash at its end.
///
/// # Errors
/// What it should have been; it is not repeated.
pub fn base_url(text: &str) -> Result<String, &'static str> {
    let text = text.trim().trim_end_matches('/');
    let is_base = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    match Url::parse(text) {
        Ok(url) if is_base(&url) => Ok(text.into()),
        _ => Err("must be a URL such as https://files.example.com, without query, fragment or user"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_of_urls_loses_its_last_slash() {
        assert_eq!(base_url("https://files.example.com/").as_deref(), Ok("https://files.example.com"));
        assert_eq!(base_url("http://localhost:8080/media").as_deref(), Ok("http://localhost:8080/media"));
        for bad in ["files.example.com", "ftp://x", "https://", "https://x/?a", "https://x/#a", "https://u:p@x"] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }
}
