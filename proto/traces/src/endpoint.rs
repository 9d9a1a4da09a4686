//! Where a collector is.

use reqwest::{Client, redirect};
use std::{str::FromStr, time::Duration};
use url::Url;

/// For one batch.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// `OTEL_EXPORTER_OTLP_ENDPOINT`: a collector's base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl FromStr for Endpoint {
    type Err = &'static str;

    /// What is wrong in it is not repeated: a password would be, too.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let why = "must be a collector's URL such as http://localhost:4318, without user, query and fragment";
        let url = Url::parse(text.trim()).map_err(|_| why)?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        let is_base = url.query().is_none() && url.fragment().is_none() && url.has_host();
        if matches!(url.scheme(), "http" | "https") && is_plain && is_base { Ok(Self(url)) } else { Err(why) }
    }
}

impl Endpoint {
    /// Where traces are sent, as OTLP over HTTP has it.
    pub(crate) fn traces(&self) -> String {
        format!("{}/v1/traces", self.0.as_str().trim_end_matches('/'))
    }

    /// What is sent with a batch may be a credential: it goes to no other address.
    pub(crate) fn client(&self) -> reqwest::Result<Client> {
        let client = Client::builder()
            .timeout(PATIENCE)
            .connect_timeout(CONNECT_PATIENCE)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("t2m-files/", env!("CARGO_PKG_VERSION")));
        // Plain http stays within the own network, and no proxy is a part of that.
        if self.0.scheme() == "http" { client.no_proxy().build() } else { client.build() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_below_the_base() {
        for (base, traces) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            (" https://otel.example.com/ ", "https://otel.example.com/v1/traces"),
            ("https://example.com/otlp/", "https://example.com/otlp/v1/traces"),
        ] {
            assert_eq!(base.parse::<Endpoint>().map(|endpoint| endpoint.traces()).as_deref(), Ok(traces));
        }
    }

    #[test]
    fn what_is_no_collectors_url_is_refused_without_being_repeated() {
        for bad in [
            "localhost:4318",
            "collector",
            "grpc://collector:4317",
            "http://",
            "https://user:hunter2@example.com",
            "http://collector?api_key=hunter2",
            "http://collector#hunter2",
        ] {
            let why = bad.parse::<Endpoint>().unwrap_err();
            assert!(!why.contains("hunter2"), "{bad}");
        }
    }
}
