//! GitHub's runner: the variables that it sets, and the outputs and the summary that it reads.
//!
//! Knows `report`.

mod context;
mod event;
mod file;
mod outputs;
mod remote;
mod summary;

pub use context::Context;
pub use outputs::{OutputError, Outputs};
pub use summary::{Summary, SummaryError};
