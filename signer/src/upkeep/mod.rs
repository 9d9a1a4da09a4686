//! Storage beside the catalog: is each file's object there as its row says, and does anything lie there that belongs to
//! nothing?
//!
//! | part | where |
//! |---|---|
//! | both, page by page | `check` |
//! | what was put back from a copy | `copies` |
//! | what is found, and how it is told | `finding` |
//! | by hand | [`fsck`] |
//! | by the clock, and gently | `background` |
//!
//! What a row says is to go is the sweep's to see to; here it is only looked for what no row knows. Nothing is removed
//! but what lies below `managed/` under a name that the signer gives.

mod background;
mod check;
mod copies;
mod finding;
pub mod fsck;
#[cfg(test)]
mod tests;
