use super::*;
use crate::harness::aws;
use proto::storage::Aws;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
    time::{Instant, sleep},
};

/// So long may a request hold an upload without saying so again.
const LEASE: Duration = Duration::from_secs(10);
const COPYING: Duration = Duration::from_secs(20);

/// A server whose bucket takes that long over each copy.
async fn on_a_bucket_that_copies_slowly() -> Option<Server> {
    on_s3().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let line = format!("http://{}", listener.local_addr().unwrap());
    let bucket = aws().endpoint().unwrap().trim_start_matches("http://").trim_end_matches('/').to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, TcpStream::connect(bucket.clone()).await.unwrap()));
        }
    });
    let server = Server::start_with(|config| {
        let others = config.aws.0.iter().filter(|(name, _)| !name.starts_with("AWS_ENDPOINT")).cloned();
        config.aws = Aws(others.chain([("AWS_ENDPOINT".to_owned(), line)]).collect());
    });
    Some(server.await)
}

/// Every byte as it is, those of a request to copy late.
async fn carry(client: TcpStream, bucket: TcpStream) {
    let ((mut asked, mut told), (mut answers, mut requests)) = (client.into_split(), bucket.into_split());
    tokio::spawn(async move { copy(&mut answers, &mut told).await });
    let mut bytes = vec![0; 64 << 10];
    while let Ok(read @ 1..) = asked.read(&mut bytes).await {
        pass_on(&bytes[..read], &mut requests).await;
    }
}

async fn pass_on(bytes: &[u8], requests: &mut OwnedWriteHalf) {
    if bytes.windows(17).any(|window| window.eq_ignore_ascii_case(b"x-amz-copy-source")) {
        sleep(COPYING).await;
    }
    // A bucket that has hung up answers nothing, and that is what its client sees.
    let _ = requests.write_all(bytes).await;
}

#[tokio::test]
async fn an_upload_stays_with_the_request_that_completes_it_however_long_storage_copies() {
    let Some(server) = on_a_bucket_that_copies_slowly().await else { return };
    let begun = arrived(&server, "a", b"hello").await;
    let began = Instant::now();
    let another_meanwhile = async {
        sleep(LEASE + Duration::from_secs(3)).await;
        begun.complete(&server).send().await.refuses(423, "Locked", "upload_held");
    };
    let (first, ()) = tokio::join!(begun.complete(&server).send(), another_meanwhile);
    assert!(began.elapsed() >= COPYING, "the bucket was quick");
    assert_eq!(file(&begun.complete(&server).send().await), file(&first));
}
