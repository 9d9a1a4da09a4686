//! `gateway doctor`, run as a person runs it: against the gateway, against servers with flaws, against no server at all.
#[path = "../harness/mod.rs"]
mod harness;

mod flaws;
mod hostile;
mod proxy;

use harness::{File, Gateway, bytes, tool_with};
use serde_json::Value;
use std::fmt::Display;

/// What one run printed.
#[derive(Debug)]
struct Report {
    json: Value,
    exit_code: i32,
}

/// A run with these arguments and this on standard input: exit code, standard output, standard error.
fn doctor(arguments: &[&str], input: &str, variables: &[(&str, &str)]) -> (i32, String, String) {
    let said = tool_with(variables, input.as_bytes(), &[&["doctor"], arguments].concat());
    (said.code, said.out, said.err)
}

/// The report on this target of a server.
fn diagnose(server: impl Display, target: &str) -> Report {
    report_on(&format!("http://{server}{target}"), &[])
}

fn report_on(url: &str, variables: &[(&str, &str)]) -> Report {
    let (exit_code, printed, complaint) = doctor(&["--json", "-"], url, variables);
    let json = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("no JSON: {printed}{complaint}"));
    Report { json, exit_code }
}

impl Report {
    fn checks(&self) -> &[Value] {
        self.json["checks"].as_array().map_or(&[], Vec::as_slice)
    }

    fn rows(&self) -> Vec<String> {
        self.ids_of(&["ok", "fail", "note", "unplayed"])
    }

    /// The rows that something is amiss with.
    fn not_passed(&self) -> Vec<String> {
        self.ids_of(&["fail", "note"])
    }

    fn ids_of(&self, results: &[&str]) -> Vec<String> {
        let of = |check: &&Value| results.contains(&check["result"].as_str().expect("a result"));
        self.checks().iter().filter(of).map(|check| check["id"].as_str().expect("an id").to_owned()).collect()
    }

    fn score(&self) -> u64 {
        self.json["score"].as_u64().expect("a score")
    }

    fn failed(&self) -> u64 {
        self.json["failed"].as_u64().expect("a count")
    }
}

/// 1 MiB that begins as an MP4 does.
fn film(gateway: &Gateway) -> File {
    let mut content = bytes(1024 * 1024);
    content[..12].copy_from_slice(b"\0\0\0\x20ftypisom");
    gateway.store("film.mp4", &content)
}

#[test]
fn the_gateway_passes_every_row() {
    let gateway = harness::start();
    let film = film(&gateway);
    for url in [film.url(), film.link_v2().with("disposition", "inline").segment("film.mp4").url()] {
        let report = diagnose(gateway.public(), &url);
        assert_eq!((report.not_passed(), report.score(), report.exit_code), (vec![], 100, 0));
        assert_eq!(report.ids_of(&["unplayed"]), Vec::<String>::new());
        assert_eq!(report.json["size"], 1024 * 1024);
    }
    gateway.assert_unharmed();
}

#[test]
fn a_narrowed_gateway_passes_for_the_origin_that_it_allows() {
    let gateway = harness::setup().set("GATEWAY_ALLOWED_ORIGINS", "https://app.example").start();
    let url = format!("http://{}{}", gateway.public(), film(&gateway).url());
    let (code, printed, _) = doctor(&["--origin", "https://app.example", &url], "", &[]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("score 100 of 100"), "{printed}");
    let stranger = report_on(&url, &[]);
    assert_eq!(stranger.not_passed(), ["cors-origin"]);
}

#[test]
fn a_file_of_any_size_can_be_examined() {
    let gateway = harness::start();
    for size in [0, 1, 2, 9, 199, 5_000] {
        let file = gateway.store("small.bin", &bytes(size));
        let report = diagnose(gateway.public(), &file.url());
        assert_eq!((report.not_passed(), report.exit_code), (vec![], 0), "{size}: {report:#?}");
    }
}

#[test]
fn the_table_says_what_came_who_suffers_and_what_to_do() {
    let gateway = harness::start();
    let weak = proxy::Flaw {
        row: "etag",
        asked: |_| (),
        answered: |_, answer| answer.change("etag", |etag| format!("W/{etag}")),
    };
    let film = film(&gateway);
    let url = format!("http://{}{}", proxy::start(gateway.public(), weak), film.url());
    let (code, printed, complaint) = doctor(&[&url], "", &[]);
    assert_eq!((code, complaint.as_str()), (1, ""));
    let row: Vec<&str> = printed.lines().skip_while(|line| !line.starts_with("FAIL")).take(4).collect();
    assert_eq!(row[0], "FAIL  a strong ETag, in quotes");
    assert_eq!(row[1], format!("      came:   W/{}", film.etag));
    assert!(row[2].starts_with("      breaks: Chrome"), "{}", row[2]);
    assert!(row[3].starts_with("      do:     send ETag"), "{}", row[3]);
}

#[test]
fn a_gateway_with_a_certificate_is_examined_over_tls() {
    let setup = harness::setup();
    let certificate = harness::Certificate::new(&setup.address().to_string());
    let gateway = setup.tls_with(&certificate).start_without_canary();
    let url = format!("https://{}{}", gateway.public(), film(&gateway).url());
    let trusted = gateway.home().join("tls.crt").display().to_string();
    let report = report_on(&url, &[("SSL_CERT_FILE", &trusted)]);
    assert_eq!((report.not_passed(), report.exit_code), (vec![], 0));
    let stranger = report_on(&url, &[]);
    assert_eq!(stranger.exit_code, 69);
    assert!(stranger.json["error"].as_str().is_some_and(|why| why.starts_with("no TLS connection")), "{stranger:?}");
}
