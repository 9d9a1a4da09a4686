//! TLS and HTTP/2: the same answers, the same bounds, and nothing else on the port (A9, A11, A15 and A16 over TLS).
#[path = "../harness/mod.rs"]
mod harness;

mod answers;
mod floods;
mod patience;
mod port;
mod reload;
mod settings;
mod stopping;

use harness::{File, Gateway, bytes};

/// A gateway that speaks TLS, and a file.
fn gateway_and_file() -> (Gateway, File) {
    let gateway = harness::setup().tls().start();
    let file = gateway.store("clip.mp4", &bytes(1000));
    (gateway, file)
}
