//! The command line of the server part.

/// The first argument that makes this program the server part.
pub const SUBCOMMAND: &str = "server-part";
