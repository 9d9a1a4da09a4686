//! CORS: the URL is the credential, so any page may read what it opens, unless the operator narrows that.

use crate::{
    lines::Lines,
    request::{Field, Head},
};
use http::{HeaderName, HeaderValue, header};
use std::str::FromStr;

static ANY: HeaderValue = HeaderValue::from_static("*");
static EXPOSED: HeaderValue = HeaderValue::from_static(
    "Accept-Ranges, Content-Range, Content-Length, Content-Disposition, Content-Encoding, ETag, Last-Modified, Retry-After, X-Request-Id",
);
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since");
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");

/// `GATEWAY_ALLOWED_ORIGINS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// `*`.
    Any,
    /// These only, as browsers write them.
    Only(Vec<HeaderValue>),
}

impl FromStr for AllowedOrigins {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "must be * or origins with commas between, such as https://app.example.com";
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let origin = |text: &str| {
            let text = text.trim().to_ascii_lowercase();
            let (scheme, host) = text.split_once("://").ok_or(EXPECTED)?;
            if scheme.is_empty() || host.is_empty() || host.contains(['/', '*', ' ']) {
                return Err(EXPECTED);
            }
            // As browsers write it: without the scheme's own port.
            let default_port = if scheme == "https" { ":443" } else { ":80" };
            HeaderValue::from_str(text.strip_suffix(default_port).unwrap_or(&text)).map_err(|_| EXPECTED)
        };
        text.split(',').map(origin).collect::<Result<_, _>>().map(Self::Only)
    }
}

impl AllowedOrigins {
    /// Puts on an answer what every answer to a `request` with these fields carries.
    pub(crate) fn mark(&self, request: &Head, answer: &mut Lines) {
        let allowed = match self {
            Self::Any => Some(&ANY),
            Self::Only(list) => {
                answer.push(&header::VARY, &HeaderValue::from_static("Origin"));
                let origin = request.all(Field::Origin).next();
                origin.and_then(|origin| list.iter().find(|allowed| allowed.as_bytes() == origin))
            }
        };
        if let Some(allowed) = allowed {
            answer.push(&header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            answer.push(&header::ACCESS_CONTROL_EXPOSE_HEADERS, &EXPOSED);
        }
    }
}

/// What a preflight is told besides.
pub(crate) fn preflight() -> [(HeaderName, HeaderValue); 3] {
    [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ]
}

/// The methods that a file answers to.
pub(crate) const ALLOW: HeaderValue = METHODS;

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    fn marked(setting: &str, origin: &str) -> HeaderMap {
        let mut answer = Lines::new(StatusCode::OK);
        let setting: AllowedOrigins = setting.parse().unwrap();
        setting.mark(&Head::of(&[(Field::Origin, origin)]), &mut answer);
        answer.fields().collect()
    }

    #[test]
    fn a_star_needs_no_vary() {
        let answer = marked("*", "https://a.example");
        assert_eq!(answer["access-control-allow-origin"], "*");
        assert!(!answer.contains_key("vary"));
    }

    #[test]
    fn a_list_names_the_origin_it_holds_and_varies_on_every_answer() {
        let answer = marked("https://a.example, https://b.example:8443", "https://b.example:8443");
        assert_eq!(answer["access-control-allow-origin"], "https://b.example:8443");
        let with_port = marked("https://a.example:443", "https://a.example");
        assert_eq!(with_port["access-control-allow-origin"], "https://a.example");
        let other = marked("https://a.example", "https://a.example.evil");
        assert!(!other.contains_key("access-control-allow-origin"));
        assert_eq!(other["vary"], "Origin");
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for bad in ["", "a.example", "https://", "https://*.example", "https://a.example/", "https://a.example,"] {
            assert!(bad.parse::<AllowedOrigins>().is_err(), "{bad}");
        }
    }
}
