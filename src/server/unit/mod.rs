//! The service's unit: its state as systemd reports it, its restart, its verification by state, health check and log,
//! and what the server looked like when a release failed.
//!
//! Knows `exec`, `store` and `channel`.

pub(super) mod diagnostics;
pub(super) mod health;
mod http;
pub(super) mod log;
mod port_owner;
pub(super) mod restart;
pub(super) mod systemd;
mod tls;
pub(super) mod verify;
