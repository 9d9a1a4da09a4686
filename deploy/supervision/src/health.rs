//! `health`: the way to the services that [`proto::health`] asks.

use proto::health::{MAX_ANSWER, Probe, report};
use std::io::{self, Write};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Asks one after the other, and prints how they are. Whether all are ready.
///
/// # Errors
/// Nobody takes what is printed.
pub async fn ask(probes: &[Probe], out: &mut impl Write) -> io::Result<bool> {
    let mut judged = Vec::new();
    for probe in probes {
        judged.push(probe.judge(timeout(probe.patience(), exchange(probe)).await.ok()));
    }
    let (is_ready, text) = report(&judged);
    out.write_all(text.as_bytes())?;
    Ok(is_ready)
}

async fn exchange(probe: &Probe) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(probe.authority()).await?;
    stream.write_all(&probe.request()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    Ok(answer)
}
