//! `/files/tus`: uploads in as many requests as it takes (TUS 1.0.0).

mod appending;
mod checksums;
mod creation;
mod deferred;
mod discovery;
mod ending;
mod interruptions;
mod people;
mod quota;
mod writers;
