//! The runner half: reads the source, connects, sends, follows, and says how it ended.
//!
//! Top down: `pipeline` takes the steps of a run, `reconnect` carries a transaction over as many connections as it
//! needs, `run` is what both share; `list` asks only one question. Below them, `conclude` decides the outcome,
//! `channel` follows one channel, `upload` and `source` are what is sent, `server_part` starts the other half, and
//! `ssh` is the connection.
//!
//! Knows `protocol`, and `settings` for how to log in and what to upload.

mod ahead;
mod blocking;
mod channel;
mod conclude;
mod deployment;
mod list;
mod pipeline;
mod progress;
mod reconnect;
mod run;
mod server_part;
mod source;
mod ssh;
#[cfg(test)]
mod testing;
mod upload;
mod watch;

pub use deployment::Deployment;
pub use list::list;
pub use pipeline::{deploy, draw_transaction, finish};
pub use source::{Content, LeaveOut, SourceError, Tree, Walked};
