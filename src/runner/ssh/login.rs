//! What a login needs.

use crate::settings::Server;
use std::path::Path;
use std::time::Duration;

/// All that a login needs.
#[derive(Debug, Clone)]
pub(crate) struct Login<'a> {
    /// Where, and with which key. Without a key the agent behind `auth_sock` is asked.
    pub(crate) server: &'a Server,
    pub(crate) auth_sock: Option<&'a Path>,
    /// How long the key may be used.
    pub(crate) key_life: Duration,
}
