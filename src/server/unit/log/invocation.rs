//! Which invocation of a unit a log belongs to. An invocation is systemd's name for one start of a unit.

use crate::protocol::{LogCheck, UnitRef};
use std::time::Duration;

/// The invocation whose log is read.
pub(in crate::server::unit) struct Invocation<'a> {
    pub(in crate::server::unit) unit: UnitRef<'a>,
    /// systemd's id of it.
    pub(in crate::server::unit) id: &'a str,
    /// After a reload, which keeps the invocation: only lines since this time count, since the epoch.
    pub(in crate::server::unit) since: Option<Duration>,
    pub(in crate::server::unit) previous: Option<PreviousInvocation<'a>>,
}

/// The invocation that a restart has ended. Its last lines do not belong to the new one.
#[derive(Debug, Clone, Copy)]
pub(in crate::server::unit) struct PreviousInvocation<'a> {
    pub(in crate::server::unit) id: &'a str,
    /// Its processes. journald looks up a line's invocation only when it reads the line, and by then the next one may
    /// have begun.
    pub(in crate::server::unit) processes: &'a [u32],
}

/// A start that failed, and whose log may explain why.
pub(in crate::server::unit) struct FailedStart<'a> {
    pub(in crate::server::unit) unit: UnitRef<'a>,
    /// `None`: the invocation is still the same.
    pub(in crate::server::unit) previous: Option<PreviousInvocation<'a>>,
    /// When it was requested, since the epoch.
    pub(in crate::server::unit) since: Duration,
    pub(in crate::server::unit) check: &'a LogCheck,
}
