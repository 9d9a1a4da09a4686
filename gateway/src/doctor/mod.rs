//! `gateway doctor <url>`: plays against any server what players play, and says who cannot live with its answers.
//!
//! `target` reads the URL → `probe` knows the questions (pure) → `client` and `play` put them → `record` keeps the answers →
//! `checks` judge them (pure), each a row → `report` adds up and prints → `command` is the command line.

mod answer;
mod checks;
mod client;
mod command;
mod play;
mod probe;
mod record;
mod report;
mod target;

pub use command::{Doctor, NAME, Unexamined, command};
pub use target::NoTarget;
