//! The server part on the server: the line that starts it, and how it gets there where it is missing.
//!
//! Knows `protocol` and `ssh`.

mod binaries;
mod bootstrap;
mod copy;

pub(super) use binaries::Binaries;
pub(super) use bootstrap::{start_line, Missing};
pub(super) use copy::{copy_server_part, still_missing};
