//! The whole service on its embedded parts, as somebody meets it who has just cloned it.

mod first_start;
mod guards;
mod http;
mod life;
mod lines;
mod page;
mod process;
mod settings;
mod signals;
