//! What every answer has in common, the wrong routes and methods, and what happens when the catalog is away.

use crate::harness::{Server, form, key_of, rest};
use tokio::{io::AsyncWriteExt, net::TcpStream};

#[tokio::test]
async fn an_unknown_route_is_a_404_in_json() {
    let server = Server::start().await;
    for path in ["/", "/api", "/api/", "/files", "/api/v2/files", "/api/files/a/b/c", "/healthz", "/internal/files"] {
        server.get(path).by("user_1").send().await.refuses(404, "Not found", "unknown_route");
    }
}

#[tokio::test]
async fn a_wrong_method_is_a_405_that_names_the_right_ones() {
    let server = Server::start().await;
    for (method, path, allow) in [
        ("GET", "/api/files/upload", "POST"),
        ("POST", "/api/v1/files", "GET,HEAD"),
        ("PUT", "/api/files/x", "GET,HEAD,PATCH,DELETE"),
        ("TRACE", "/api/auth/health", "GET,HEAD"),
    ] {
        let answer = server.call(method, path).send().await;
        answer.refuses(405, "Method not allowed", "method_not_allowed");
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
}

#[tokio::test]
async fn a_request_id_is_kept_if_it_can_stand_in_a_log() {
    let server = Server::start().await;
    let asked = |id: String| server.get("/api/auth/health").header("x-request-id", &id).send();
    for good in ["a", "A-z_0.9", &"i".repeat(128)] {
        assert_eq!(asked(good.into()).await.header("x-request-id"), good);
    }
    for bad in ["", "a b", "a/b", "[31m", &"i".repeat(129)] {
        let answer = server.call("GET", "/api/nothing").header("x-request-id", bad).send().await;
        assert_eq!(answer.header("x-request-id").len(), 36, "{bad:?}");
        answer.refuses(404, "Not found", "unknown_route");
    }
}

#[tokio::test]
async fn a_catalog_that_is_away_is_a_503_and_leaves_no_object() {
    let server = Server::start().await;
    let file = server.stored("user_1", "a", b"x").await;
    server.sql("ALTER TABLE files RENAME TO elsewhere").await;
    for answer in [
        server.get("/api/files").by("user_1").send().await,
        server.upload("user_1", form().file("b", b"y")).send().await,
    ] {
        answer.refuses(503, "Service unavailable", "catalog_unavailable");
        assert_eq!(answer.header("retry-after"), "5");
        assert!(!answer.text().contains("no such table"), "the cause is for the log");
    }
    server.sql("ALTER TABLE elsewhere RENAME TO files").await;
    assert_eq!(server.get("/api/files").by("user_1").send().await.status, 200);
    let left = server.objects().await;
    // Without a catalog that says there is no row, the object must stay.
    assert!(left.contains(&key_of(file["id"].as_str().unwrap())) && left.len() <= 2, "{left:?}");
}

#[tokio::test]
async fn a_row_that_cannot_be_written_takes_its_object_with_it() {
    let server = Server::start().await;
    server.sql("ALTER TABLE files ADD COLUMN room TEXT DEFAULT 'none' CHECK (room <> 'none')").await;
    let answer = server.upload("user_1", form().file("a", &[7; 3 << 20])).send().await;
    answer.refuses(503, "Service unavailable", "catalog_unavailable");
    assert_eq!(server.objects().await, [""; 0]);
}

#[tokio::test]
async fn an_owner_blocked_while_uploading_gets_no_file() {
    let server = Server::start().await;
    let (media_type, body) = form().file("a", &[7; 5000]).finish();
    let call = server.post("/api/files/upload").by("user_1").body(&media_type, body.clone());
    let mut stream = call.begin(1000).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    server.sql("INSERT INTO users (id, deleted_at) VALUES ('user_1', 1)").await;
    stream.write_all(&body[1000..]).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("user_blocked"), "{answer}");
    assert_eq!(server.objects().await, [""; 0]);
}

#[tokio::test]
async fn a_flood_of_headers_is_refused() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.api).await.unwrap();
    let line = format!("X: {}\r\n", "x".repeat(1000));
    stream.write_all(b"GET /api/auth/health HTTP/1.1\r\nHost: a\r\n").await.unwrap();
    for _ in 0..200 {
        if stream.write_all(line.as_bytes()).await.is_err() {
            break;
        }
    }
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 431 "));
}

/// What these bytes are answered with, until the connection is closed.
async fn raw(server: &Server, bytes: &str) -> String {
    let mut stream = TcpStream::connect(server.api).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let closed = tokio::time::timeout(std::time::Duration::from_secs(5), rest(&mut stream));
    closed.await.expect("the connection is closed")
}

#[tokio::test]
async fn a_request_without_exactly_one_valid_host_is_refused_and_its_connection_closed() {
    let server = Server::start().await;
    let valid = "Host: localhost\r\n";
    for hosts in ["", "Host: a\r\nHost: a\r\n", "Host: a\r\nhost: b\r\n", "Host:\r\n", "Host: u@a\r\n", "Host: a/b\r\n"]
    {
        for target in ["/api/auth/health", "/nowhere", "http://localhost/api/auth/health"] {
            // The second request is never answered.
            let answer =
                raw(&server, &format!("GET {target} HTTP/1.1\r\n{hosts}\r\nGET / HTTP/1.1\r\n{valid}\r\n")).await;
            assert!(
                answer.starts_with("HTTP/1.1 400 ") && answer.matches("HTTP/1.1").count() == 1,
                "{hosts:?} {answer}"
            );
            assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
            assert!(answer.contains("\"invalid_request\"") && answer.contains("`Host` must be"), "{answer}");
            assert!(answer.contains("\"request_id\":"), "{answer}");
        }
    }
    let close = "Connection: close\r\n\r\n";
    assert!(
        raw(&server, &format!("GET /api/auth/health HTTP/1.1\r\n{valid}{close}")).await.starts_with("HTTP/1.1 200 ")
    );
    assert!(raw(&server, "GET /api/auth/health HTTP/1.0\r\n\r\n").await.starts_with("HTTP/1.0 200 "));
}
