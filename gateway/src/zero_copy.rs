//! From page cache to socket by `sendfile(2)`, without `unsafe`.
//!
//! Only a plain TCP connection has a [`Socket`]: TLS and HTTP/2 are served over other streams, which have no way to
//! send a file but to copy it.
//!
//! Invariants:
//! - `sendfile` at the end of the file before the end of the range is an error: the connection is cut.
//! - What stands before a file's bytes leaves with `MSG_MORE` only where those bytes follow at once.

use rustix::{
    io::Errno,
    net::{SendAncillaryBuffer, SendFlags, sendmsg},
};
use std::{
    future::Future,
    io::{self, IoSlice},
    net::SocketAddr,
    ops::Range,
    os::fd::OwnedFd,
    pin::{Pin, pin},
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
/// What may wait unsent in the kernel: more would fall out of the processor's cache before a client on this machine reads it,
/// and of what is encrypted it would be memory.
const UNSENT: u32 = 32 * 1024;
/// The same for a client elsewhere, whose acknowledgements wake us: with 100 ms to it and back that is half the CPU for each
/// byte, and 5 % sooner done. It is what a player that seeks away has for nothing.
const UNSENT_AFAR: u32 = 256 * 1024;

/// What follows the bytes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing that is known of: they leave at once.
    Nothing,
    /// A file's bytes, in the next call: they may leave in one packet.
    File,
}

/// Readies a socket for answers that are encrypted.
pub(crate) fn prepare(tcp: &TcpStream) {
    prepare_with(tcp, UNSENT);
}

fn prepare_with(tcp: &TcpStream, unsent: u32) {
    // Both are about speed alone, and a socket that cannot take them fails at its first use.
    let _ = tcp.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(tcp).set_tcp_notsent_lowat(unsent);
    #[cfg(not(target_os = "linux"))]
    let _ = unsent;
}

/// What may wait unsent for this client.
fn unsent(peer: SocketAddr) -> u32 {
    if peer.ip().to_canonical().is_loopback() { UNSENT } else { UNSENT_AFAR }
}

/// A TCP connection that sends files.
#[derive(Debug)]
pub(crate) struct Socket {
    tcp: TcpStream,
    /// Bytes of files sent since it last let others go first.
    turn: u64,
}

impl Socket {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        prepare_with(&tcp, tcp.peer_addr().map_or(UNSENT, unsent));
        Self { tcp, turn: 0 }
    }

    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }

    /// Sends some of these bytes, which are not none, and says how many.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
        then: Then,
    ) -> Poll<io::Result<usize>> {
        let flags = match then {
            Then::Nothing => NO_SIGNAL,
            Then::File => MORE_FOLLOWS,
        };
        self.poll_call(cx, || sendmsg(&self.tcp, buffers, &mut SendAncillaryBuffer::default(), flags))
    }

    /// Sends some of these bytes of a file, which are not none and in memory, and says how many.
    pub(crate) fn poll_send_file(
        &mut self,
        cx: &mut Context<'_>,
        file: &OwnedFd,
        range: &Range<u64>,
    ) -> Poll<io::Result<usize>> {
        if self.turn >= TURN {
            self.turn = 0;
            // Wakes this task, once every other that can go on has had its turn and new readiness was asked for.
            ready!(pin!(yield_now()).poll(cx));
        }
        let wanted = usize::try_from((range.end - range.start).min(CALL)).unwrap_or(usize::MAX);
        let sent = ready!(self.poll_call(cx, || {
            let sent = transfer(&self.tcp, file, range.start, wanted);
            if sent == Err(Errno::AGAIN) {
                self.push();
            }
            sent
        }))?;
        if sent == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.turn += sent as u64;
        Poll::Ready(Ok(sent))
    }

    /// As a stream, for its end.
    pub(crate) fn stream(&mut self) -> &mut (impl AsyncRead + AsyncWrite + Unpin + use<>) {
        &mut self.tcp
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

    /// `sendfile` holds back what is less than a segment while it has more to send, and then finds no room for that more:
    /// where segments are large the socket would wait for us, and we for the socket, until the kernel's timer ends it.
    fn push(&self) {
        let _ = self.tcp.set_nodelay(true);
    }
}

#[cfg(target_os = "linux")]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_os = "linux")]
const MORE_FOLLOWS: SendFlags = SendFlags::MORE.union(SendFlags::NOSIGNAL);
#[cfg(not(target_os = "linux"))]
const NO_SIGNAL: SendFlags = SendFlags::empty();
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::poll_fn, io::Write, sync::Arc, time::Duration};
    use tokio::{io::AsyncReadExt, net::TcpListener};

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

    async fn send(socket: &mut Socket, bytes: &[u8], then: Then) -> io::Result<()> {
        let mut left = bytes;
        while !left.is_empty() {
            let sent = poll_fn(|cx| socket.poll_send(cx, &[IoSlice::new(left)], then)).await?;
            left = &left[sent..];
        }
        Ok(())
    }

    async fn send_file(socket: &mut Socket, file: &OwnedFd, mut range: Range<u64>) -> io::Result<()> {
        while !range.is_empty() {
            range.start += poll_fn(|cx| socket.poll_send_file(cx, file, &range)).await? as u64;
        }
        Ok(())
    }

    #[test]
    fn a_client_on_this_machine_is_told_by_its_address() {
        let unsent = |peer: &str| unsent(SocketAddr::new(peer.parse().unwrap(), 50_000));
        assert_eq!(["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"].map(unsent), [UNSENT; 4]);
        assert_eq!(["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"].map(unsent), [UNSENT_AFAR; 3]);
    }

    #[tokio::test]
    async fn a_file_is_sent_between_what_stands_around_it() {
        let (mut socket, mut client) = connected().await;
        let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        let file = file(&bytes);
        let sending = tokio::spawn(async move {
            send(&mut socket, b"head", Then::File).await.unwrap();
            send_file(&mut socket, &file, 5..2_999_999).await.unwrap();
            send(&mut socket, b"between", Then::File).await.unwrap();
            send_file(&mut socket, &file, 0..3).await.unwrap();
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
        let mut client = client.into_std().unwrap();
        client.set_nonblocking(false).unwrap();
        let reading = std::thread::spawn(move || io::copy(&mut client, &mut io::sink()).unwrap());
        let (file, mut others) = (file(&bytes), 0);
        {
            let mut sending = pin!(send_file(&mut socket, &file, 0..bytes.len() as u64));
            let sent = poll_fn(|cx| {
                let sent = sending.as_mut().poll(cx);
                others += usize::from(sent.is_pending());
                sent
            });
            sent.await.unwrap();
        }
        assert!(others >= TURNS - 1, "{others}");
        drop(socket);
        assert_eq!(reading.join().unwrap(), bytes.len() as u64);
    }

    #[tokio::test]
    async fn a_file_that_ends_before_its_range_is_an_error() {
        let (mut socket, _client) = connected().await;
        let ended = send_file(&mut socket, &file(b"short"), 0..6).await;
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_file_that_is_cut_within_a_range_is_an_error_and_no_wait() {
        let (mut socket, mut client) = connected().await;
        let file = file(&[7; 100_000]);
        let ended = tokio::time::timeout(Duration::from_secs(20), send_file(&mut socket, &file, 0..200_000)).await;
        assert_eq!(ended.unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        drop(socket);
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        assert!(received == [7; 100_000]);
    }
}
