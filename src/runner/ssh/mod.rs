//! The connection to the server, by the system's OpenSSH client: private agent, generated configuration, one
//! connection, and channels over it.
//!
//! Knows `protocol` only.

mod agent;
mod config;
mod folder;
mod host_key;
mod login;
mod passphrase;
mod pipes;
mod ready;
mod refusal;
mod session;
mod tools;
mod unexpected;

pub(crate) use login::Login;

pub(crate) use pipes::Pipes;
pub(crate) use ready::Ready;
pub(crate) use session::{Channel, Connection};
pub(crate) use unexpected::{Lines, Tail, MOST_BYTES};
