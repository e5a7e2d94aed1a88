//! Names on the server, valid by type: `settings` is where a user's text becomes one.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The folder on the server: an absolute path in normal form, of characters that need no quotes in a shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Target(String);

/// A systemd unit, exactly as the user wrote it: a literal sudoers line for `diting` refuses `diting.service`. Safe in a
/// shell without quotes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitName(String);

impl Target {
    /// A path that has been checked.
    #[must_use]
    pub fn checked(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl UnitName {
    /// A name that has been checked.
    #[must_use]
    pub fn checked(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
