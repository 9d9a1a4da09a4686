//! From page cache to socket by `sendfile(2)`, through an unmodified hyper and without `unsafe`.
//!
//! A body frame can be a [`Span`]: a part of an open file that stands in for its bytes. hyper counts it by
//! `remaining()`, queues it, and hands its `chunk()` to the transport in a vectored write. That chunk is a *mark*: a
//! few bytes of real memory that belong to this span alone, so that their address says which span they stand for.
//! [`Socket`] knows the marks of its own connection; it writes what stands before one, sends the file's bytes in its
//! place, and reports the sum, which hyper takes off the span by `advance()`. Keep-alive, lengths and shutdown stay
//! hyper's.
//!
//! Invariants:
//! - A mark never reaches a plain write: a [`Chunk`] is made only through the [`Carrier`] of a [`Socket`], which is the
//!   transport of that very connection. Another transport has another body type, and TLS takes no [`Socket`].
//! - A span is a barrier: what stands behind it in the same write waits for the next (hyperium/hyper#3650).
//! - `sendfile` at the end of the file before the end of the span is an error: the connection is cut.

use crate::body::{Carry, Transport};
use bytes::{Buf, Bytes};
use rustix::{
    io::Errno,
    net::{SendAncillaryBuffer, SendFlags, sendmsg},
};
use std::{
    future::Future,
    io::{self, IoSlice},
    ops::Range,
    os::fd::OwnedFd,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
    task::yield_now,
};

/// One `sendfile` call moves at most this.
const CALL: u64 = 1024 * 1024;
/// After so much of files, a connection lets the others of its thread go first: a fast client starves no slow one.
const TURN: u64 = 1024 * 1024;
/// What may wait unsent in the kernel: more would fall out of the processor's cache before the client reads it.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 32 * 1024;

/// What a span's `chunk()` shows. Its content is never sent; its address is the span's name.
type Mark = [u8; 8];
const MARK: Mark = *b"stand-in";

/// A span's state, shared by hyper's queue, which advances it, and the socket, which sends it.
#[derive(Debug)]
struct Slot {
    mark: Mark,
    file: Arc<OwnedFd>,
    next: AtomicU64,
    end: u64,
}

impl Slot {
    fn left(&self) -> Range<u64> {
        self.next.load(Ordering::Relaxed)..self.end
    }
}

/// A part of an open file in place of its bytes.
#[derive(Debug)]
pub(crate) struct Span {
    slot: Arc<Slot>,
    carrier: Carrier,
}

impl Drop for Span {
    fn drop(&mut self) {
        self.carrier.slots().retain(|slot| !Arc::ptr_eq(slot, &self.slot));
    }
}

/// A frame of a body on a connection that can send files.
#[derive(Debug)]
pub(crate) enum Chunk {
    Bytes(Bytes),
    Span(Span),
}

impl Buf for Chunk {
    fn remaining(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Span(span) => {
                let left = span.slot.left();
                usize::try_from(left.end - left.start).unwrap_or(usize::MAX)
            }
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Span(span) => &span.slot.mark[..self.remaining().min(MARK.len())],
        }
    }

    fn advance(&mut self, count: usize) {
        match self {
            Self::Bytes(bytes) => bytes.advance(count),
            Self::Span(span) => {
                span.slot.next.fetch_add(count as u64, Ordering::Relaxed);
            }
        }
    }
}

/// Makes the chunks of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Carrier(Arc<Mutex<Vec<Arc<Slot>>>>);

impl Carry for Carrier {
    type Chunk = Chunk;
    const MOST: u64 = 512 * 1024;

    fn bytes(&self, bytes: Bytes) -> Chunk {
        Chunk::Bytes(bytes)
    }

    fn file(&self, file: Arc<OwnedFd>, range: Range<u64>) -> io::Result<Chunk> {
        Ok(self.span(file, range))
    }
}

impl Carrier {
    /// `range` is not empty.
    fn span(&self, file: Arc<OwnedFd>, range: Range<u64>) -> Chunk {
        let slot = Arc::new(Slot { mark: MARK, file, next: AtomicU64::new(range.start), end: range.end });
        self.slots().push(Arc::clone(&slot));
        Chunk::Span(Span { slot, carrier: self.clone() })
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Slot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first span among the buffers of a write, and how many buffers stand before it.
    fn first_span(&self, buffers: &[IoSlice<'_>]) -> Option<(usize, Arc<Slot>)> {
        let slots = self.slots();
        // A span that has been sent shows an empty chunk: nothing is left of it to stand in for.
        let slot_of = |buffer: &IoSlice<'_>| {
            slots.iter().find(|slot| !buffer.is_empty() && std::ptr::eq(slot.mark.as_ptr(), buffer.as_ptr()))
        };
        buffers.iter().enumerate().find_map(|(index, buffer)| Some((index, Arc::clone(slot_of(buffer)?))))
    }
}

/// Readies a socket for answers.
pub(crate) fn prepare(tcp: &TcpStream) {
    // Both are about speed alone, and a socket that cannot take them fails at its first use.
    let _ = tcp.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(tcp).set_tcp_notsent_lowat(UNSENT);
}

/// A TCP connection that sends spans as the files they stand for.
#[derive(Debug)]
pub(crate) struct Socket {
    tcp: TcpStream,
    carrier: Carrier,
    /// Bytes of files sent since it last let others go first.
    turn: u64,
}

impl Socket {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        prepare(&tcp);
        Self { tcp, carrier: Carrier(Arc::default()), turn: 0 }
    }

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp.poll_read_ready(cx)
    }

    /// Runs a system call that writes, once the socket is ready for it. One that took less than it was offered is not
    /// taken for a full socket: the file may have been cut, and then no readiness would ever come again.
    fn poll_call(
        &self,
        cx: &mut Context<'_>,
        mut call: impl FnMut() -> Result<usize, Errno>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.tcp.poll_write_ready(cx))?;
            match self.tcp.try_io(Interest::WRITABLE, || Ok(call()?)) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                done => return Poll::Ready(done),
            }
        }
    }

    /// What stands before a span, to leave in one packet with its first bytes.
    fn poll_send_before(&self, cx: &mut Context<'_>, buffers: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.poll_call(cx, || sendmsg(&self.tcp, buffers, &mut SendAncillaryBuffer::default(), MORE_FOLLOWS))
    }

    /// `sendfile` holds back what is less than a segment while it has more to send, and then finds no room for that more:
    /// where segments are large the socket would wait for us, and we for the socket, until the kernel's timer ends it.
    fn push(&self) {
        let _ = self.tcp.set_nodelay(true);
    }

    fn poll_send_span(&mut self, cx: &mut Context<'_>, slot: &Slot) -> Poll<io::Result<usize>> {
        if self.turn >= TURN {
            self.turn = 0;
            // Wakes this task, once every other that can go on has had its turn and new readiness was asked for.
            ready!(pin!(yield_now()).poll(cx));
        }
        let left = slot.left();
        let wanted = usize::try_from((left.end - left.start).min(CALL)).unwrap_or(usize::MAX);
        let sent = ready!(self.poll_call(cx, || {
            let sent = transfer(&self.tcp, &slot.file, left.start, wanted);
            if sent == Err(Errno::AGAIN) {
                self.push();
            }
            sent
        }))?;
        if sent == 0 && wanted > 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.turn += sent as u64;
        Poll::Ready(Ok(sent))
    }
}

impl Transport for Socket {
    type Carrier = Carrier;

    fn carrier(&self) -> Carrier {
        self.carrier.clone()
    }
}

#[cfg(target_os = "linux")]
const MORE_FOLLOWS: SendFlags = SendFlags::MORE.union(SendFlags::NOSIGNAL);
#[cfg(not(target_os = "linux"))]
const MORE_FOLLOWS: SendFlags = SendFlags::empty();

#[cfg(target_os = "linux")]
fn transfer(tcp: &TcpStream, file: &OwnedFd, start: u64, wanted: usize) -> Result<usize, Errno> {
    let mut offset = start;
    rustix::fs::sendfile(tcp, file, Some(&mut offset), wanted)
}

/// Where `sendfile` does not exist or is another call: the same bytes by way of a buffer.
#[cfg(not(target_os = "linux"))]
fn transfer(tcp: &TcpStream, file: &OwnedFd, start: u64, wanted: usize) -> Result<usize, Errno> {
    let mut bytes = vec![0; wanted.min(64 * 1024)];
    let read = rustix::io::pread(file, &mut bytes, start)?;
    rustix::io::write(tcp, &bytes[..read])
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    /// hyper writes vectored, always, because [`AsyncWrite::is_write_vectored`] says so; a mark here is a fault.
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.carrier.first_span(&[IoSlice::new(bytes)]).is_some() {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        }
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some((index, slot)) = self.carrier.first_span(buffers) else {
            return Pin::new(&mut self.tcp).poll_write_vectored(cx, buffers);
        };
        let before = &buffers[..index];
        let length: usize = before.iter().map(|buffer| buffer.len()).sum();
        if length == 0 {
            return self.poll_send_span(cx, &slot);
        }
        let sent = ready!(self.poll_send_before(cx, before))?;
        if sent < length {
            return Poll::Ready(Ok(sent));
        }
        match self.poll_send_span(cx, &slot) {
            Poll::Ready(Ok(more)) => Poll::Ready(Ok(sent + more)),
            // What has been sent must be reported; the next write meets the same error, or the socket ready again.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(Ok(sent)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Write, time::Duration};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    async fn connected() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Socket::new(listener.accept().await.unwrap().0), client)
    }

    fn file(bytes: &[u8]) -> Arc<OwnedFd> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Arc::new(file.into())
    }

    /// Writes as hyper does: shows what is left, takes off what was written.
    async fn write(socket: &mut Socket, chunks: &mut [Chunk]) -> io::Result<()> {
        while chunks.iter().any(Buf::has_remaining) {
            let buffers: Vec<_> = chunks.iter().map(|chunk| IoSlice::new(chunk.chunk())).collect();
            let mut written = socket.write_vectored(&buffers).await?;
            for chunk in chunks.iter_mut() {
                let taken = written.min(chunk.remaining());
                chunk.advance(taken);
                written -= taken;
            }
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_span_is_sent_as_its_bytes_between_what_stands_around_it() {
        let (mut socket, mut client) = connected().await;
        let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        let (carrier, file) = (socket.carrier(), file(&bytes));
        let sending = tokio::spawn(async move {
            let mut chunks = [
                Chunk::Bytes(Bytes::from_static(b"head")),
                carrier.span(Arc::clone(&file), 5..2_999_999),
                Chunk::Bytes(Bytes::from_static(b"between")),
                carrier.span(file, 0..3),
            ];
            write(&mut socket, &mut chunks).await.unwrap();
        });
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        sending.await.unwrap();
        assert!(received == [b"head".as_slice(), &bytes[5..2_999_999], b"between", &bytes[..3]].concat());
    }

    #[tokio::test]
    async fn a_client_that_takes_everything_still_lets_others_go_first() {
        const TURNS: usize = 16;
        let (mut socket, client) = connected().await;
        let bytes = vec![7; TURNS * TURN as usize];
        let mut chunks = [socket.carrier().span(file(&bytes), 0..bytes.len() as u64)];
        let mut client = client.into_std().unwrap();
        client.set_nonblocking(false).unwrap();
        let reading = std::thread::spawn(move || io::copy(&mut client, &mut io::sink()).unwrap());
        let mut others = 0;
        {
            let mut writing = pin!(write(&mut socket, &mut chunks));
            let written = std::future::poll_fn(|cx| {
                let written = writing.as_mut().poll(cx);
                others += usize::from(written.is_pending());
                written
            });
            written.await.unwrap();
        }
        assert!(others >= TURNS - 1, "{others}");
        drop(socket);
        assert_eq!(reading.join().unwrap(), bytes.len() as u64);
    }

    #[tokio::test]
    async fn a_file_that_ends_before_its_span_is_an_error() {
        let (mut socket, _client) = connected().await;
        let mut chunks = [socket.carrier().span(file(b"short"), 0..6)];
        assert_eq!(write(&mut socket, &mut chunks).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_file_that_is_cut_within_a_span_is_an_error_and_no_wait() {
        let (mut socket, mut client) = connected().await;
        let mut chunks = [socket.carrier().span(file(&[7; 100_000]), 0..200_000)];
        let ended = tokio::time::timeout(Duration::from_secs(20), write(&mut socket, &mut chunks)).await.unwrap();
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        drop((chunks, socket));
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        assert!(received == [7; 100_000]);
    }

    #[tokio::test]
    async fn a_mark_is_never_written_as_it_is() {
        let (mut socket, _client) = connected().await;
        let span = socket.carrier().span(file(b"bytes"), 0..5);
        assert_eq!(socket.write(span.chunk()).await.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[tokio::test]
    async fn a_dropped_span_is_forgotten() {
        let (socket, _client) = connected().await;
        drop(socket.carrier().span(file(b"bytes"), 0..5));
        assert!(socket.carrier().slots().is_empty());
    }
}
