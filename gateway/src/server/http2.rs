//! One HTTP/2 connection under hyper: its bounds, and its patience.
//!
//! A client owes us something while it has no stream open, and while it takes nothing of any answer it has asked for,
//! be it that the socket or that its windows are full. It owes nothing while we make or read an answer.

use super::{
    copied,
    deadline::Deadline,
    drive::drive,
    linger::Lingering,
    room::{Notice, Seat},
    tls::Encrypted,
};
use crate::{Gateway, config::Patience, handler, request::Head};
use http::{Request, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

const MAX_STREAMS: u32 = 100;
/// A request's head; as over HTTP/1.1.
const MAX_HEAD: u32 = 16 * 1024;
/// The least that the protocol allows, and all that requests without bodies need.
const WINDOW: u32 = 65_535;
/// What waits in one stream for a client who does not read: this, and one chunk on either side of it.
const SEND_BUFFER: usize = 32 * 1024;
const CHUNK: u64 = 32 * 1024;
/// Streams that a client opened and reset before we came to see them, and streams that its errors ended.
const MAX_RESETS: usize = 20;
const MAX_ERRORS: usize = 100;

/// Serves a connection to its end, or as far as its seat is told.
pub(super) async fn serve(gateway: &Gateway, stream: Encrypted, seat: &Arc<Seat>) {
    let patience = gateway.shared.config.patience;
    let streams = Streams::new(seat);
    let service = service_fn(|request: Request<Incoming>| {
        let (gateway, stream) = (gateway.clone(), streams.open());
        async move {
            let (head, body) = request.into_parts();
            let answer = handler::handle(&gateway, &Head::from(&head), !body.is_end_stream()).await;
            let response = copied::response::<CHUNK>(answer, head.version);
            let is_bodiless = response.status() == StatusCode::NOT_MODIFIED;
            Ok::<_, Infallible>(response.map(|body| Streamed { body, is_bodiless, stream }))
        }
    });
    let connection = builder(patience).serve_connection(TokioIo::new(Lingering::new(stream)), service);
    let (mut listen, mut watch) = (seat.listen(), Watch::new(&streams, patience));
    drive(connection, |cx| match listen(cx) {
        Poll::Pending => watch.poll(cx),
        told => told,
    })
    .await;
}

/// CONTINUATION frames, SETTINGS and empty DATA are bounded by h2 itself.
fn builder(patience: Patience) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD)
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .adaptive_window(false)
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(MAX_ERRORS)
        // A client that is gone without a word is noticed although its answers are not stalled yet.
        .keep_alive_interval(patience.idle)
        .keep_alive_timeout(patience.idle);
    builder
}

/// A connection's open streams. Shared by the connection and what answers them, all on one thread.
#[derive(Clone)]
struct Streams {
    seat: Arc<Seat>,
    state: Arc<Mutex<State>>,
}

struct State {
    open: usize,
    /// Of those, the ones that wait for us and not for the client.
    ours: usize,
    /// When the client last did what it owes: asked for something, or took some of an answer.
    since: Instant,
}

impl Streams {
    fn new(seat: &Arc<Seat>) -> Self {
        let since = Instant::now();
        let streams = State { open: 0, ours: 0, since };
        seat.idle(Some(since));
        Self { seat: Arc::clone(seat), state: Arc::new(Mutex::new(streams)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Stream {
        self.change(|state| {
            state.open += 1;
            state.ours += 1;
        });
        Stream { streams: self.clone(), is_ours: true }
    }

    /// The seat hears of every change; the connection where its timer may have to go off earlier.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        let owed_before = state.client_owes();
        change(&mut state);
        state.since = Instant::now();
        let (owes, is_idle) = (state.client_owes(), state.open == 0);
        self.seat.idle(is_idle.then_some(state.since));
        self.seat.stalled((owes && !is_idle).then_some(state.since));
        if owes && (!owed_before || is_idle) {
            self.seat.wake();
        }
    }
}

impl State {
    fn client_owes(&self) -> bool {
        self.ours == 0
    }
}

/// One stream, from its head to the end of its answer.
struct Stream {
    streams: Streams,
    is_ours: bool,
}

impl Stream {
    /// Whether it waits for us or, with something to take, for the client.
    fn waits_for_us(&mut self, is_ours: bool) {
        if is_ours && self.is_ours {
            return;
        }
        let was_ours = std::mem::replace(&mut self.is_ours, is_ours);
        self.streams.change(|state| state.ours = state.ours + usize::from(is_ours) - usize::from(was_ours));
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let is_ours = self.is_ours;
        self.streams.change(|state| {
            state.open -= 1;
            state.ours -= usize::from(is_ours);
        });
    }
}

/// A body that says whom it waits for. hyper asks it for more only once the client has taken some.
struct Streamed<B> {
    body: B,
    /// It names a length and has none of it to send.
    is_bodiless: bool,
    stream: Stream,
}

impl<B: Body + Unpin> Body for Streamed<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.stream.waits_for_us(frame.is_pending());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.is_bodiless || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Ends a connection whose client takes too long.
struct Watch<'a> {
    streams: &'a Streams,
    patience: Patience,
    deadline: Deadline,
    is_finishing: bool,
}

impl<'a> Watch<'a> {
    fn new(streams: &'a Streams, patience: Patience) -> Self {
        Self { streams, patience, deadline: Deadline::default(), is_finishing: false }
    }

    /// Ready once the client's time is over: an idle one is told to go, and what its windows still hold up may be taken
    /// until the stall time has passed as well.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Notice> {
        let mut state = self.streams.state();
        let is_idle = state.open == 0 && self.streams.seat.has_asked() && !self.is_finishing;
        let Some(patience) = self.patience_with(&state) else { return Poll::Pending };
        self.deadline.set_since(state.since, patience);
        if self.deadline.check(cx).is_ok() {
            return Poll::Pending;
        }
        if !is_idle {
            return Poll::Ready(Notice::Cut);
        }
        self.is_finishing = true;
        state.since = Instant::now();
        Poll::Ready(Notice::Finish)
    }

    fn patience_with(&self, state: &State) -> Option<Duration> {
        match (state.open, self.streams.seat.has_asked()) {
            _ if !state.client_owes() => None,
            (0, false) => Some(self.patience.header),
            (0, true) if !self.is_finishing => Some(self.patience.idle),
            _ => Some(self.patience.stall),
        }
    }
}
