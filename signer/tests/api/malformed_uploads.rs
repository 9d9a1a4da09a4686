//! `POST /files/upload`: what is refused. After each row there is no row, no object and no temporary file.

use crate::harness::{Answer, Call, Server, form, media_type, rest};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const SMALL: u64 = 1 << 20;

async fn server() -> Server {
    Server::given(&[("MAX_UPLOAD_BYTES", &SMALL.to_string())]).await
}

async fn post(server: &Server, media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    upload(server).body(media_type, body).send().await
}

fn upload(server: &Server) -> Call {
    server.post("/api/files/upload").by("user_1")
}

#[tokio::test]
async fn a_boundary_is_needed_and_not_too_long() {
    let server = server().await;
    let long = format!("multipart/form-data; boundary={}", "b".repeat(71));
    for bad in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"", &long] {
        post(&server, bad, "x").await.names("Content-Type");
    }
    for other in ["application/json", "multipart/mixed; boundary=x", ""] {
        post(&server, other, "x").await.refuses(415, "Unsupported media type", "unsupported_media_type");
    }
    server.leaves_nothing().await;
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let server = server().await;
    let (_, whole) = form().file("a", b"x").finish();
    let preamble = [b"smuggled\r\n".as_slice(), &whole].concat();
    let other_boundary = String::from_utf8(whole.clone()).unwrap().replace("WebKit", "Other");
    let bare_newlines = String::from_utf8(whole.clone()).unwrap().replace("\r\n", "\n");
    let no_header = form().part("", b"x").finish().1;
    let no_name = form().part("Content-Disposition: form-data; filename=\"a\"", b"x").finish().1;
    let twice = "Content-Disposition: form-data; name=\"file\"; filename=\"a\"";
    let two_names = form().part(&format!("{twice}\r\n{twice}"), b"x").finish().1;
    let bare_newline = form().part("Content-Disposition: form-data; name=\"file\"; filename=\"a\nb\"", b"x").finish().1;
    let folded = form().part("Content-Disposition: form-data;\r\n name=\"file\"; filename=\"a\"", b"x").finish().1;
    let broken_header = form().part("Content-Disposition\0: x", b"x").finish().1;
    let many_headers = form().part(&vec!["X: y"; 40].join("\r\n"), b"x").finish().1;
    for body in [
        Vec::new(),
        b"hello".to_vec(),
        preamble,
        other_boundary.into_bytes(),
        bare_newlines.into_bytes(),
        no_header,
        no_name,
        two_names,
        bare_newline,
        folded,
        broken_header,
        many_headers,
    ] {
        post(&server, &media_type(), body).await.names("body");
    }
    server.leaves_nothing().await;
}

#[tokio::test]
async fn a_form_cut_anywhere_is_refused() {
    let server = server().await;
    let (_, whole) = form().text("a", "b").file("a", &[7; 3000]).text("c", "d").finish();
    for end in (0..whole.len() - 4).step_by(97) {
        post(&server, &media_type(), &whole[..end]).await.names("body");
    }
    post(&server, &media_type(), form().file("a", b"x").unfinished()).await.names("body");
    server.leaves_nothing().await;
}

#[tokio::test]
async fn exactly_one_file_is_wanted() {
    let server = server().await;
    server.upload("user_1", form()).send().await.names("file");
    server.upload("user_1", form().text("a", "b")).send().await.names("file");
    server.upload("user_1", form().file("a", b"x").file("b", b"y")).send().await.names("file");
    server.leaves_nothing().await;
}

#[tokio::test]
async fn parts_are_bounded_in_number_and_size() {
    let server = server().await;
    let too_large = |answer: Answer| answer.refuses(413, "Payload too large", "too_large");
    let many = (0..10_000).fold(form(), |form, index| form.text(&index.to_string(), "x"));
    server.upload("user_1", many.file("a", b"x")).send().await.names("body");
    let long_header = form().part(&format!("X: {}", "h".repeat(1 << 20)), b"x");
    too_large(server.upload("user_1", long_header).send().await);
    too_large(server.upload("user_1", form().file("a", b"x").text("a", &"x".repeat((8 << 10) + 1))).send().await);
    let all = (0..9).fold(form(), |form, index| form.text(&index.to_string(), &"x".repeat(8 << 10)));
    too_large(server.upload("user_1", all.file("a", b"x")).send().await);
    server.upload("user_1", form().text(&"n".repeat(129), "x").file("a", b"x")).send().await.names("part name");
    server.upload("user_1", form().file(&"n".repeat(1025), b"x")).send().await.names("filename");
    server.leaves_nothing().await;
}

#[tokio::test]
async fn fields_are_checked_and_named() {
    let server = server().await;
    for (name, value) in [
        ("job_id", String::new()),
        ("job_id", "j".repeat(129)),
        ("job_id", "a\0b".into()),
        ("title", "a\0b".into()),
        ("expires_at", "tomorrow".into()),
        ("expires_at", "2001-01-01T00:00:00Z".into()),
        ("expires_at", "2100-01-01 00:00:00Z".into()),
    ] {
        for upload in [form().text(name, &value).file("a", b"x"), form().file("a", b"x").text(name, &value)] {
            server.upload("user_1", upload).send().await.names(name);
        }
    }
    server.upload("user_1", form().text("a", "1").text("a", "2").file("a", b"x")).send().await.names("a");
    let not_utf8 = form().part("Content-Disposition: form-data; name=\"a\"", b"\xff").file("a", b"x");
    server.upload("user_1", not_utf8).send().await.names("a");
    server.leaves_nothing().await;
}

#[tokio::test]
async fn a_file_past_the_limit_is_refused_at_once() {
    let server = server().await;
    let at_limit = vec![7; usize::try_from(SMALL).unwrap()];
    let over = vec![7; at_limit.len() + 1];
    server.upload("user_1", form().file("a", &over)).send().await.refuses(413, "Payload too large", "too_large");
    // By its declared length alone: not a byte of this body is ever sent.
    let mut stream = upload(&server).body(&media_type(), vec![0; 4 << 20]).begin(0).await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 413 "));
    server.leaves_nothing().await;
    server.stored("user_1", "a", &at_limit).await;
}

#[tokio::test]
async fn a_client_that_leaves_leaves_nothing_behind() {
    let server = Server::start().await;
    for sent in [1, 200, 300_000, 9 << 20, 20 << 20] {
        let (media_type, body) = form().file("a", &vec![7; 30 << 20]).finish();
        let stream = upload(&server).body(&media_type, body).begin(sent).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(stream);
    }
    server.leaves_nothing().await;
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_given_up() {
    let server = Server::start_with(|config| config.upload_patience = Duration::from_millis(600)).await;
    let (media_type, body) = form().file("a", &[7; 10_000]).finish();
    let mut stream = upload(&server).body(&media_type, body.clone()).begin(5000).await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"code\":\"timeout\""), "{answer}");

    let mut stream = upload(&server).body(&media_type, body).begin(2000).await;
    let answer = loop {
        // A byte now and then does not keep it.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if stream.write_all(b"x").await.is_err() {
            break rest(&mut stream).await;
        }
        let mut first = [0; 512];
        if let Ok(read @ 1..) = stream.try_read(&mut first) {
            break String::from_utf8_lossy(&first[..read]).into_owned();
        }
    };
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    server.leaves_nothing().await;
}

#[tokio::test]
async fn a_refused_upload_is_never_told_to_continue() {
    let server = server().await;
    let (media_type, body) = form().file("a", b"x").finish();
    for expect in ["100-continue", "bogus"] {
        let unsigned = server.post("/api/files/upload").header("expect", expect);
        let mut stream = unsigned.body(&media_type, body.clone()).begin(0).await;
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
    server.leaves_nothing().await;
}

#[tokio::test]
async fn a_large_upload_that_is_refused_early_still_sees_the_answer() {
    let server = server().await;
    let (media_type, body) = form().file("a", &vec![7; 900_000]).finish();
    let unsigned = server.post("/api/files/upload").body(&media_type, body);
    unsigned.send().await.refuses(401, "Unauthorized", "token_missing");
    server.leaves_nothing().await;
}
