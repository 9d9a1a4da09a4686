//! One HTTP/1.1 connection under hyper: encrypted, or an operator's.

use super::{connection::TimedStream, drive::drive, room::Seat};
use hyper::{body::Incoming, server::conn::http1, service::HttpService};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::error::Error;
use tokio::io::{AsyncRead, AsyncWrite};

/// A request's whole head must fit; hyper buffers no more than this of an answer either.
const MAX_HEAD: usize = 16 * 1024;

/// Serves a connection to its end, or as far as its seat is told.
pub(super) async fn serve<T, S, B>(stream: TimedStream<T>, service: S, seat: &Seat)
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    S: HttpService<Incoming, ResBody = B> + Unpin,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // hyper's own timeout counts a connection's idle time as part of the next head; `TimedStream` tells them apart.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD)
        // A client that has said all it wants to say still gets its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    drive(connection, seat.listen()).await;
}
