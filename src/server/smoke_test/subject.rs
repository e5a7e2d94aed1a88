//! What is tried.

use crate::protocol::{Plan, ReleaseId};
use crate::server::limits::Limits;
use crate::server::store::layout::Layout;

/// The smoke test of one release, which is installed and not sealed yet.
pub(in crate::server) struct Trial<'a> {
    pub(in crate::server) layout: &'a Layout,
    pub(in crate::server) plan: &'a Plan,
    pub(in crate::server) release: &'a ReleaseId,
    pub(in crate::server) limits: &'a Limits,
}
