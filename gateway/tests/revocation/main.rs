//! What ends access ends it everywhere: for the next request, for the streams in flight; and what happens while the
//! gateway cannot hear of it (contract section 6).
#[path = "../harness/mod.rs"]
mod harness;

mod catalogs;
mod restored;
mod streams;
mod unheard;
