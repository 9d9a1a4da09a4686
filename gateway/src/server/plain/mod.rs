//! HTTP/1.1 on a plain connection, from its first byte to its end.
//!
//! [`head`] reads requests, [`handler`] answers them, [`write`] sends the answers: bytes of files go from page cache to
//! socket, and a connection on which nothing is being said is no more than its socket.

mod head;
mod write;

use super::{
    deadline::Deadline,
    linger::Linger,
    room::{Notice, Seat},
};
use crate::{Gateway, clock::Now, handler, zero_copy::Socket};
pub(crate) use head::MAX_HEAD;
use head::{Asked, Malformed};
use std::{
    future::{Future, poll_fn},
    io,
    mem::MaybeUninit,
    pin::pin,
    task::{Context, Poll},
    time::Instant,
};
use tokio::{io::ReadBuf, net::TcpStream};
use write::{Outgoing, Sent, Wire};

/// Serves a connection to its end, or as far as its seat is told. Its errors are its client's affair.
pub(super) async fn serve(gateway: &Gateway, tcp: TcpStream, seat: &Seat) {
    let mut connection = Connection {
        gateway,
        seat,
        socket: Socket::new(tcp),
        arrived: Vec::new(),
        owed: None,
        deadline: Deadline::default(),
    };
    let mut exchanges = pin!(connection.exchanges());
    poll_fn(|cx| match seat.notice(cx) {
        Notice::Cut => Poll::Ready(()),
        Notice::GoOn | Notice::Finish => exchanges.as_mut().poll(cx).map(|ended| {
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            }
        }),
    })
    .await;
}

struct Connection<'a> {
    gateway: &'a Gateway,
    seat: &'a Seat,
    socket: Socket,
    /// What has been read and not been answered: the beginning of a head, or requests behind the one at hand.
    arrived: Vec<u8>,
    owed: Option<Owed>,
    /// For what is owed.
    deadline: Deadline,
}

/// What the client owes us, and so which bound holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owed {
    /// The rest of a head, since its first byte; or a connection's first head, since accept.
    Head,
    /// The next request.
    Next,
    /// To take some of its answer.
    Taking,
}

impl Connection<'_> {
    async fn exchanges(&mut self) -> io::Result<()> {
        self.expect(Owed::Head);
        while let Some(asked) = self.next().await? {
            let persists = match asked {
                Ok(asked) => self.answer(asked).await?,
                Err(malformed) => self.refuse(malformed).await?,
            };
            // Told in the middle of an answer, nothing is begun behind it.
            if !persists || self.seat.is_told() {
                break;
            }
        }
        let mut linger = Linger::default();
        poll_fn(|cx| linger.poll(self.socket.stream(), cx)).await
    }

    /// The next request, or what is none; `None` where the client is done, or we are.
    async fn next(&mut self) -> io::Result<Option<Result<Asked, Malformed>>> {
        if !self.arrived.is_empty() {
            let arrived = std::mem::take(&mut self.arrived);
            if let Some(asked) = self.take_request(&arrived) {
                return Ok(Some(asked));
            }
        }
        let asked = poll_fn(|cx| self.poll_next(cx)).await;
        self.expect_nothing();
        asked
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Result<Asked, Malformed>>>> {
        let mut space = [const { MaybeUninit::uninit() }; MAX_HEAD];
        loop {
            let mut read = ReadBuf::uninit(&mut space[self.arrived.len()..]);
            match self.socket.poll_read(cx, &mut read)? {
                Poll::Pending => return self.wait(cx).map_ok(|()| None),
                Poll::Ready(()) if read.filled().is_empty() => return Poll::Ready(Ok(None)),
                Poll::Ready(()) => {}
            }
            let asked = if self.arrived.is_empty() {
                self.take_request(read.filled())
            } else {
                let mut arrived = std::mem::take(&mut self.arrived);
                arrived.extend_from_slice(read.filled());
                self.take_request(&arrived)
            };
            if asked.is_some() {
                return Poll::Ready(Ok(asked));
            }
        }
    }

    /// The request that `arrived` begins with. What is behind it, or all of what is not yet one, is kept.
    fn take_request(&mut self, arrived: &[u8]) -> Option<Result<Asked, Malformed>> {
        let (asked, length) = match head::read(arrived) {
            Ok(Some((asked, length))) => (Some(Ok(asked)), length),
            Ok(None) => (None, 0),
            Err(malformed) => (Some(Err(malformed)), arrived.len()),
        };
        if length < arrived.len() {
            self.arrived = arrived[length..].to_vec();
        }
        asked
    }

    /// Ready where nothing that we are told to wait for can come; an error once the client's time is over.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let is_silent = self.arrived.is_empty();
        // Whoever has said nothing has nothing to finish.
        if is_silent && self.seat.is_told() {
            return Poll::Ready(Ok(()));
        }
        self.expect(if is_silent && self.seat.has_asked() { Owed::Next } else { Owed::Head });
        match self.deadline.check(cx) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Whether another request may follow.
    async fn answer(&mut self, asked: Asked) -> io::Result<bool> {
        let answer = handler::handle(self.gateway, &asked.head, asked.has_body).await;
        let persists = asked.persists && !answer.closes && !self.seat.is_told();
        let wire = Wire { version: asked.head.version, persists };
        let head = write::head(answer.lines, answer.length, wire, answer.date);
        drop(asked);
        self.send(Outgoing::new(head, Some(answer.body))).await?;
        Ok(persists)
    }

    async fn refuse(&mut self, Malformed(status): Malformed) -> io::Result<bool> {
        self.gateway.shared.metrics.malformed(status);
        self.send(Outgoing::new(write::bare(status, Now::read().unix_seconds), None)).await?;
        Ok(false)
    }

    async fn send(&mut self, mut outgoing: Outgoing) -> io::Result<()> {
        poll_fn(|cx| match outgoing.poll(cx, &mut self.socket)? {
            Sent::All => Poll::Ready(Ok::<_, io::Error>(())),
            Sent::Starved => {
                self.expect_nothing();
                Poll::Pending
            }
            Sent::Stalled { has_moved } => {
                if has_moved {
                    self.expect_nothing();
                }
                self.expect(Owed::Taking);
                self.deadline.check(cx)?;
                Poll::Pending
            }
        })
        .await?;
        self.expect_nothing();
        Ok(())
    }

    /// Begins a wait, unless it has begun.
    fn expect(&mut self, owed: Owed) {
        if self.owed == Some(owed) {
            return;
        }
        let patience = self.gateway.shared.config.patience;
        let since = self.deadline.set(match owed {
            Owed::Head => patience.header,
            Owed::Next => patience.idle,
            Owed::Taking => patience.stall,
        });
        self.show(owed, Some(since));
        self.owed = Some(owed);
    }

    fn expect_nothing(&mut self) {
        if let Some(owed) = self.owed.take() {
            self.show(owed, None);
        }
    }

    /// For who looks for a connection to cut.
    fn show(&self, owed: Owed, since: Option<Instant>) {
        match owed {
            Owed::Head | Owed::Next => self.seat.idle(since),
            Owed::Taking => self.seat.stalled(since),
        }
    }
}
