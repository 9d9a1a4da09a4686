//! A line to a server that can be cut, mended, and brought to a standstill.

use std::{future::pending, net::SocketAddr};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

/// Passes on what it gets, both ways, while it is whole.
pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    to: SocketAddr,
    still: CancellationToken,
    running: Option<JoinHandle<()>>,
}

impl Link {
    pub(crate) async fn to(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, still) = (listener.local_addr().unwrap(), CancellationToken::new());
        let running = Some(tokio::spawn(pass_on(listener, to, still.clone())));
        Self { address, to, still, running }
    }

    /// Ends every connection, and takes no more.
    pub(crate) async fn cut(&mut self) {
        let Some(running) = self.running.take() else { return };
        running.abort();
        let _ = running.await;
    }

    /// At the same address again.
    pub(crate) async fn mend(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.running = Some(tokio::spawn(pass_on(listener, self.to, self.still.clone())));
    }

    /// From now on every connection stays open, takes what it is given, and says nothing.
    pub(crate) fn stand_still(&self) {
        self.still.cancel();
    }
}

async fn pass_on(listener: TcpListener, to: SocketAddr, still: CancellationToken) {
    // Dropped with this task, it ends them all.
    let mut connections = JoinSet::new();
    loop {
        let (mut near, _) = listener.accept().await.unwrap();
        let still = still.clone();
        connections.spawn(async move {
            let Ok(mut far) = TcpStream::connect(to).await else { return };
            tokio::select! {
                () = still.cancelled() => pending::<()>().await,
                _ = copy_bidirectional(&mut near, &mut far) => {}
            }
        });
    }
}
