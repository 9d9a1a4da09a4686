//! What HTTP/1.1 and HTTP/2 answer over TLS is what HTTP/1.1 answers without.

use crate::{
    gateway_and_file,
    harness::{self, Answer, Ended, File, Gateway, Http2, PATIENCE, Random, Request, bytes, parts},
};
use std::fs;

const LARGE: usize = 64 << 20;

/// A client of either protocol.
enum Client {
    Http1,
    Http2(Http2),
}

impl Client {
    fn each(gateway: &Gateway) -> [Self; 2] {
        [Self::Http1, Self::Http2(gateway.http2())]
    }

    #[track_caller]
    fn answer(&mut self, request: Request) -> Answer {
        match self {
            Self::Http1 => request.send(),
            Self::Http2(client) => client.answer(&request),
        }
    }
}

#[test]
fn whole_files_and_ranges_are_exact() {
    let gateway = harness::setup().tls().start();
    for size in [0, 1, 1000, 3_000_001] {
        let file = gateway.store("clip.mp4", &bytes(size));
        for mut client in Client::each(&gateway) {
            client.answer(gateway.get(&file.url())).assert_whole(&file.bytes);
            if size > 2 {
                client.answer(gateway.get(&file.url()).range("bytes=0-")).assert_part(&file.bytes, 0, size - 1);
                client.answer(gateway.get(&file.url()).range("bytes=1-")).assert_part(&file.bytes, 1, size - 1);
                client.answer(gateway.get(&file.url()).range("bytes=-2")).assert_part(&file.bytes, size - 2, size - 1);
            }
        }
    }
    gateway.assert_unharmed();
}

#[test]
fn several_ranges_are_several_parts() {
    let (gateway, file) = gateway_and_file();
    for mut client in Client::each(&gateway) {
        let answer = client.answer(gateway.get(&file.url()).range("bytes=0-9,100-199,-1"));
        let parts = parts(&answer);
        let bodies: Vec<_> = parts.iter().map(|part| part.body.as_slice()).collect();
        assert_eq!(bodies, [&file.bytes[..10], &file.bytes[100..200], &file.bytes[999..]]);
    }
    gateway.assert_unharmed();
}

#[test]
fn a_head_a_304_and_a_preflight_have_no_body() {
    let (gateway, file) = gateway_and_file();
    for mut client in Client::each(&gateway) {
        let head = client.answer(gateway.head(&file.url()));
        assert_eq!((head.status(), head.sure_header("content-length"), head.body()), (200, "1000", &b""[..]));
        let unchanged = client.answer(gateway.get(&file.url()).header("If-None-Match", "*"));
        assert_eq!((unchanged.status(), unchanged.body()), (304, &b""[..]));
        assert_eq!(unchanged.sure_header("content-length"), "1000", "as over HTTP/1.1 without TLS");
        let preflight = client.answer(gateway.request("OPTIONS", &file.url()));
        assert_eq!((preflight.status(), preflight.body()), (204, &b""[..]));
    }
    gateway.assert_unharmed();
}

#[test]
fn errors_have_the_contracts_shape() {
    let (gateway, file) = gateway_and_file();
    let past = gateway.store("old.mp4", b"old").link().expires(harness::now() - 100).url();
    for mut client in Client::each(&gateway) {
        client.answer(gateway.get(&file.link().signed("x"))).assert_error(403, "Invalid signature", "bad_signature");
        client.answer(gateway.get(&past)).assert_error(410, "Signed URL expired", "expired");
        client.answer(gateway.get("/nowhere")).assert_error_code(404, "unknown_route");
        client.answer(gateway.request("DELETE", &file.url())).assert_error_code(405, "method_not_allowed");
        let unsatisfiable = client.answer(gateway.get(&file.url()).range("bytes=1000-"));
        unsatisfiable.assert_error_code(416, "range_not_satisfiable");
        assert_eq!(unsatisfiable.sure_header("content-range"), "bytes */1000");
        client
            .answer(gateway.get(&file.url()).header("If-Match", "\"x\""))
            .assert_error_code(412, "precondition_failed");
    }
    gateway.assert_unharmed();
}

#[test]
fn over_http2_an_answer_never_speaks_of_its_connection() {
    let (gateway, file) = gateway_and_file();
    let mut client = gateway.http2();
    for (request, status) in [
        (gateway.get(&file.url()), 200),
        (gateway.get("/nowhere"), 404),
        (gateway.get(&file.url()).header("Content-Length", "0").header("Host", "another.example"), 400),
        (gateway.request("POST", &file.url()), 405),
    ] {
        let answer = client.answer(&request);
        assert_eq!(answer.status(), status, "{answer:?}");
        for name in ["connection", "keep-alive", "transfer-encoding", "upgrade"] {
            assert_eq!(answer.header(name), None, "{answer:?}");
        }
    }
    client.answer(&gateway.get(&file.url())).assert_whole(&file.bytes);
    drop(client);
    gateway.assert_unharmed();
}

#[test]
fn over_http2_the_authority_is_the_host_and_a_host_beside_it_says_the_same() {
    let (gateway, file) = gateway_and_file();
    let mut client = gateway.http2();
    let address = gateway.public().to_string();
    client.answer(&gateway.get(&file.url()).header("Host", &address)).assert_whole(&file.bytes);
    for host in ["another.example", "", "a b"] {
        client.answer(&gateway.get(&file.url()).header("Host", host)).assert_error_code(400, "bad_request");
    }
    let twice = gateway.get(&file.url()).header("Host", &address).header("Host", &address);
    client.answer(&twice).assert_error_code(400, "bad_request");
}

#[test]
fn a_hundred_streams_of_one_connection_are_not_mixed() {
    let gateway = harness::setup().tls().start();
    let file = gateway.store("film.mp4", &bytes(2_000_003));
    let mut client = gateway.http2_with_window(1 << 20);
    let range = |n: usize| (n * 19_000, n * 19_000 + 18_000 + n);
    let request = |n: usize| gateway.get(&file.url()).range(&format!("bytes={}-{}", range(n).0, range(n).1));
    let streams: Vec<_> = (0..100).map(|n| client.begin(&request(n)).expect("an answer")).collect();
    for (n, mut stream) in streams.into_iter().enumerate() {
        let (body, error) = stream.rest();
        assert!(error.is_none(), "{error:?}");
        stream.head().clone().with_body(body).assert_part(&file.bytes, range(n).0, range(n).1);
    }
    drop(client);
    gateway.assert_unharmed();
}

#[test]
fn random_ranges_of_a_large_file_are_exact() {
    let gateway = harness::setup().tls().start();
    let file = gateway.store("film.mp4", &bytes(LARGE));
    let mut random = Random::seeded(2027);
    let (mut http1, mut http2) = (gateway.connect(), gateway.http2());
    for _ in 0..50 {
        let first = usize::try_from(random.below(LARGE as u64)).expect("an index");
        let last = (first + (1 << random.below(22)) - 1).min(LARGE - 1);
        let request = gateway.get(&file.url()).range(&format!("bytes={first}-{last}"));
        request.over(&mut http1).assert_part(&file.bytes, first, last);
        http2.answer(&request).assert_part(&file.bytes, first, last);
    }
    http2.answer(&gateway.get(&file.url())).assert_whole(&file.bytes);
    drop((http1, http2));
    gateway.assert_unharmed();
}

fn cut(gateway: &Gateway, file: &File, length: u64) {
    let object = fs::File::options().write(true).open(gateway.storage().folder().join(&file.object_key));
    object.and_then(|object| object.set_len(length)).expect("the file is cut");
}

#[test]
fn a_file_cut_in_mid_download_cuts_the_connection() {
    let gateway = harness::setup().tls().start();
    if !gateway.storage().is_folder() {
        return; // an object in S3 cannot shrink
    }
    let file = gateway.store("film.mp4", &bytes(LARGE));
    let mut download = gateway.get(&file.url()).open_with_window(64 << 10);
    let first = download.take(100_000);
    cut(&gateway, &file, 20_000_001);
    let (rest, ended) = download.rest();
    let received = [first, rest].concat();
    assert_eq!(ended, Ended::Reset, "it does not look like an end: TLS says no goodbye");
    assert!(received.len() < LARGE && file.bytes.starts_with(&received), "{} bytes", received.len());
    gateway.assert_unharmed();
}

#[test]
fn a_file_cut_in_mid_download_resets_the_stream_and_no_other() {
    let gateway = harness::setup().tls().start();
    if !gateway.storage().is_folder() {
        return; // an object in S3 cannot shrink
    }
    let (file, other) = (gateway.store("film.mp4", &bytes(LARGE)), gateway.store("other.mp4", &bytes(1 << 20)));
    let mut client = gateway.http2_with_window(64 << 10);
    let mut stream = client.begin(&gateway.get(&file.url())).expect("an answer");
    let first = stream.take(100_000);
    cut(&gateway, &file, 20_000_001);
    let (rest, error) = stream.rest();
    let received = [first, rest].concat();
    assert!(error.is_some_and(|error| error.is_reset()), "it does not look like an end");
    assert!(received.len() < LARGE && file.bytes.starts_with(&received), "{} bytes", received.len());
    client.answer(&gateway.get(&other.url())).assert_whole(&other.bytes);
    drop((stream, client));
    gateway.assert_unharmed();
}

#[test]
fn a_client_that_has_nothing_more_to_say_still_gets_its_answer() {
    let gateway = harness::setup().tls().start();
    let file = gateway.store("clip.mp4", &bytes(8 << 20));
    let mut connection = gateway.connect();
    connection.send(&gateway.get(&file.url()).to_bytes()).finish_sending();
    connection.answer("GET").assert_whole(&file.bytes);
    assert_eq!(connection.rest(), (Vec::new(), Ended::Closed));
    gateway.assert_unharmed();
}

#[test]
fn a_stream_that_the_client_leaves_is_let_go() {
    let gateway = harness::setup().tls().start();
    let file = gateway.store("film.mp4", &bytes(LARGE));
    let mut client = gateway.http2_with_window(64 << 10);
    for _ in 0..50 {
        let mut stream = client.begin(&gateway.get(&file.url())).expect("an answer");
        assert!(file.bytes.starts_with(&stream.take(1_000)));
    }
    harness::eventually("no request is being answered", PATIENCE, || {
        (gateway.series("gateway_requests_in_flight") == 0).then_some(())
    });
    client.answer(&gateway.get(&file.url()).range("bytes=0-1")).assert_part(&file.bytes, 0, 1);
    drop(client);
    gateway.assert_unharmed();
}
