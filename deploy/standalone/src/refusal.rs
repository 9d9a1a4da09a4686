//! What is refused here instead of in the signer: in the same shape, logged the same way, and as sure to arrive.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
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
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) message: &'static str,
    pub(crate) code: &'static str,
}

impl Refusal {
    /// Refuses `request`.
    pub(crate) fn answer(&self, request: Request) -> Response {
        read_on(request);
        let request_id = uuid::Uuid::now_v7().to_string();
        tracing::info!(status = self.status.as_u16(), request_id, code = self.code, "request");
        let mut response = Response::new(Body::from(self.body(&request_id)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.extend(HeaderValue::try_from(request_id).map(|id| (HeaderName::from_static("x-request-id"), id)));
        response
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
