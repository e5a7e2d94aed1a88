//! The runner half at the other end of a session.

use crate::protocol::TransactionId;
use crate::server::channel::outbox::Outbox;
use crate::server::limits::Limits;
use crate::server::store::layout::Layout;

/// The runner half of one login: the transaction that it asks for, and its connection.
pub(super) struct Client<'a> {
    pub(super) layout: &'a Layout,
    pub(super) transaction: &'a TransactionId,
    /// How many of the transaction's own events the runner half has received.
    pub(super) received: u32,
    pub(super) limits: &'a Limits,
    pub(super) outbox: &'a mut Outbox,
}
