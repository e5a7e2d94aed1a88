//! One login of the runner half: receives the plan, prepares the release, hands the sealed instruction to the
//! transaction's own process and forwards its events while the connection stands.
//!
//! Knows all wings, `recover` and `limits`.

mod check;
mod client;
mod data;
mod finish;
mod follow;
mod initial_state;
mod instruction;
mod own_systemd;
mod run;
mod serve;
mod units;

pub(super) use serve::serve;
