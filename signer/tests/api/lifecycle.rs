//! Drain and cut.

use crate::harness::{Server, eventually, form, rest};
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

/// More than a signer gives what ends (10 s), and less than the drain that it has by itself (30 s).
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_drain_finishes_what_runs_and_takes_no_more() {
    let server = Server::start_with(|config| config.drain_delay = Duration::from_secs(3)).await;
    let (media_type, body) = form().file("a", &[7; 5000]).finish();
    let call = server.post("/api/files/upload").by("user_1").body(&media_type, body.clone());
    let mut running = call.begin(1000).await;
    tokio::time::sleep(Duration::from_millis(200)).await;

    server.drain.cancel();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.ask("/readyz").send().await.status, 503);
    assert_eq!(server.ask("/rotation").send().await.status, 503);
    assert_eq!(server.get("/api/auth/health").send().await.status, 200, "still accepting");
    eventually("no longer accepting", async || TcpStream::connect(server.api).await.is_err()).await;
    assert_eq!(server.ask("/healthz").send().await.status, 200);

    running.write_all(&body[1000..]).await.unwrap();
    let answer = rest(&mut running).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    timeout(SOON, server.running).await.expect("it ends by itself").unwrap();
}

#[tokio::test]
async fn a_drain_that_takes_too_long_is_cut() {
    let server = Server::start_with(|config| config.drain = Duration::from_millis(300)).await;
    let (media_type, body) = form().file("a", &[7; 5000]).finish();
    let call = server.post("/api/files/upload").by("user_1").body(&media_type, body);
    let mut running = call.begin(1000).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.drain.cancel();
    timeout(SOON, server.running).await.expect("the deadline holds").unwrap();
    assert_eq!(rest(&mut running).await, "");
}

#[tokio::test]
async fn a_cut_ends_everything_at_once() {
    let server = Server::start().await;
    let mut idle = TcpStream::connect(server.api).await.unwrap();
    server.cut.cancel();
    timeout(SOON, server.running).await.expect("nothing is waited for").unwrap();
    assert_eq!(rest(&mut idle).await, "");
}
