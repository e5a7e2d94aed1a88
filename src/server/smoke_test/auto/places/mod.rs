//! Where a word of a command or the value of a variable has the port, or an address to listen on.

pub(super) mod context;
mod hosts;
pub(super) mod marked;
mod ports;
