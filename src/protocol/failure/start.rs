//! The start that failed: what someone needs to look at it.

use serde::{Deserialize, Serialize};

/// The start of a release that failed, as the server saw it before the rollback. Its texts are untrusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedStart {
    /// systemd's id of it; `None`: nothing was started, or there is no unit.
    pub invocation: Option<String>,
    /// When it was requested: epoch seconds, by the server's clock.
    pub since: u64,
    /// When it had failed.
    pub until: u64,
    /// Where its log is.
    pub log: LogPlace,
    /// The unit's `Type`, and its `TimeoutStartSec` as systemd prints it.
    pub unit_type: String,
    /// As above.
    pub start_timeout: String,
    /// How the start ended: systemd's `Result`.
    pub result: String,
    /// The header `Server` of the health response.
    pub answered_by: Option<String>,
}

/// Where the log of a unit is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogPlace {
    /// In systemd's journal, which the deploy user may not read.
    #[default]
    Journal,
    /// In systemd's journal, where the deploy user may read it.
    ReadableJournal,
    /// In a file: `StandardOutput=append:` and the like.
    File {
        /// Its path.
        path: String,
        /// The deploy user may read it.
        readable: bool,
    },
}
