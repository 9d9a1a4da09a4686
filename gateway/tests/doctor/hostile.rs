//! Servers and links that mean no good: what is printed stays harmless, and everything ends.

use super::{doctor, film, harness, report_on};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

const QUERY: &str = "user_id=user_2abcDEF&signature=feedfacefeedfacefeedface";
const SIGNATURE: &str = "feedfacefeedfacefeedface";

/// A server that does this with each request: its line, and the connection. It ends with the test process.
fn server(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || {
                let mut lines = BufReader::new(client.try_clone().expect("one socket for both")).lines();
                let first = lines.next().and_then(Result::ok).unwrap_or_default();
                lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
                answer(&first, &mut client);
            });
        }
    });
    address
}

/// One answer to everything.
fn always(answer: &'static str) -> SocketAddr {
    server(move |_, client| {
        let _ = client.write_all(answer.as_bytes());
    })
}

#[test]
fn a_refused_link_is_not_examined_and_its_signature_not_printed() {
    let gateway = harness::start();
    let film = film(&gateway);
    let url = format!("http://{}{}", gateway.public(), film.link().signed(&"0f".repeat(32)));
    for arguments in [&["-"][..], &["--json", "-"]] {
        let (code, printed, complaint) = doctor(arguments, &url, &[]);
        assert_eq!(code, 69, "{printed}{complaint}");
        let said = printed + &complaint;
        assert!(said.contains("403 Forbidden") && !said.contains("0f0f0f0f"), "{said}");
    }
    gateway.assert_unharmed();
}

#[test]
fn an_answer_that_leads_elsewhere_is_not_followed() {
    let address = always("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    let report = report_on(&format!("http://{address}/film?{QUERY}"), &[]);
    assert_eq!(report.exit_code, 69);
    let error = report.json["error"].as_str().expect("an error");
    assert!(error.contains("302") && error.ends_with("the URL that it leads to"), "{error}");
}

#[test]
fn what_a_server_makes_of_the_query_is_not_printed() {
    let address = server(|first, client| {
        let target = first.split(' ').nth(1).unwrap_or_default();
        let fields = ["ETag", "Content-Type", "Content-Range", "Access-Control-Allow-Origin", "Accept-Ranges"];
        let fields: String = fields.iter().map(|name| format!("{name}: <{target}>\u{9b}31m\r\n")).collect();
        let _ = client.write_all(format!("HTTP/1.1 206 Part\r\n{fields}Content-Length: 2\r\n\r\nab").as_bytes());
    });
    let url = format!("http://{address}/film?{QUERY}");
    for arguments in [&["-"][..], &["--json", "-"]] {
        let (code, printed, complaint) = doctor(arguments, &url, &[]);
        assert_eq!((code, complaint.as_str()), (1, ""), "{printed}");
        assert!(printed.contains("[hidden]"), "{printed}");
        assert!(!printed.contains(SIGNATURE) && !printed.contains("user_2abcDEF"), "{printed}");
        assert!(printed.chars().all(|character| character == '\n' || !character.is_control()), "{printed:?}");
    }
}

#[test]
fn a_server_that_never_answers_is_left() {
    let address = server(|_, _| {
        loop {
            thread::park();
        }
    });
    let (code, printed, complaint) = doctor(&["--timeout", "1", &format!("http://{address}/film")], "", &[]);
    assert_eq!((code, printed.as_str()), (69, ""));
    assert!(complaint.ends_with("was not examined: nothing came within 1 s\n"), "{complaint}");
}

#[test]
fn silence_on_a_kept_connection_is_told_and_not_tried_again() {
    let is_first = AtomicBool::new(true);
    let address = server(move |_, client| {
        let _ = client.write_all(b"HTTP/1.1 206 Part\r\nContent-Range: bytes 0-1/2\r\nContent-Length: 2\r\n\r\nab");
        if is_first.swap(false, Ordering::Relaxed) {
            let _ = client.read_to_end(&mut Vec::new());
        }
    });
    let (_, printed, _) = doctor(&["--timeout", "1", &format!("http://{address}/film")], "", &[]);
    let whole = "FAIL  without a range it is 200, without Content-Range\n      came:   nothing came within 1 s\n";
    assert!(printed.contains(whole), "{printed}");
}

#[test]
fn a_server_that_is_not_there_or_speaks_something_else_is_told_of() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let nobody = report_on(&format!("http://{closed}/film"), &[]);
    assert_eq!(nobody.exit_code, 69);
    assert!(nobody.json["error"].as_str().is_some_and(|why| why.starts_with("no connection")), "{nobody:?}");
    for noise in [
        "",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 \x07\x07\x07\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    ] {
        let report = report_on(&format!("http://{}/film", always(noise)), &[]);
        assert_eq!(report.exit_code, 69, "{noise:?}: {report:#?}");
    }
}

#[test]
fn of_a_file_without_an_end_little_is_read() {
    let sent = Arc::new(AtomicU64::default());
    let count = Arc::clone(&sent);
    let address = server(move |_, client| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 10995116277760\r\nContent-Type: video/mp4\r\n\r\n";
        let mut written = client.write_all(head.as_bytes());
        while written.is_ok() {
            written = client.write_all(&[0; 16 * 1024]);
            count.fetch_add(16 * 1024, Ordering::Relaxed);
        }
    });
    let report = report_on(&format!("http://{address}/film"), &[]);
    assert_eq!((report.exit_code, report.json["size"].as_u64()), (1, Some(10_995_116_277_760)));
    // What lies in the sockets' buffers is sent and not read.
    let exchanges = 90;
    assert!(sent.load(Ordering::Relaxed) < exchanges * 4 * 1024 * 1024, "{} bytes", sent.load(Ordering::Relaxed));
}

#[test]
fn what_is_no_link_is_wrong_usage_and_not_repeated() {
    for url in
        ["", "film.mp4?signature=feedface", "ftp://a/feedface", "http://feedface@a/", "http://a b/feedface", "http://"]
    {
        let (code, printed, complaint) = doctor(&["--", url], "", &[]);
        assert_eq!((code, printed.as_str()), (64, ""), "{url}");
        assert!(!complaint.is_empty() && !complaint.contains("feedface"), "{complaint}");
    }
    let (code, printed, complaint) = doctor(&["-"], &format!("http://127.0.0.1:1/{}", "a".repeat(40_000)), &[]);
    assert_eq!((code, printed.as_str()), (64, ""));
    assert!(complaint.contains("a URL as long as this cannot be examined\n"), "{complaint}");
    for arguments in
        [&[][..], &["--timeout", "0", "http://a/"], &["--origin", "nonsense", "http://a/"], &["http://a/", "b"]]
    {
        assert_eq!(doctor(arguments, "", &[]).0, 64, "{arguments:?}");
    }
}
