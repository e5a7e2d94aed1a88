//! The way to the server: private agent, generated configuration, one connection, and the lines that are run there.

mod agent;
mod binaries;
mod bootstrap;
mod config;
mod copy;
mod folder;
mod host_key;
mod passphrase;
mod ready;
mod refusal;
mod session;
mod tools;

pub(crate) use binaries::{Binaries, Cpu};
pub(crate) use bootstrap::{start_line, Missing};
pub(crate) use copy::copy_server_part;
pub(crate) use ready::Ready;
pub(crate) use session::{Channel, Connection, Login};
