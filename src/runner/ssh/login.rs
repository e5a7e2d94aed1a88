//! The options of a login.

use crate::settings::Server;
use std::path::Path;
use std::time::Duration;

/// The options of a login.
#[derive(Debug, Clone)]
pub(crate) struct LoginOptions<'a> {
    /// Without a key in it, the agent at `auth_sock` is used.
    pub(crate) server: &'a Server,
    pub(crate) auth_sock: Option<&'a Path>,
    /// How long the private agent keeps the key.
    pub(crate) key_lifetime: Duration,
}
