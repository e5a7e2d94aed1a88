//! What the check learns about the server before anything is changed.

use super::units::CheckedUnit;
use crate::protocol::ReleaseId;
use crate::server::stage::app_access::AppUsers;

/// The state of the server before the deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct InitialState<'a> {
    pub(super) current: Option<ReleaseId>,
    pub(super) previous: Option<ReleaseId>,
    pub(super) units: Vec<CheckedUnit<'a>>,
    /// The other users that the units run as.
    pub(super) app_users: AppUsers,
}
