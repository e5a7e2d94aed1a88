//! GitHub's runner: what it tells us, the outputs it collects, and the commands it reads from the log.

mod commands;
mod context;
mod outputs;

pub use commands::{add_mask, debug, end_group, error, group, notice, warning};
pub use context::Context;
pub use outputs::{OutputError, Outputs};
