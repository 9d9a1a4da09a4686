//! A connection under hyper, and what it is told on its way.

use super::room::Notice;
use hyper_util::server::graceful::GracefulConnection;
use std::{
    fmt::Display,
    future::poll_fn,
    task::{Context, Poll},
};

/// Runs a connection to its end, or as far as it is told. Its errors are its client's affair.
pub(super) async fn drive<C>(connection: C, mut told: impl FnMut(&mut Context<'_>) -> Poll<Notice>)
where
    C: GracefulConnection<Error: Display>,
{
    // On the heap: a future that awaits it would hold it twice.
    let mut connection = Box::pin(connection);
    poll_fn(|cx| {
        while let Poll::Ready(notice) = told(cx) {
            match notice {
                Notice::Cut => return Poll::Ready(()),
                Notice::Finish | Notice::GoOn => connection.as_mut().graceful_shutdown(),
            }
        }
        connection.as_mut().poll(cx).map(|ended| {
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            }
        })
    })
    .await;
}
