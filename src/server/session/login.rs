//! What every part of a session needs.

use crate::protocol::TransactionId;
use crate::server::channel::outbox::Outbox;
use crate::server::limits::Limits;
use crate::server::store::layout::Layout;

/// One login of the runner half: the transaction it is for, and the connection.
pub(super) struct Login<'a> {
    pub(super) layout: &'a Layout,
    pub(super) transaction: &'a TransactionId,
    /// How many of the transaction's own events the runner half has received.
    pub(super) received: u32,
    pub(super) limits: &'a Limits,
    pub(super) outbox: &'a mut Outbox,
}
