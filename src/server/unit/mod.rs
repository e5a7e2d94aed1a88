//! The service's unit: its state in systemd, its restart, its verification (state, health check, log) and the diagnostics
//! of a failed release.
//!
//! Knows `exec`, `store` and `channel`.

pub(super) mod app_user;
pub(super) mod definition;
pub(super) mod diagnostics;
mod evidence;
pub(super) mod files;
pub(super) mod going_down;
pub(super) mod health;
pub(super) mod hidden;
mod http;
pub(super) mod known_unit;
pub(super) mod log;
pub(super) mod login;
pub(super) mod needs;
pub(super) mod pager;
pub(super) mod restart;
pub(super) mod sockets;
mod span;
pub(super) mod systemd;
mod tls;
pub(super) mod verify;
