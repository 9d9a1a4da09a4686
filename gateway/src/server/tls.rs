//! The handshake, and the bytes behind it: encrypted in this process, so copied through it.

use super::{
    certificate::Tls,
    room::{Notice, Seat},
};
use crate::zero_copy::prepare;
use std::{
    future::{Future, poll_fn},
    io,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub(super) const HTTP_2: &[u8] = b"h2";
pub(super) const HTTP_1_1: &[u8] = b"http/1.1";

/// A connection whose handshake is done. It is made from a plain socket alone, so none that sends files is beneath it.
pub(super) type Encrypted = TlsStream<TcpStream>;

/// Of a file, so much is copied at once: four records' worth, for more would wait in memory for a client who does not
/// read.
pub(super) const CHUNK: u64 = 64 * 1024;

/// Shakes hands, for at most `patience`, and no longer than the seat is let go on.
///
/// # Errors
/// What the client speaks is no TLS, or none that we do; it took too long; the seat was told to end.
pub(super) async fn accept(tls: &Tls, tcp: TcpStream, patience: Duration, seat: &Seat) -> io::Result<Encrypted> {
    prepare(&tcp);
    seat.idle(Some(Instant::now()));
    let mut handshake = pin!(timeout(patience, TlsAcceptor::from(tls.config()).accept(tcp)));
    poll_fn(|cx| {
        if seat.notice(cx) != Notice::GoOn {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        handshake.as_mut().poll(cx).map(|shaken| shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())))
    })
    .await
}

pub(super) fn speaks_http2(stream: &Encrypted) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP_2)
}
