//! Who holds the lock.

use crate::text::amounts::utc;
use crate::text::excerpt::excerpt;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who holds the lock: informative only. Its texts are untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Link to the run.
    pub run: Option<String>,
    /// Who.
    pub actor: Option<String>,
    /// Epoch seconds, by the server's clock.
    pub since: u64,
}

/// Fits in parentheses.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(actor) = &self.actor {
            write!(f, "by {}, ", excerpt(actor))?;
        }
        write!(f, "since {}", utc(self.since))?;
        match &self.run {
            Some(run) => write!(f, ", {}", excerpt(run)),
            None => Ok(()),
        }
    }
}
