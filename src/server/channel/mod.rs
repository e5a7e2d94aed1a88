//! The channel to the runner half: messages in, events out; and the
//! file in which a transaction stores its events.
//!
//! Knows `store`.

pub(super) mod current_step;
pub(super) mod event_tail;
pub(super) mod events;
pub(super) mod inbox;
pub(super) mod outbox;
pub(super) mod output;
