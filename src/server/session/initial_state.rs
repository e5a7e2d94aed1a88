//! What the check learns about the server before anything is changed.

use crate::protocol::ReleaseId;
use crate::server::stage::app_access::AppUsers;
use crate::server::unit::systemd::Unit;

/// The state of the server before the deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct InitialState {
    pub(super) current: Option<ReleaseId>,
    pub(super) previous: Option<ReleaseId>,
    pub(super) unit: Option<Unit>,
    /// Whether the deploy user may reset systemd's start limit.
    pub(super) resettable: bool,
    /// The other users that the unit runs as.
    pub(super) app_users: AppUsers,
}
