//! What `smoke-test: auto` starts: the program of the service's first unit, in the release that is tried and on the port of
//! the trial.
//!
//! Systemd's rules are followed by hand, because only systemd itself gives a program what a unit says, and it cannot start a
//! unit twice. In the command, the folder and the variables of the unit,
//! - `current` becomes the release;
//! - the port of the health check becomes that of the trial (`places::ports` says where);
//! - an address that stands for all becomes the loopback (`places::hosts`).

mod directories;
mod env_file;
mod environment;
mod look;
mod obstacles;
mod places;
mod service;
mod sockets;
mod suggestion;
mod trial;
mod variables;

#[cfg(test)]
mod tests;

pub(super) use look::check;
pub(super) use trial::Auto;
