//! GitHub's runner: what it tells us, and the outputs and the summary it collects.

mod context;
mod file;
mod outputs;
mod summary;

pub use context::Context;
pub use outputs::{OutputError, Outputs};
pub use summary::{Summary, SummaryError};
