//! `health`: asks a service that runs whether it is ready, as the health check of a container does.
//!
//! Here is what to ask and what an answer means; a binary connects.

use crate::{log_line::Format, settings::Settings};
use clap::{Arg, ArgMatches, Command, value_parser};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

/// The tool's name.
pub const NAME: &str = "health";

/// Bytes of an answer at most; what comes behind them is not read.
pub const MAX_ANSWER: u64 = 64 << 10;

const PATH: &str = "/readyz";
/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    authority: String,
    path: String,
    patience: Duration,
}

/// The tool of `program`, which listens on `port` unless told otherwise; without the settings that say where.
#[must_use]
pub fn command(program: &str, port: u16) -> Command {
    let url = Arg::new("url").long("url").value_name("URL").help("Ask this http:// URL, and no other");
    let seconds = Arg::new("timeout")
        .long("timeout")
        .value_name("SECONDS")
        .default_value("4")
        .value_parser(value_parser!(u64).range(1..=60))
        .help("How long an answer may take");
    Command::new(NAME)
        .about("Asks the service that runs here whether it is ready (/readyz)")
        .arg(url)
        .arg(seconds)
        .after_help(format!(
            "Examples:\n  \
             {program} health\n  \
             {program} health --url http://10.0.0.7:{port}/readyz\n  \
             HEALTHCHECK CMD [\"{program}\", \"health\"]\n\n\
             Exit codes:\n  \
             0  ready\n  \
             1  not ready, not there, or no answer in time\n  \
             64 wrong usage"
        ))
}

impl Probe {
    /// What is to be asked: the URL that was given, else each of the listeners that these settings name. `flags` are the
    /// tool's own. Mistakes stay noted in `settings`.
    #[must_use]
    pub fn read(settings: &mut Settings, flags: &ArgMatches, listeners: &[&str]) -> Option<Vec<Self>> {
        let patience = Duration::from_secs(*flags.get_one("timeout")?);
        let Some(url) = flags.get_one::<String>("url") else {
            let authorities = listeners.iter().map(|name| settings.parsed(name, reachable));
            let probes = authorities.map(|at| Some(Self { authority: at?, path: PATH.into(), patience }));
            return probes.collect();
        };
        let Some((authority, path)) = parts(url) else {
            settings.mistake("--url", "must be a URL such as http://127.0.0.1:<port>/readyz");
            return None;
        };
        Some(vec![Self { authority, path, patience }])
    }

    /// Host and port to connect to.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// How long all of it may take.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// The request, after which the service closes the connection.
    #[must_use]
    pub fn request(&self) -> Vec<u8> {
        let Self { authority, path, .. } = self;
        format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n").into_bytes()
    }

    /// Whether what came back means ready; `None` is nothing in time.
    ///
    /// # Errors
    /// Why not, in one line.
    pub fn judge(&self, answer: Option<io::Result<Vec<u8>>>) -> Result<(), String> {
        let refused = |why: &str| {
            let line = format!("http://{}{}: {why}", self.authority, self.path);
            Err(Format::Text.tame(&line).into_owned())
        };
        let answer = match answer {
            None => return refused("no answer in time"),
            Some(Err(error)) => return refused(&error.to_string()),
            Some(Ok(answer)) => answer,
        };
        let text = String::from_utf8_lossy(&answer);
        let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body.trim_end());
        match status {
            Some(200) => Ok(()),
            Some(status) => refused(&format!("{status}: {}", body.replace('\n', "; "))),
            None => refused("that is no answer of ours"),
        }
    }
}

/// Whether all are ready, and what to say of it.
#[must_use]
pub fn report(judged: &[Result<(), String>]) -> (bool, String) {
    let refusals: Vec<_> = judged.iter().filter_map(|judged| judged.as_ref().err()).collect();
    let lines: String = refusals.iter().map(|why| format!("not ready: {why}\n")).collect();
    if refusals.is_empty() { (true, "ready\n".into()) } else { (false, lines) }
}

/// Where one who is on this machine reaches what listens on an address.
///
/// # Errors
/// What is no address, or has no port of its own.
pub fn reachable(listener: &str) -> Result<String, &'static str> {
    let address: SocketAddr =
        listener.trim().parse().map_err(|_| "must be an address and port, such as 127.0.0.1:9080")?;
    if address.port() == 0 {
        return Err("has port 0, which is any: name the one where it listens");
    }
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    Ok(SocketAddr::new(ip, address.port()).to_string())
}

fn parts(url: &str) -> Option<(String, String)> {
    let rest = url.strip_prefix("http://").filter(|rest| rest.bytes().all(|byte| byte.is_ascii_graphic()))?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map(|(host, _)| host);
    let is_whole =
        |host: &str| host.starts_with('[') == host.ends_with(']') && (host.starts_with('[') || !host.contains(':'));
    if rest.contains(['@', '?', '#']) || !is_whole(host.unwrap_or(authority)) || host.unwrap_or(authority).is_empty() {
        return None;
    }
    let port = if host.is_some() { "" } else { ":80" };
    let path = if path.is_empty() { PATH } else { path };
    Some((format!("{authority}{port}"), path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_asked_where_this_machine_reaches_it() {
        for (listener, asked) in [
            ("127.0.0.1:9080", Ok("127.0.0.1:9080")),
            ("0.0.0.0:9080", Ok("127.0.0.1:9080")),
            ("[::]:9080", Ok("[::1]:9080")),
            ("10.0.0.7:9080", Ok("10.0.0.7:9080")),
            ("127.0.0.1:0", Err(())),
            ("localhost:9080", Err(())),
        ] {
            assert_eq!(reachable(listener).as_deref().map_err(|_| ()), asked, "{listener}");
        }
    }

    #[test]
    fn a_url_names_host_port_and_path() {
        for (url, asked) in [
            ("http://gateway:9080/healthz", Some(("gateway:9080", "/healthz"))),
            ("http://gateway:9080", Some(("gateway:9080", "/readyz"))),
            ("http://gateway/", Some(("gateway:80", "/"))),
            ("http://[::1]:9080/readyz", Some(("[::1]:9080", "/readyz"))),
            ("http://[::1]/readyz", Some(("[::1]:80", "/readyz"))),
            ("https://gateway/readyz", None),
            ("http://", None),
            ("http:///readyz", None),
            ("http://::1:9080", None),
            ("http://user:password@gateway/", None),
            ("http://gateway/a b", None),
            ("http://gateway/files/secure/a?signature=b", None),
            ("http://gateway/\r\nx", None),
            ("http://gateway:99999/", None),
        ] {
            let asked = asked.map(|(authority, path): (&str, &str)| (authority.to_owned(), path.to_owned()));
            assert_eq!(parts(url), asked, "{url}");
        }
    }

    #[test]
    fn help_shows_the_program_and_the_port_that_it_is_of() {
        let help = command("boat", 1234).render_long_help().to_string();
        for part in ["  boat health\n", "boat health --url http://10.0.0.7:1234/readyz", "[\"boat\", \"health\"]"] {
            assert!(help.contains(part), "{part}: {help}");
        }
    }

    #[test]
    fn only_200_is_ready_and_anything_else_is_told_in_one_harmless_line() {
        let probe = Probe { authority: "h:1".into(), path: "/readyz".into(), patience: Duration::from_secs(1) };
        assert_eq!(probe.request(), b"GET /readyz HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\n\r\n");
        let judge = |answer: &[u8]| probe.judge(Some(Ok(answer.to_vec())));
        assert_eq!(judge(b"HTTP/1.1 200 OK\r\na: b\r\n\r\nready\n"), Ok(()));
        for (answer, said) in [
            (&b"HTTP/1.1 503 Service Unavailable\r\n\r\ndraining\nno catalog\n"[..], "503: draining; no catalog"),
            (b"HTTP/1.1 404 Not Found\r\n\r\n\x1b[31mred", "404: \\u{1b}[31mred"),
            (b"HTTP/1.1 204 No Content\r\n\r\n", "204: "),
            (b"", "that is no answer of ours"),
            (b"HTTP/1.1 2\xff\xff\xff", "that is no answer of ours"),
            (b"\x16\x03\x01\x02\x00", "that is no answer of ours"),
        ] {
            assert_eq!(judge(answer), Err(format!("http://h:1/readyz: {said}")));
        }
        assert!(judge(&[&b"HTTP/1.1 500 \r\n\r\n"[..], &[b'x'; 1 << 16]].concat()).unwrap_err().len() < 5_000);
        assert!(probe.judge(None).unwrap_err().ends_with("no answer in time"));
        assert!(probe.judge(Some(Err(io::ErrorKind::ConnectionRefused.into()))).is_err());
    }

    #[test]
    fn one_that_is_not_ready_is_told_of_and_spoils_all() {
        assert_eq!(report(&[Ok(()), Ok(())]), (true, "ready\n".into()));
        assert_eq!(report(&[Err("a".into()), Ok(()), Err("b".into())]), (false, "not ready: a\nnot ready: b\n".into()));
    }
}
