//! The runner half: reads the source, connects, sends, follows, and says how it ended.

mod ahead;
mod bounds;
mod changes;
mod conclude;
mod deploy;
mod deployment;
mod follow;
mod lines;
mod list;
mod listener;
mod noise;
mod pipes;
mod progress;
mod reading;
mod ssh;
#[cfg(test)]
mod testing;
mod tree;
mod upload;
mod watch;

pub use deploy::{deploy, draw_transaction, finish};
pub use deployment::Deployment;
pub use list::list;
pub use tree::{Content, LeaveOut, SourceError, Tree, Walked};
