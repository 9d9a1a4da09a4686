//! What is refused here instead of in the signer: in the same shape, logged the same way, and as sure to arrive.

use crate::exchange::Exchange;
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use futures_util::{StreamExt, future::ready};
use proto::refusal::ErrorBody;
use std::time::Duration;

/// Long enough to send an answer, short enough not to matter.
const MOMENT: Duration = Duration::from_secs(2);
/// In bytes.
const MOST: usize = 16 << 20;

/// One refusal, as [`ErrorBody`] has it.
pub(crate) struct Refusal {
    /// Of the log.
    pub(crate) route: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) message: &'static str,
    pub(crate) code: &'static str,
}

impl Refusal {
    /// Refuses `request`.
    pub(crate) fn answer(&self, request: Request) -> Response {
        let exchange = Exchange::of(&request, self.route);
        read_on(request);
        let mut response = Response::new(Body::from(self.body(exchange.id())));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        exchange.answer(response, Some(self.code))
    }

    fn body(&self, request_id: &str) -> Vec<u8> {
        let Self { error, message, code, .. } = *self;
        ErrorBody { error, message, code, request_id, expired_seconds_ago: None, server_time: None }.to_json()
    }
}

/// Reads the body for a moment: a connection that is closed with bytes unread is reset, and the answer lost. A
/// client that waits for `100 Continue` is left alone, since reading would ask for its body.
fn read_on(request: Request) {
    if request.headers().contains_key(header::EXPECT) {
        return;
    }
    let mut left = MOST;
    let pieces = request.into_body().into_data_stream().take_while(move |piece| {
        left = left.saturating_sub(piece.as_ref().map_or(MOST, |bytes| bytes.len()));
        ready(left > 0)
    });
    tokio::spawn(tokio::time::timeout(MOMENT, pieces.for_each(|_| ready(()))));
}
