//! A request body that, dropped unread, goes on being read for a moment. hyper closes a connection whose body was
//! not read, and closing it with bytes still unread makes the kernel reset it: the answer would be lost on its way.

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::header,
};
use futures_util::StreamExt;
use http_body::{Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::runtime::Handle;

/// Long enough to send an answer over a slow line, short enough not to matter.
const MOMENT: Duration = Duration::from_secs(2);
/// In bytes.
const MOST: usize = 16 << 20;

/// A body, until it is read to its end.
pub(super) struct Lingering {
    body: Option<Body>,
}

impl Lingering {
    /// A client that waits for `100 Continue` is left alone: reading its body would ask for it.
    pub(super) fn wrap(request: Request) -> Request {
        if request.headers().contains_key(header::EXPECT) {
            return request;
        }
        request.map(|body| Body::new(Self { body: Some(body) }))
    }
}

impl http_body::Body for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let unread = self.body.take().filter(|body| !http_body::Body::is_end_stream(body));
        if let (Some(body), Ok(runtime)) = (unread, Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(MOMENT, discard(body)));
        }
    }
}

async fn discard(body: Body) {
    let mut pieces = body.into_data_stream();
    let mut read = 0;
    while let Some(Ok(piece)) = pieces.next().await {
        read += piece.len();
        if read > MOST {
            return;
        }
    }
}
