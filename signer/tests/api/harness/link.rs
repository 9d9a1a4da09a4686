//! A line to a server that can be cut and mended.

use std::net::SocketAddr;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// Passes on what it gets, both ways, while it is whole.
pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    to: SocketAddr,
    running: Option<JoinHandle<()>>,
}

impl Link {
    pub(crate) async fn to(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { address, to, running: Some(tokio::spawn(pass_on(listener, to))) }
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
        self.running = Some(tokio::spawn(pass_on(listener, self.to)));
    }
}

async fn pass_on(listener: TcpListener, to: SocketAddr) {
    // Dropped with this task, it ends them all.
    let mut connections = JoinSet::new();
    loop {
        let (mut near, _) = listener.accept().await.unwrap();
        connections.spawn(async move {
            if let Ok(mut far) = TcpStream::connect(to).await {
                let _ = copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}
