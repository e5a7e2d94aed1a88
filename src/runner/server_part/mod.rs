//! The server part on the server: the command line that starts it, and how it is copied there if it is missing.
//!
//! Knows `protocol` and `ssh`.

mod binaries;
mod bootstrap;
mod copy;

pub(super) use binaries::Binaries;
pub(super) use bootstrap::{read_unsafe, start_line, MissingServerPart};
pub(super) use copy::{copy_server_part, still_missing};
