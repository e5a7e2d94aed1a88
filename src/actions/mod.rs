//! GitHub's runner: what it tells us, and the outputs it collects.

mod context;
mod outputs;

pub use context::Context;
pub use outputs::{OutputError, Outputs};
