//! One connection of the gateway: request by request to storage, and what comes back, as the plan will have it.

use super::{
    Door, Fault, Seen, Shared,
    fault::{End, Framing, Shape, error_document},
    head::Head,
    listen,
};
use rustix::net::sockopt::set_socket_linger;
use std::{
    io,
    net::SocketAddrV4,
    os::fd::AsFd,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Where a plan has no say: the gateway's own question whether storage can be read.
const READINESS_PROBE: &str = "readiness-probe";
/// The kernel's queue before an open door.
const QUEUE: i32 = 1024;

/// Takes connections in for as long as the test's [`Origin`](super::Origin) lives.
pub(super) async fn accept(
    shared: Arc<Shared>,
    address: SocketAddrV4,
    listener: TcpListener,
    mut door: watch::Receiver<Door>,
) {
    let mut listener = Some(listener);
    loop {
        let state = *door.borrow_and_update();
        match (state, &listener) {
            (Door::Gone, _) => listener = None,
            (Door::Open, None) => listener = Some(listen(address)),
            (Door::Open, Some(listener)) => rustix::net::listen(listener, QUEUE).expect("a listener"),
            (Door::Stuck, Some(listener)) => rustix::net::listen(listener, 0).expect("a listener"),
            (Door::Stuck, None) => {}
        }
        let accepted = async {
            match &listener {
                Some(listener) if state == Door::Open => listener.accept().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            changed = door.changed() => if changed.is_err() { return },
            accepted = accepted => if let Ok((client, _)) = accepted {
                tokio::spawn(serve(Arc::clone(&shared), client, door.clone()));
            },
        }
    }
}

/// Serves one connection, and ends it as it is to end.
async fn serve(shared: Arc<Shared>, client: TcpStream, mut door: watch::Receiver<Door>) {
    let _ = client.set_nodelay(true);
    let Ok(socket) = client.as_fd().try_clone_to_owned() else { return };
    shared.connections.fetch_add(1, Ordering::Relaxed);
    let tls = shared.tls.lock().expect("no holder panics").clone();
    let exchanges = async {
        match tls {
            None => exchanges(&shared, client).await,
            Some(tls) => exchanges(&shared, tls.accept(client).await?).await,
        }
    };
    let end = tokio::select! {
        end = exchanges => end.unwrap_or(End::Close),
        _ = door.changed() => End::Close,
    };
    if end == End::Reset {
        let _ = set_socket_linger(&socket, Some(Duration::ZERO));
    }
    shared.connections.fetch_sub(1, Ordering::Relaxed);
}

async fn exchanges(shared: &Shared, client: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<End> {
    let mut exchange = Exchange { shared, client: BufReader::new(client), storage: None };
    while let Some(request) = Head::read(&mut exchange.client).await? {
        let fault = shared.notice(&request);
        match exchange.answer(&request, fault.as_ref()).await? {
            End::Whole => {}
            End::Stall => {
                exchange.until_the_gateway_leaves().await?;
                return Ok(End::Close);
            }
            end => return Ok(end),
        }
    }
    Ok(End::Close)
}

impl Shared {
    /// Puts a request on the list and asks the plan about it.
    fn notice(&self, request: &Head) -> Option<Fault> {
        let (method, path) = (request.method().to_owned(), request.path().to_owned());
        let seen = Seen { method, path, range: request.range(), at: Instant::now() };
        self.seen.lock().expect("no holder panics").push(seen.clone());
        if seen.path.ends_with(READINESS_PROBE) {
            return None;
        }
        let mut plan = self.plan.lock().expect("no plan panics");
        (*plan)(&seen)
    }
}

struct Exchange<'a, C> {
    shared: &'a Shared,
    client: BufReader<C>,
    /// Kept for the next request, if the last answer was read to its end.
    storage: Option<BufReader<TcpStream>>,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Exchange<'_, C> {
    async fn answer(&mut self, request: &Head, fault: Option<&Fault>) -> io::Result<End> {
        match fault {
            Some(Fault::Status(status)) => {
                self.client.write_all(&error_document(*status, request.method() == "HEAD")).await?;
                return Ok(End::Whole);
            }
            Some(Fault::Raw(bytes)) => {
                self.client.write_all(bytes).await?;
                self.client.flush().await?;
                return Ok(End::Close);
            }
            Some(Fault::Drip) => return self.drip().await,
            Some(Fault::Silence) => return Ok(End::Stall),
            Some(Fault::HangUp) => return Ok(End::Close),
            Some(Fault::Late(delay)) => tokio::time::sleep(*delay).await,
            Some(Fault::Held) => {
                let mut released = self.shared.released.subscribe();
                let _ = released.wait_for(|released| *released).await;
            }
            _ => {}
        }
        self.pass_on(request, fault).await
    }

    async fn pass_on(&mut self, request: &Head, fault: Option<&Fault>) -> io::Result<End> {
        let mut storage = match self.storage.take() {
            Some(storage) => storage,
            None => BufReader::new(TcpStream::connect(&self.shared.storage).await?),
        };
        storage.write_all(&request.to_bytes()).await?;
        let Some(mut head) = Head::read(&mut storage).await? else { return Ok(End::Close) };
        let length = head.body_length(request.method());
        let shape = Shape::of(fault.filter(|_| length > 0), length);
        rewrite(&mut head, fault, &shape, length);
        self.client.write_all(&head.to_bytes()).await?;
        self.send(&mut storage, &shape).await?;
        self.client.flush().await?;
        if shape.bytes == length {
            self.storage = Some(storage);
        }
        Ok(shape.end)
    }

    /// Sends a body as it is to be.
    async fn send(&mut self, storage: &mut BufReader<TcpStream>, shape: &Shape) -> io::Result<()> {
        let mut at = 0;
        while at < shape.bytes {
            let mut piece = storage.fill_buf().await?.to_vec();
            if piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let left = usize::try_from(shape.bytes - at).unwrap_or(usize::MAX);
            piece.truncate(left);
            storage.consume(piece.len());
            let flipped = shape.flipped.and_then(|flipped| flipped.checked_sub(at));
            if let Some(byte) = flipped.and_then(|flipped| piece.get_mut(usize::try_from(flipped).ok()?)) {
                *byte ^= 1;
            }
            at += piece.len() as u64;
            self.send_piece(&piece, shape.framing).await?;
        }
        if shape.extra > 0 {
            self.send_piece(&vec![b'x'; usize::try_from(shape.extra).unwrap_or(0)], shape.framing).await?;
        }
        if shape.framing == Framing::Chunked { self.client.write_all(b"0\r\n\r\n").await } else { Ok(()) }
    }

    async fn send_piece(&mut self, piece: &[u8], framing: Framing) -> io::Result<()> {
        if framing == Framing::Chunked {
            self.client.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
        }
        self.client.write_all(piece).await?;
        if framing == Framing::Chunked {
            self.client.write_all(b"\r\n").await?;
        }
        self.shared.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    async fn drip(&mut self) -> io::Result<End> {
        for byte in format!("HTTP/1.1 206 Partial Content\r\nServer: {}\r\n", "s".repeat(1_000)).bytes() {
            self.client.write_all(&[byte]).await?;
            self.client.flush().await?;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(End::Close)
    }

    async fn until_the_gateway_leaves(&mut self) -> io::Result<()> {
        let mut bytes = [0; 1024];
        while self.client.read(&mut bytes).await? > 0 {}
        Ok(())
    }
}

/// Changes what the fault changes in a head, and what the body's shape makes of its length.
fn rewrite(head: &mut Head, fault: Option<&Fault>, shape: &Shape, length: u64) {
    match shape.framing {
        Framing::Counted(counted) if counted == length => {}
        Framing::Counted(counted) => head.set("Content-Length", Some(&counted.to_string())),
        Framing::Chunked => {
            head.set("Content-Length", None);
            head.set("Transfer-Encoding", Some("chunked"));
        }
        Framing::Unframed => head.set("Content-Length", None),
    }
    match fault {
        Some(Fault::Header(name, value)) => head.set(name, value.as_deref()),
        Some(Fault::Renamed(status)) => head.rename(*status),
        _ => {}
    }
}
