//! What a start says on standard output: where things are, and lines to paste into a shell.

use crate::development::AccessToken;
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// Everything the banner says. Its text holds the access token: it is for the terminal, never for a log.
#[derive(Debug)]
pub struct Banner<'a> {
    /// Base of the signer, such as `http://localhost:8081`.
    pub api: &'a str,
    /// Base of the gateway's links.
    pub files: &'a str,
    /// The demo user, where the development identity is on.
    pub demo: Option<&'a Demo>,
}

/// What the demo user starts with.
#[derive(Debug)]
pub struct Demo {
    /// The access token of this start.
    pub token: AccessToken,
    /// The id of the newest file, if there is one.
    pub newest: Option<String>,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api, files, .. } = self;
        writeln!(f, "T2M files is ready.\n")?;
        if let Some(demo) = self.demo {
            writeln!(f, "  Page   {api}/#access={}", demo.token.reveal())?;
        }
        writeln!(f, "  API    {api}/api/v1\n  Files  {files}")?;
        self.demo.map_or(Ok(()), |demo| demo.write(f, api))
    }
}

impl Demo {
    fn write(&self, f: &mut fmt::Formatter<'_>, api: &str) -> fmt::Result {
        let curl = format!("curl -sS -H 'Authorization: Bearer {}'", self.token.reveal());
        let upload = format!("{curl} -F 'file=@-;filename=hello.txt;type=text/plain' {api}/api/v1/files/upload");
        writeln!(
            f,
            "\nThe development identity is on: whoever has this token is the demo user, on this machine only."
        )?;
        writeln!(f, "Set CLERK_JWT_KEY to use your own users instead.")?;
        writeln!(f, "\nUpload:\n  echo 'Hello there' | {upload}")?;
        let Some(newest) = &self.newest else { return Ok(()) };
        let sign = format!("{curl} -X POST {api}/api/v1/files/{newest}/signed-url");
        writeln!(f, "\nSign a link:\n  {sign}")?;
        // The link is made and used in one go, so that no signature is left on the screen.
        let link = format!(r#"$({sign} | sed 's/.*"url":"\([^"]*\)".*/\1/')"#);
        writeln!(f, "\nPlay a range of bytes:\n  curl -sS -o /dev/null -D - -r 0-1023 \"{link}\"")
    }
}

/// An address as a browser on this machine reaches it: `localhost` for the loopback and unspecified ones.
#[must_use]
pub fn reachable(address: SocketAddr) -> String {
    let is_localhost = match address.ip() {
        IpAddr::V4(ip) => ip == Ipv4Addr::LOCALHOST || ip.is_unspecified(),
        IpAddr::V6(ip) => ip == Ipv6Addr::LOCALHOST || ip.is_unspecified(),
    };
    if is_localhost { format!("localhost:{}", address.port()) } else { address.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_shown_as_localhost() {
        for (address, shown) in [
            ("127.0.0.1:8080", "localhost:8080"),
            ("0.0.0.0:80", "localhost:80"),
            ("[::1]:8080", "localhost:8080"),
            ("[::]:8080", "localhost:8080"),
            ("127.0.0.2:8080", "127.0.0.2:8080"),
            ("192.168.0.9:8080", "192.168.0.9:8080"),
            ("[2001:db8::1]:80", "[2001:db8::1]:80"),
        ] {
            assert_eq!(reachable(address.parse().unwrap()), shown);
        }
    }

    #[test]
    fn with_a_development_identity_every_line_can_be_pasted() {
        let token = AccessToken::random().unwrap();
        let demo = Demo { token: token.clone(), newest: Some("f1".into()) };
        let (api, files) = ("http://localhost:8081", "http://localhost:8080");
        let text = Banner { api, files, demo: Some(&demo) }.to_string();
        assert!(text.contains(&format!("http://localhost:8081/#access={}\n", token.reveal())));
        let pasted: Vec<_> = text.lines().filter(|line| line.contains("curl ")).collect();
        assert_eq!(pasted.len(), 3);
        for line in pasted {
            assert_eq!(line.matches('\'').count() % 2, 0, "{line}");
            assert!(line.contains(token.reveal()) && !line.contains("signature"), "{line}");
        }
        assert!(text.contains("this machine only"));
    }

    #[test]
    fn without_one_there_is_no_page_and_no_token() {
        let text = Banner { api: "https://api.test", files: "https://files.test", demo: None }.to_string();
        assert_eq!(text, "T2M files is ready.\n\n  API    https://api.test/api/v1\n  Files  https://files.test\n");
    }
}
