//! The connection to the server, made by the system's OpenSSH client: private agent, generated configuration, one
//! connection and its channels.
//!
//! Knows `protocol` and `settings`.

mod addresses;
mod agent;
mod config;
mod connection;
mod failed_login;
mod folder;
mod host_key;
mod login;
mod master;
mod passphrase;
mod pipes;
mod setup;
mod tools;
mod unexpected;

pub(crate) use connection::{Channel, Connection};
pub(crate) use login::LoginOptions;
pub(crate) use pipes::Pipes;
pub(crate) use setup::LocalSetup;
pub(crate) use unexpected::{LineSplitter, OutputTail, MAX_BYTES};
