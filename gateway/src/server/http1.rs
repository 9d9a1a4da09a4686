//! One HTTP/1.1 connection under hyper.

use super::{connection::TimedStream, drive::poll_driven, room::Seat};
use hyper::{body::Incoming, server::conn::http1, service::HttpService};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{error::Error, future::poll_fn, pin::Pin, task::Poll};
use tokio::io::{AsyncRead, AsyncWrite};

/// A request's whole head must fit; hyper buffers no more than this of an answer either.
const MAX_HEAD: usize = 16 * 1024;

/// Serves a connection to its end, or as far as its seat is told. Its errors are its client's affair. One that comes to
/// rest is given back: hyper's state and its buffers are made anew when there is something to read.
pub(super) async fn serve<T, S, B>(stream: TimedStream<T>, service: S, seat: &Seat) -> Option<TimedStream<T>>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    S: HttpService<Incoming, ResBody = B> + Unpin,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let phase = stream.phase();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // hyper's own timeout counts a connection's idle time as part of the next head; `TimedStream` tells them apart.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD)
        // A client that has said all it wants to say still gets its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    // On the heap: a future that awaits it would hold it twice.
    let (mut connection, mut told) = (Box::new(connection), seat.listen());
    let rests = poll_fn(|cx| match poll_driven(Pin::new(&mut *connection), &mut told, cx) {
        Poll::Pending if phase.is_resting() => Poll::Ready(true),
        driven => driven.map(|()| false),
    });
    if !rests.await {
        return None;
    }
    let parts = connection.into_parts();
    // A byte of a next request would have ended the rest.
    parts.read_buf.is_empty().then(|| parts.io.into_inner())
}
