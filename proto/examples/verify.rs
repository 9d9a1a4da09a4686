//! Verifies one URL a hundred times, to count what that costs:
//!
//! ```text
//! valgrind --tool=callgrind target/release/examples/verify <path?query> <secret> <unix seconds>
//! ```
//!
//! A wrong signature must cost the same number of instructions wherever its first wrong digit stands.
use proto::{
    keys::KeyRing,
    signed_url::{secure_path, verify},
};
use std::{error::Error, hint::black_box};

const ROUNDS: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, secret, now] = arguments.as_slice() else {
        return Err("usage: verify <path?query> <secret> <unix seconds>".into());
    };
    let keys = KeyRing::from_settings(Some(secret), None, false)?;
    let (path, query) = target.split_once('?').ok_or("no query")?;
    let (path, now) = (secure_path(path).ok_or("no path of a signed URL")?, now.parse()?);
    for _ in 0..ROUNDS {
        let _ = black_box(verify(black_box(path), black_box(query), &keys, now, 0));
    }
    Ok(())
}
