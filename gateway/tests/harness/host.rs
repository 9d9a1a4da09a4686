//! What the machine gives each test: an address, and folders to another user.

use std::{
    fs,
    net::Ipv4Addr,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

/// A loopback address that no other running test has, so that the well-known ports are free on it.
pub(super) fn own_address() -> Ipv4Addr {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed) % 250 + 2;
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high, low, u8::try_from(count).expect("it is under 252"))
}

pub(super) fn give_to(path: &Path, id: u32) {
    std::os::unix::fs::lchown(path, Some(id), Some(id)).expect("root can give folders away");
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).expect("a folder can be listed") {
            give_to(&entry.expect("an entry").path(), id);
        }
    }
}
