//! The runner half: reads the source, connects, uploads, follows the transaction and decides the outcome.
//!
//! Top down: `pipeline` has the steps of a run, `reconnect` follows a transaction over as many connections as
//! necessary, and `run` is what all runs share. `list` only lists the releases. Below them, `conclude` decides the
//! outcome, `channel` follows one channel, `upload` and `source` are what is sent, `server_part` starts the other half,
//! and `ssh` is the connection.
//!
//! Knows `protocol`, and `settings` for how to log in and what to upload.

mod background;
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
pub use pipeline::{deploy, finish, new_transaction_id};
pub use source::{Content, SourceError, Tree, UnhashedTree, UploadRules};
