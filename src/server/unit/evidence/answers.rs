//! The answers.

use crate::protocol::{PortHolder, ReleaseProcess, UncheckedListener, UnseenRelease};

/// Whether the answer comes from the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server::unit) enum Origin {
    /// Yes.
    Unit,
    /// No: from this process.
    Other(PortHolder),
    /// It cannot be told.
    Unknown(UncheckedListener),
}

/// Whether what runs belongs to the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server::unit) enum Belongs {
    /// Yes; beside it, these processes of the unit still run other releases.
    Yes { others: Vec<ReleaseProcess> },
    /// No: this process runs another one.
    No(ReleaseProcess),
    /// It cannot be told.
    Unknown(UnseenRelease),
}

/// Both answers at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server::unit) struct Evidence {
    /// `None`: there is no port to look at.
    pub(in crate::server::unit) origin: Option<Origin>,
    pub(in crate::server::unit) belongs: Belongs,
    /// A process of the unit started after the restart.
    pub(in crate::server::unit) has_new_process: bool,
}
